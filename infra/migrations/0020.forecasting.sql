-- depends: 0019.weather

-- What a forecast doubts, and its expected value beside its quantiles: what came before doubted nothing, and told none.
ALTER TABLE forecast ADD COLUMN doubts text[] NOT NULL DEFAULT '{}';
ALTER TABLE forecast_step ADD COLUMN mean double precision;
CREATE OR REPLACE VIEW seen.forecast_step WITH (security_barrier) AS
SELECT series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive, mean FROM public.forecast_step
 WHERE (SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see'));

-- How a model came to be: enough to make it again, and what it cost. sha256 is the artifact's.
ALTER TABLE model ADD COLUMN code_version text,
                  ADD COLUMN seed         integer,
                  ADD COLUMN parameters   jsonb NOT NULL DEFAULT '{}',
                  ADD COLUMN sha256       text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
                  ADD COLUMN energy_kwh   double precision CHECK (energy_kwh >= 0),
                  ADD COLUMN co2e_g       double precision CHECK (co2e_g >= 0),
                  ADD COLUMN why          text NOT NULL DEFAULT 'schedule';

-- Which model speaks for a metric since when; the newest line counts. Never changed: to roll back is a new line.
CREATE TABLE reign (
    metric   text        NOT NULL,
    since    timestamptz NOT NULL,
    model_id integer     NOT NULL REFERENCES model,
    by       text        NOT NULL,
    why      text        NOT NULL,
    PRIMARY KEY (metric, since)
);
-- Until now each new model spoke from the moment that it was trained.
INSERT INTO reign (metric, since, model_id, by, why)
SELECT DISTINCT ON (metric) metric, trained_at, model_id, 'vigie', 'newest'
  FROM model ORDER BY metric, trained_at DESC, model_id DESC;

-- What people say against a model.
CREATE TABLE model_concern (
    concern_id integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id   integer     NOT NULL REFERENCES model,
    said_at    timestamptz NOT NULL,
    by         text        NOT NULL,
    said       text        NOT NULL CHECK (length(said) BETWEEN 1 AND 2000)
);
CREATE INDEX model_concern_model ON model_concern (model_id, said_at);

-- How forecasts turned out: sums over the steps of a local day of Europe/Paris that came true, incremented in the
-- transaction that writes the forecast's score, so exactly once. model_id 0 is the naive forecast; issued is false for what
-- a model would have said where it was only tried. below counts the truths under each of the seven levels.
CREATE TABLE score_day (
    series_id            integer          NOT NULL REFERENCES series,
    day                  date             NOT NULL,
    model_id             integer          NOT NULL,
    issued               boolean          NOT NULL,
    lead_from_h          smallint         NOT NULL CHECK (lead_from_h >= 0),
    regime               smallint         NOT NULL CHECK (regime BETWEEN 0 AND 2),
    steps                integer          NOT NULL CHECK (steps > 0),
    pinball              double precision NOT NULL,
    pinball_naive        double precision NOT NULL,
    absolute_error       double precision NOT NULL,
    absolute_error_naive double precision NOT NULL,
    within_80            integer          NOT NULL CHECK (within_80 BETWEEN 0 AND steps),
    within_90            integer          NOT NULL CHECK (within_90 BETWEEN 0 AND steps),
    below                integer[]        NOT NULL CHECK (cardinality(below) = 7),
    PRIMARY KEY (series_id, day, model_id, issued, lead_from_h, regime)
);
CREATE INDEX score_day_day ON score_day (day);

-- What a series' quantiles are moved by since an instant, learnt from forecasts that came true: one per level, in multiples
-- of a row's own width from p10 to p90.
CREATE TABLE online_shift (
    series_id integer     NOT NULL REFERENCES series,
    since     timestamptz NOT NULL,
    shifts    real[]      NOT NULL CHECK (cardinality(shifts) = 7),
    PRIMARY KEY (series_id, since)
);

-- Who speaks for a series since an instant: its metric's model or, while that is worse, the naive forecast.
CREATE TABLE speaker (
    series_id    integer          NOT NULL REFERENCES series,
    since        timestamptz      NOT NULL,
    model_speaks boolean          NOT NULL,
    skill        double precision NOT NULL,
    PRIMARY KEY (series_id, since)
);

-- The newest issue of a metric's forecasts in a commune that was made, written with its forecasts: what the tick looks at to
-- ask for the next. Where nothing could be forecast it is written too.
CREATE TABLE newest_issue (
    metric        text        NOT NULL,
    commune_insee char(5)     NOT NULL REFERENCES commune,
    issued_at     timestamptz NOT NULL,
    PRIMARY KEY (metric, commune_insee)
);
INSERT INTO newest_issue (metric, commune_insee, issued_at)
SELECT series.metric, site.commune_insee, max(newest.issued_at)
  FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
 CROSS JOIN LATERAL (
       SELECT issued_at FROM forecast WHERE forecast.series_id = series.series_id ORDER BY issued_at DESC LIMIT 1
       ) AS newest
 GROUP BY series.metric, site.commune_insee;

-- The hours of series that readings came into, or a calibration, and that wait to be judged and rolled up again.
CREATE FUNCTION touched_hours(asked integer[]) RETURNS TABLE (series_id integer, hour timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT mark.series_id, mark.hour
      FROM touched CROSS JOIN LATERAL unnest(touched.series_ids, touched.hours) AS mark (series_id, hour)
     WHERE touched.series_ids && asked AND mark.series_id = ANY(asked)
$$;
-- Marks of a batch are of several places: under the api, those of the series that are seen.
CREATE FUNCTION seen.touched_hours(asked integer[]) RETURNS TABLE (series_id integer, hour timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM public.touched_hours(
        CASE WHEN sees_all() THEN asked
             ELSE ARRAY(SELECT unnest(asked) INTERSECT SELECT * FROM reached_series('see')) END);
END
$$;
REVOKE ALL ON FUNCTION touched_hours(integer[]), seen.touched_hours(integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION touched_hours(integer[]) TO vigie_worker;
GRANT EXECUTE ON FUNCTION seen.touched_hours(integer[]) TO vigie_api;

DO $$
DECLARE
    of text;
BEGIN
    FOREACH of IN ARRAY ARRAY['reign', 'model_concern', 'score_day', 'online_shift', 'speaker', 'newest_issue'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of);
        EXECUTE format('REVOKE ALL ON %I FROM vigie_door, vigie_ingest, vigie_worker', of);
        EXECUTE format('CREATE POLICY %I ON %I TO vigie_worker USING (true) WITH CHECK (true)', of || '_worked', of);
    END LOOP;
END
$$;
GRANT SELECT, INSERT ON reign, online_shift, speaker TO vigie_worker;
GRANT SELECT, INSERT, UPDATE ON score_day, newest_issue TO vigie_worker;
GRANT SELECT ON model_concern TO vigie_worker;

-- Models speak for all communes: whoever sees something may see what they are, how they came to be and what is said of
-- them, and say something; which one speaks is said by who operates all. A forecast is explained by the model itself.
GRANT SELECT (artifact, code_version, seed, parameters, sha256, energy_kwh, co2e_g, why) ON model TO vigie_api;
GRANT SELECT, INSERT ON reign TO vigie_api;
GRANT SELECT, INSERT (model_id, said_at, by, said) ON model_concern TO vigie_api;
CREATE POLICY reign_seen ON reign FOR SELECT TO vigie_api USING ((SELECT may_somewhere('see')));
CREATE POLICY reign_said ON reign FOR INSERT TO vigie_api WITH CHECK ((SELECT may_all('operate')));
CREATE POLICY model_concern_seen ON model_concern FOR SELECT TO vigie_api USING ((SELECT may_somewhere('see')));
CREATE POLICY model_concern_said ON model_concern FOR INSERT TO vigie_api
    WITH CHECK ((SELECT may_somewhere('see')));

-- How forecasts of a series do is seen by who sees the series.
GRANT SELECT ON score_day, online_shift, speaker TO vigie_api;
CREATE POLICY score_day_seen ON score_day FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));
CREATE POLICY online_shift_seen ON online_shift FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));
CREATE POLICY speaker_seen ON speaker FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));
