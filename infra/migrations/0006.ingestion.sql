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
-- Its model decodes it, whatever the new device is.
CREATE TABLE former_device (
    external_id text        PRIMARY KEY CHECK (external_id = lower(external_id)),
    sensor_id   integer     NOT NULL REFERENCES sensor,
    removed_at  timestamptz NOT NULL,
    model       text
);
CREATE INDEX former_device_sensor ON former_device (sensor_id);

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

-- A latest value changes with each reading: room on its page lets it change in place.
ALTER TABLE latest SET (fillfactor = 50);
-- Live events are read as they were written, and soon gone: neither taken apart nor packed.
ALTER TABLE live_event ALTER COLUMN body TYPE json;
ALTER TABLE live_event ALTER COLUMN body SET STORAGE EXTERNAL;

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

-- The frames of sensors in [since, until), by stretches whose counters follow each other without a gap, each with how
-- many frames its counter says were missed just before it, and between which instants. The newest frame before the
-- window counts along, not received, so that windows side by side add up; a stretch that begins with it is not inside.
-- A lower counter is a reset, unless it is a late one: gateways' clocks differ by minutes, so a counter that lies above
-- where the session stood ten minutes before belongs where it counts. After a reset, and after a join that we witness,
-- devices count from 0 or, as LoRaMac-node does, from 1: only what lies above 1 is missing. Nothing is, where it had to
-- count faster than a frame a second: then the session is an older one.
CREATE FUNCTION frame_stretch(sensor_ids integer[], since timestamptz, until timestamptz)
RETURNS TABLE (sensor_id integer, session text, first_f_cnt bigint, first_at timestamptz, last_at timestamptz,
               received bigint, backfilled bigint, inside boolean, is_join boolean, is_reset boolean,
               after_f_cnt bigint, after_at timestamptz, missing bigint)
LANGUAGE sql STABLE AS $$
    WITH heard AS (
        SELECT frame.sensor_id, frame.session, frame.f_cnt, frame.observed_at, frame.arrival, true AS inside
          FROM frame
         WHERE frame.sensor_id = ANY(sensor_ids) AND frame.observed_at >= since AND frame.observed_at < until
        UNION ALL
        SELECT newest.sensor_id, newest.session, newest.f_cnt, newest.observed_at, newest.arrival, false
          FROM unnest(sensor_ids) AS asked (sensor_id) CROSS JOIN LATERAL (
               SELECT * FROM frame
                WHERE frame.sensor_id = asked.sensor_id AND frame.observed_at < since
                ORDER BY frame.observed_at DESC LIMIT 1) AS newest
    ), followed AS (
        SELECT heard.*,
               lag(heard.session) OVER timed AS last_session,
               lag(heard.f_cnt) OVER timed AS last_f_cnt,
               lag(heard.observed_at) OVER timed AS heard_before_at
          FROM heard WINDOW timed AS (PARTITION BY heard.sensor_id ORDER BY heard.observed_at, heard.f_cnt)
    ), numbered AS (
        SELECT followed.*,
               count(*) FILTER (WHERE followed.session IS DISTINCT FROM followed.last_session
                                   OR followed.f_cnt <> followed.last_f_cnt + 1) OVER (
                   PARTITION BY followed.sensor_id ORDER BY followed.observed_at, followed.f_cnt
                   ROWS UNBOUNDED PRECEDING) AS number
          FROM followed
    ), stretch AS (
        SELECT numbered.sensor_id, numbered.number, min(numbered.session) AS session,
               min(numbered.f_cnt) AS first_f_cnt, max(numbered.f_cnt) AS last_f_cnt,
               min(numbered.observed_at) AS first_at, max(numbered.observed_at) AS last_at,
               CASE WHEN numbered.number > 1 THEN min(numbered.heard_before_at) END AS heard_before_at,
               count(*) FILTER (WHERE numbered.inside AND numbered.arrival NOT IN ('backfilled', 'imported')) AS received,
               count(*) FILTER (WHERE numbered.inside AND numbered.arrival IN ('backfilled', 'imported')) AS backfilled,
               bool_and(numbered.inside) AS inside
          FROM numbered GROUP BY numbered.sensor_id, numbered.number
    ), told AS (
        SELECT stretch.*,
               stretch.number > 1 AND row_number() OVER in_session = 1 AS is_join,
               lag(stretch.last_f_cnt) OVER in_session AS session_f_cnt
          FROM stretch
        WINDOW in_session AS (PARTITION BY stretch.sensor_id, stretch.session ORDER BY stretch.number)
    ), judged AS (
        SELECT told.*,
               told.first_f_cnt <= told.session_f_cnt AND coalesce(told.first_f_cnt <= (
                   SELECT frame.f_cnt FROM frame
                    WHERE frame.sensor_id = told.sensor_id AND frame.session = told.session
                      AND frame.observed_at <= told.first_at - interval '10 minutes'
                    ORDER BY frame.observed_at DESC LIMIT 1), false) AS is_reset
          FROM told
    ), run AS (
        SELECT judged.*,
               count(*) FILTER (WHERE judged.is_reset) OVER (
                   PARTITION BY judged.sensor_id, judged.session ORDER BY judged.number) AS run
          FROM judged
    ), stepped AS (
        SELECT run.*,
               lag(run.last_f_cnt) OVER in_run AS step_f_cnt,
               lag(run.last_at) OVER in_run AS step_at,
               min(run.heard_before_at) FILTER (WHERE run.is_join OR run.is_reset) OVER in_whole AS began_after
          FROM run
        WINDOW in_run AS (PARTITION BY run.sensor_id, run.session, run.run ORDER BY run.first_f_cnt, run.first_at),
               in_whole AS (PARTITION BY run.sensor_id, run.session, run.run)
    ), counted AS (
        SELECT stepped.*,
               CASE WHEN stepped.step_f_cnt IS NOT NULL THEN stepped.step_f_cnt
                    WHEN stepped.first_f_cnt <= extract(epoch FROM stepped.first_at - stepped.began_after) THEN 0
               END AS counted_f_cnt
          FROM stepped
    )
    SELECT sensor_id, session, first_f_cnt, first_at, last_at, received, backfilled, inside, is_join,
           coalesce(is_reset, false), counted_f_cnt, coalesce(step_at, began_after),
           greatest(coalesce(first_f_cnt - counted_f_cnt - 1, 0), 0)
      FROM counted
