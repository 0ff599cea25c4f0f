-- Places: communes, sites, sensors, series. Small tables; every other table hangs on them.

CREATE TABLE commune (
    insee          char(5) PRIMARY KEY,
    name           text    NOT NULL,
    department     text    NOT NULL,
    territory_code text    NOT NULL,
    territory_name text    NOT NULL,
    population     integer CHECK (population >= 0),
    member_until   date,
    merged_into    char(5) REFERENCES commune
);

CREATE TABLE site (
    site_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commune_insee char(5) NOT NULL REFERENCES commune,
    code          text    NOT NULL CHECK (code <> ''),
    name          text    NOT NULL CHECK (name <> ''),
    longitude     double precision CHECK (longitude BETWEEN -180 AND 180),
    latitude      double precision CHECK (latitude BETWEEN -90 AND 90),
    UNIQUE (commune_insee, code),
    CHECK ((longitude IS NULL) = (latitude IS NULL))
);

CREATE TABLE sensor (
    sensor_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id text        NOT NULL UNIQUE CHECK (external_id = lower(external_id)),
    kind        text        NOT NULL,
    name        text        NOT NULL,
    site_id     integer     NOT NULL REFERENCES site,
    origin      text        NOT NULL CHECK (origin IN ('field', 'replayed', 'simulated')),
    adopted_at  timestamptz NOT NULL
);
CREATE INDEX sensor_site ON sensor (site_id);

CREATE TABLE series (
    series_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor_id integer NOT NULL REFERENCES sensor,
    metric    text    NOT NULL,
    UNIQUE (sensor_id, metric)
);
CREATE INDEX series_metric ON series (metric);
