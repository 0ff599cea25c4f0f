-- depends: 0005.decisions

-- What a sensor is made of and how often it speaks; a retired one takes nothing observed from then on.
ALTER TABLE sensor ADD COLUMN model text;
ALTER TABLE sensor ADD COLUMN interval_s integer CHECK (interval_s BETWEEN 1 AND 604800);
ALTER TABLE sensor ADD COLUMN retired_at timestamptz;

-- The device models that the ingest processes can decode, written by them at their start, read by the pages.
CREATE TABLE device_model (
    model text PRIMARY KEY,
    maker text NOT NULL,
    title text NOT NULL,
    kinds text[] NOT NULL
);

-- A sensor that was replaced keeps its id and its series; what the former device still sends, observed before, counts.
CREATE TABLE former_device (
    external_id text        PRIMARY KEY CHECK (external_id = lower(external_id)),
    sensor_id   integer     NOT NULL REFERENCES sensor,
    removed_at  timestamptz NOT NULL
);

-- Where a sensor stood before it was moved: native topics of that commune still count when observed before.
CREATE TABLE former_place (
    sensor_id integer     NOT NULL REFERENCES sensor,
    site_id   integer     NOT NULL REFERENCES site,
    left_at   timestamptz NOT NULL,
    PRIMARY KEY (sensor_id, left_at)
);

-- What people did with a sensor: adopted, edited, moved, replaced, retired, calibrated.
CREATE TABLE sensor_change (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor_id  integer     NOT NULL REFERENCES sensor,
    changed_at timestamptz NOT NULL,
    what       text        NOT NULL,
    before     jsonb       NOT NULL,
    after      jsonb       NOT NULL,
    author     text        NOT NULL
);
CREATE INDEX sensor_change_sensor ON sensor_change (sensor_id, change_id DESC);

-- Why a reading is less than good: a set of bits (core.readings.Flag).
ALTER TABLE reading ADD COLUMN flags smallint NOT NULL DEFAULT 0;
ALTER TABLE latest ADD COLUMN flags smallint NOT NULL DEFAULT 0;

-- The frame ledger: each LoRaWAN frame heard, once, whatever its path. The session renews with a join.
CREATE TABLE frame (
    sensor_id   integer     NOT NULL,
    session     text        NOT NULL,
    f_cnt       bigint      NOT NULL CHECK (f_cnt >= 0),
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    arrival     text        NOT NULL,
    PRIMARY KEY (sensor_id, session, f_cnt, observed_at)
);
CREATE INDEX frame_time ON frame (sensor_id, observed_at);

-- Messages without a time of their own: the packet that last brought each, so that the broker's second delivery of
-- the same packet is known. Packet ids are 16 bits: at most 65,535 rows a lane.
CREATE TABLE timeless (
    lane        text        NOT NULL,
    packet_id   integer     NOT NULL,
    digest      bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (lane, packet_id)
);

-- Hours whose readings changed: one row per batch, element i of one array belongs to element i of the other.
-- Taken by the worker, which judges the readings again and writes the roll-ups; a mark goes with its work's commit.
CREATE TABLE touched (
    touched_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series_ids integer[]     NOT NULL,
    hours      timestamptz[] NOT NULL
);

-- Hourly roll-ups, UTC, named by their start. An hour without a reading has no row, never a zero.
CREATE TABLE rollup_hour (
    series_id integer          NOT NULL,
    hour      timestamptz      NOT NULL,
    count     integer          NOT NULL,
    good      integer          NOT NULL,
    slots     smallint         NOT NULL,
    mean      double precision,
    low       double precision,
    high      double precision,
    last      double precision,
    increment double precision,
    PRIMARY KEY (series_id, hour)
);

-- measured = raw * gain + shift, from valid_from on; the newest set_at of one valid_from counts, as of an instant.
CREATE TABLE calibration (
    series_id  integer          NOT NULL REFERENCES series,
    valid_from timestamptz      NOT NULL,
    set_at     timestamptz      NOT NULL,
    gain       double precision NOT NULL CHECK (gain <> 0 AND gain BETWEEN -1000 AND 1000),
    shift      double precision NOT NULL,
    author     text             NOT NULL,
    note       text             NOT NULL DEFAULT '',
    PRIMARY KEY (series_id, valid_from, set_at)
);

CREATE FUNCTION calibration_as_of(as_of timestamptz)
RETURNS TABLE (series_id integer, valid_from timestamptz, valid_until timestamptz,
               gain double precision, shift double precision)
LANGUAGE sql STABLE AS $$
    SELECT series_id, valid_from,
           coalesce(lead(valid_from) OVER (PARTITION BY series_id ORDER BY valid_from), 'infinity'::timestamptz),
           gain, shift
      FROM (SELECT DISTINCT ON (series_id, valid_from) series_id, valid_from, gain, shift
              FROM calibration WHERE as_of IS NULL OR set_at <= as_of
             ORDER BY series_id, valid_from, set_at DESC) AS newest
$$;

-- Rejections can be replayed: through which decoder a message went, how often it came, what became of it since.
ALTER TABLE rejection ADD COLUMN decoder text NOT NULL DEFAULT '';
ALTER TABLE rejection ADD COLUMN times integer NOT NULL DEFAULT 1;
ALTER TABLE rejection ADD COLUMN last_received_at timestamptz;
ALTER TABLE rejection ADD COLUMN replayed_at timestamptz;
ALTER TABLE rejection ADD COLUMN settled_as text CHECK (settled_as IN ('stored', 'duplicate', 'aside', 'rejected'));
UPDATE rejection SET last_received_at = received_at;
ALTER TABLE rejection ALTER COLUMN last_received_at SET NOT NULL;
CREATE INDEX rejection_sensor ON rejection (external_id, reason);
CREATE INDEX rejection_reason ON rejection (reason, rejection_id);

-- What was let go of to keep the bounds, so that nothing goes uncounted.
CREATE TABLE pruned (
    day      date   NOT NULL,
    what     text   NOT NULL CHECK (what IN ('rejection', 'aside', 'frame')),
    reason   text   NOT NULL,
    messages bigint NOT NULL,
    bytes    bigint NOT NULL,
    PRIMARY KEY (day, what, reason)
);

-- Intakes: what is taken in otherwise than live (replay of rejections, back-fill, import). ``cursor`` moves in the
-- transaction of the batch that it stands behind: an intake goes on where it was.
CREATE TABLE intake (
    intake_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('replay', 'backfill', 'import')),
    asked_at   timestamptz NOT NULL,
    author     text        NOT NULL,
    arguments  jsonb       NOT NULL,
    state      text        NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed', 'cancelled')),
    cursor     jsonb       NOT NULL DEFAULT '{}',
    counts     jsonb       NOT NULL DEFAULT '{}',
    total      bigint,
    detail     text        NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX intake_open ON intake (intake_id) WHERE state IN ('asked', 'running');

-- Each lane's heartbeat: a message of ours that went the whole way, broker and all; kept for two days.
CREATE TABLE heartbeat (
    lane         text        NOT NULL,
    sent_at      timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    committed_at timestamptz NOT NULL,
    PRIMARY KEY (lane, sent_at)
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('frame', 'observed_at', chunk_time_interval => interval '7 days',
                                  create_default_indexes => false, migrate_data => true);
    END IF;
END
$$;
