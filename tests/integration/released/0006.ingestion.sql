-- Rows in the tables that 0006 brought; its triggers fill the table kept.
UPDATE reading SET flags = 4 WHERE series_id = 2;
INSERT INTO device_model (model, maker, title, kinds) VALUES ('pulse', 'Maker', 'Pulse', '{meter}');
INSERT INTO former_device (external_id, sensor_id, removed_at, model) VALUES ('m0', 1, '2026-01-05+00', 'pulse');
INSERT INTO former_place (sensor_id, site_id, left_at) VALUES (1, 1, '2026-01-05+00');
INSERT INTO sensor_change (sensor_id, changed_at, what, before, after, author)
VALUES (1, '2026-01-05+00', 'replaced', '{"external_id": "m0"}', '{"external_id": "m1"}', 'Nadia');
INSERT INTO frame (sensor_id, session, f_cnt, observed_at, received_at, arrival)
SELECT 1, 's1', number, '2026-02-01+00'::timestamptz + number * interval '20 minutes', '2026-02-01+00', 'live'
  FROM generate_series(1, 9) AS number;
INSERT INTO timeless (lane, packet_id, digest, received_at) VALUES ('all', 7, '\x03', '2026-03-01+00');
INSERT INTO touched (series_ids, hours) VALUES ('{1,1}', '{2026-03-01 00:00+00,2026-03-01 01:00+00}');
INSERT INTO rollup_hour (series_id, hour, count, good, slots, mean, low, high, last, increment)
VALUES (1, '2026-01-05+00', 1, 1, 1, 0, 0, 0, 0, NULL), (1, '2026-01-05 01:00+00', 1, 1, 1, 1, 1, 1, 1, NULL);
INSERT INTO calibration (series_id, valid_from, set_at, gain, shift, author)
VALUES (1, '2026-02-01+00', '2026-02-02+00', 2, -1, 'Nadia');
INSERT INTO rejection (received_at, last_received_at, reason, detail, topic, payload, size_bytes, properties, digest)
VALUES ('2026-03-01+00', '2026-03-01+00', 'flooded', '', 'vigie/v1/93051/meter/m1/up', '[3]', 3, '{}', '\x04');
INSERT INTO pruned (day, what, reason, bound, messages, bytes) VALUES ('2026-03-01', 'rejection', 'flooded', 'age', 3, 99);
INSERT INTO intake (kind, asked_at, author, arguments, state, changed_at, ended_at)
VALUES ('import', '2026-03-01+00', 'Nadia', '{"files": ["a.csv"]}', 'done', '2026-03-01+00', '2026-03-01+00');
INSERT INTO heartbeat (lane, sent_at, received_at, committed_at)
VALUES ('all', '2026-03-01+00', '2026-03-01 00:00:01+00', '2026-03-01 00:00:01+00');
