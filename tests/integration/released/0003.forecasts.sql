-- Rows in every table of the schema that ends with 0003: two meters over nine weeks, one of them to this very hour.
INSERT INTO site (commune_insee, code, name, longitude, latitude) VALUES ('93051', 'mairie', 'Mairie', 2.55, 48.85);
INSERT INTO sensor (external_id, kind, name, site_id, origin, adopted_at)
SELECT 'm' || number, 'meter', 'M' || number, 1, 'field', '2026-01-01+00' FROM generate_series(1, 2) AS number;
INSERT INTO series (sensor_id, metric) SELECT sensor_id, 'power_kw' FROM sensor ORDER BY sensor_id;
INSERT INTO reading (series_id, observed_at, value, quality, received_at)
SELECT 1, at, extract(hour FROM at), 0, at + interval '1 second'
  FROM generate_series('2025-12-30 22:00+00', '2026-03-02 08:00+00', interval '1 hour') AS at
UNION ALL
SELECT 2, at, 7.5, 2, at
  FROM generate_series(date_trunc('hour', now()) - interval '9 days', now(), interval '1 hour') AS at;
INSERT INTO latest (series_id, observed_at, value, quality, received_at)
SELECT DISTINCT ON (series_id) series_id, observed_at, value, quality, received_at
  FROM reading ORDER BY series_id, observed_at DESC;
INSERT INTO rejection (received_at, reason, detail, topic, payload, size_bytes, properties, external_id, commune_insee,
                       digest)
VALUES ('2026-03-01+00', 'unknown_unit', 'no unit hp', 'vigie/v1/93051/meter/m1/up', '[1]', 3, '{"lane": "all"}', 'm1',
        '93051', '\x01');
INSERT INTO aside (received_at, external_id, network, topic, payload, properties, digest)
VALUES ('2026-03-01+00', 'm9', 'native', 'vigie/v1/93051/meter/m9/up', '[2]', '{}', '\x02');
INSERT INTO reception (commune_insee, kind, minute, stored) VALUES ('93051', 'meter', '2026-03-01+00', 3);
INSERT INTO live_event (created_at, commune_insee, kind, body)
VALUES ('2026-03-01+00', '93051', 'readings', '[{"series_id": 1, "value": 1.5}]');
INSERT INTO model (metric, trained_at, history_start, history_end, rows, series, duration_s, card, artifact)
VALUES ('power_kw', '2026-03-01+00', '2026-01-01+00', '2026-03-01+00', 10, 1, 1.5, '{"rounds": 3}', '\x0102');
INSERT INTO forecast (series_id, issued_at, step_s, steps, history_until, model_id, fallback, created_at)
VALUES (1, '2026-03-01+00', 3600, 1, '2026-02-28 23:00+00', 1, NULL, '2026-03-01+00');
INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive)
VALUES (1, '2026-03-01+00', '2026-03-01+00', 1, 2, 3, 4, 5, 6, 7, 4.5);
INSERT INTO score (series_id, issued_at, scored_at, steps, pinball, pinball_naive, absolute_error, absolute_error_naive,
                   coverage, model_id)
VALUES (1, '2026-03-01+00', '2026-03-03+00', 1, 0.1, 0.2, 0.3, 0.4, 0.8, 1);
