-- depends: 0001.places

-- A reading is (series, observed_at); a second write of the same key changes nothing.
-- No foreign key on series_id: the ingest process writes only series that it read or wrote itself, and the check
-- would cost a look-up per row; ``latest``, a row per series, holds the key instead.
CREATE TABLE reading (
    series_id   integer          NOT NULL,
    observed_at timestamptz      NOT NULL,
    value       double precision NOT NULL,
    quality     smallint         NOT NULL,
    received_at timestamptz      NOT NULL,
    PRIMARY KEY (series_id, observed_at)
);

-- The newest reading of each series: the page and the live feed read this, not the history.
CREATE TABLE latest (
    series_id   integer          PRIMARY KEY REFERENCES series,
    observed_at timestamptz      NOT NULL,
    value       double precision NOT NULL,
    quality     smallint         NOT NULL,
    received_at timestamptz      NOT NULL
);

-- What was refused, kept raw. ``payload`` may be cut at the kept limit, ``size_bytes`` never lies.
CREATE TABLE rejection (
    rejection_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at   timestamptz NOT NULL,
    reason        text        NOT NULL,
    detail        text        NOT NULL,
    topic         text        NOT NULL,
    payload       bytea       NOT NULL,
    size_bytes    integer     NOT NULL,
    properties    jsonb       NOT NULL,
    external_id   text,
    commune_insee char(5),
    -- A message delivered twice is refused once: same message, same reason, same words.
    digest        bytea       NOT NULL UNIQUE
);
CREATE INDEX rejection_received ON rejection (received_at DESC);

-- Whole messages of sensors that nobody adopted yet; replayed and deleted at adoption.
CREATE TABLE aside (
    aside_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    external_id text        NOT NULL,
    network     text        NOT NULL,
    topic       text        NOT NULL,
    payload     bytea       NOT NULL,
    properties  jsonb       NOT NULL,
    digest      bytea       NOT NULL UNIQUE
);
CREATE INDEX aside_sensor ON aside (external_id, aside_id);

-- Readings stored per minute of arrival, for the page's reception figures; kept for two days.
CREATE TABLE reception (
    commune_insee char(5)     NOT NULL,
    kind          text        NOT NULL,
    minute        timestamptz NOT NULL,
    stored        integer     NOT NULL,
    PRIMARY KEY (minute, commune_insee, kind)
);

-- What the live feed sends, in commit order (writers hold an advisory lock until they commit), kept for an hour.
CREATE TABLE live_event (
    event_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at    timestamptz NOT NULL,
    commune_insee char(5)     NOT NULL,
    kind          text        NOT NULL,
    body          jsonb       NOT NULL
);
CREATE INDEX live_event_commune ON live_event (commune_insee, event_id);
CREATE INDEX live_event_created ON live_event (created_at);
