-- depends: 0018.webhooks

-- Forecasts of the weather as they were issued, one row an issue and commune; never changed. received_at is from when on a
-- forecast of ours may use it; kept_at is when the row was written here: later where a past was filled in afterwards, so that
-- what was issued meanwhile is made again without it. Hours from start on, NaN where the provider says nothing.
CREATE TABLE weather_issue (
    commune_insee    char(5)     NOT NULL REFERENCES commune,
    provider         text        NOT NULL CHECK (provider ~ '^[a-z][a-z0-9-]{0,31}$'),
    issued_at        timestamptz NOT NULL,
    received_at      timestamptz NOT NULL CHECK (received_at >= issued_at),
    kept_at          timestamptz NOT NULL CHECK (kept_at >= received_at),
    start            timestamptz NOT NULL,
    temperature_c    real[]      NOT NULL CHECK (array_ndims(temperature_c) = 1),
    humidity_ratio   real[]      NOT NULL CHECK (array_ndims(humidity_ratio) = 1),
    irradiance_wm2   real[]      NOT NULL CHECK (array_ndims(irradiance_wm2) = 1),
    wind_ms          real[]      NOT NULL CHECK (array_ndims(wind_ms) = 1),
    precipitation_mm real[]      NOT NULL CHECK (array_ndims(precipitation_mm) = 1),
    cloud_ratio      real[]      NOT NULL CHECK (array_ndims(cloud_ratio) = 1),
    PRIMARY KEY (commune_insee, provider, issued_at),
    CHECK (cardinality(temperature_c) BETWEEN 1 AND 384
           AND cardinality(humidity_ratio) = cardinality(temperature_c)
           AND cardinality(irradiance_wm2) = cardinality(temperature_c)
           AND cardinality(wind_ms) = cardinality(temperature_c)
           AND cardinality(precipitation_mm) = cardinality(temperature_c)
           AND cardinality(cloud_ratio) = cardinality(temperature_c)),
    -- A null has no place in the wire form that they are read in (core/store/weather.py).
    CHECK (array_position(temperature_c, NULL) IS NULL AND array_position(humidity_ratio, NULL) IS NULL
           AND array_position(irradiance_wm2, NULL) IS NULL AND array_position(wind_ms, NULL) IS NULL
           AND array_position(precipitation_mm, NULL) IS NULL AND array_position(cloud_ratio, NULL) IS NULL)
)
-- Four days of six variables are 2.4 kB: kept in the row, a season of all communes is read in half the time.
WITH (toast_tuple_target = 8160);
CREATE INDEX weather_issue_received ON weather_issue (commune_insee, received_at DESC);

ALTER TABLE weather_issue ENABLE ROW LEVEL SECURITY;
CREATE POLICY weather_issue_worked ON weather_issue TO vigie_worker USING (true) WITH CHECK (true);
-- The weather is no secret of a commune: whoever is let in may know it.
CREATE POLICY weather_issue_seen ON weather_issue FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
GRANT SELECT, INSERT, DELETE ON weather_issue TO vigie_worker;
GRANT SELECT ON weather_issue TO vigie_api;