$$;

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
ALTER TABLE rejection ADD COLUMN kept_bytes integer NOT NULL GENERATED ALWAYS AS
    (octet_length(payload) + octet_length(topic) + octet_length(detail) + octet_length(properties::text)) STORED;
CREATE INDEX rejection_sensor ON rejection (coalesce(external_id, ''), reason, rejection_id);
CREATE INDEX rejection_reason ON rejection (reason, rejection_id);
CREATE INDEX rejection_commune ON rejection (commune_insee, rejection_id);
ALTER TABLE aside ADD COLUMN kept_bytes integer NOT NULL GENERATED ALWAYS AS
    (octet_length(payload) + octet_length(topic) + octet_length(properties::text)) STORED;
CREATE INDEX aside_received ON aside (received_at);

-- How much is kept for each sensor and reason, so that holding the bounds costs nothing while they are not reached.
-- Only the triggers below write it: whoever adds or deletes, it agrees.
CREATE TABLE kept (
    what        text   NOT NULL CHECK (what IN ('rejection', 'aside')),
    reason      text   NOT NULL,
    external_id text   NOT NULL,
    messages    bigint NOT NULL,
    bytes       bigint NOT NULL,
    PRIMARY KEY (what, reason, external_id)
);
INSERT INTO kept (what, reason, external_id, messages, bytes)
SELECT 'rejection', reason, coalesce(external_id, ''), count(*), sum(kept_bytes) FROM rejection GROUP BY 2, 3
UNION ALL
SELECT 'aside', '', external_id, count(*), sum(kept_bytes) FROM aside GROUP BY 3;

-- Rows in the order of their key: two writers lock them in one order and never each other.
CREATE FUNCTION count_kept_rejections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept (what, reason, external_id, messages, bytes)
    SELECT 'rejection', reason, coalesce(external_id, ''), TG_ARGV[0]::integer * count(*),
           TG_ARGV[0]::integer * sum(kept_bytes)
      FROM changed GROUP BY 2, 3 ORDER BY 2, 3
    ON CONFLICT (what, reason, external_id) DO UPDATE
       SET messages = kept.messages + excluded.messages, bytes = kept.bytes + excluded.bytes;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_kept_asides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept (what, reason, external_id, messages, bytes)
    SELECT 'aside', '', external_id, TG_ARGV[0]::integer * count(*), TG_ARGV[0]::integer * sum(kept_bytes)
      FROM changed GROUP BY 3 ORDER BY 3
    ON CONFLICT (what, reason, external_id) DO UPDATE
       SET messages = kept.messages + excluded.messages, bytes = kept.bytes + excluded.bytes;
    RETURN NULL;
END
$$;
CREATE TRIGGER rejection_added AFTER INSERT ON rejection REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_kept_rejections('1');
CREATE TRIGGER rejection_deleted AFTER DELETE ON rejection REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_kept_rejections('-1');
CREATE TRIGGER aside_added AFTER INSERT ON aside REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_kept_asides('1');
CREATE TRIGGER aside_deleted AFTER DELETE ON aside REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_kept_asides('-1');

-- What was let go of to keep the bounds, so that nothing goes uncounted: for its age, for how many messages or bytes
-- there were; of which sensor, where it was one sensor's bound.
CREATE TABLE pruned (
    day         date   NOT NULL,
    what        text   NOT NULL CHECK (what IN ('rejection', 'aside', 'frame')),
    reason      text   NOT NULL,
    bound       text   NOT NULL CHECK (bound IN ('age', 'messages', 'bytes')),
    external_id text   NOT NULL DEFAULT '',
    messages    bigint NOT NULL,
    bytes       bigint NOT NULL,
    PRIMARY KEY (day, what, reason, bound, external_id)
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
