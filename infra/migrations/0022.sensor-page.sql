-- depends: 0021.alarms

-- The last messages of each sensor as they came, in a ring of so many slots as the ingest process keeps: the number counts
-- on, and its remainder is the slot. Written with the batch that took them; like the ledger of frames without a reference,
-- which each row would be looked up for.
CREATE TABLE raw_frame (
    sensor_id   integer     NOT NULL,
    slot        smallint    NOT NULL CHECK (slot >= 0),
    number      bigint      NOT NULL,
    received_at timestamptz NOT NULL,
    observed_at timestamptz,
    topic       text        NOT NULL,
    payload     bytea       NOT NULL,
    size_bytes  integer     NOT NULL,
    properties  jsonb       NOT NULL,
    outcome     text        NOT NULL,
    PRIMARY KEY (sensor_id, slot)
);
-- A slot is written over again and again: room on its page lets it change in place.
ALTER TABLE raw_frame SET (fillfactor = 50);

-- Which gateways heard a sensor on a day (UTC), how many of its frames, and how well: means over those frames.
CREATE TABLE gateway_heard (
    sensor_id        integer     NOT NULL,
    day              date        NOT NULL,
    gateway          text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 64),
    frames           integer     NOT NULL CHECK (frames > 0),
    last_at          timestamptz NOT NULL,
    rssi_dbm         real,
    snr_db           real,
    spreading_factor smallint,
    PRIMARY KEY (sensor_id, day, gateway)
);
CREATE INDEX gateway_heard_gateway ON gateway_heard (gateway, day);
CREATE INDEX gateway_heard_day ON gateway_heard (day);
ALTER TABLE gateway_heard SET (fillfactor = 70);

-- Where a gateway says that it stands.
CREATE TABLE gateway (
    gateway   text             PRIMARY KEY CHECK (length(gateway) BETWEEN 1 AND 64),
    name      text             NOT NULL DEFAULT '',
    longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    latitude  double precision CHECK (latitude BETWEEN -90 AND 90),
    CHECK ((longitude IS NULL) = (latitude IS NULL))
);

-- How many messages of a sensor came a second time on a day (UTC) of reception, and were left out.
CREATE TABLE duplicate_day (
    sensor_id integer     NOT NULL,
    day       date        NOT NULL,
    messages  integer     NOT NULL CHECK (messages > 0),
    last_at   timestamptz NOT NULL,
    PRIMARY KEY (sensor_id, day)
);
CREATE INDEX duplicate_day_day ON duplicate_day (day);

-- What people did at a sensor, and what they took pictures of there: full ones and small ones, without what a camera adds.
CREATE TABLE intervention (
    intervention_id integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor_id       integer     NOT NULL REFERENCES sensor,
    at              timestamptz NOT NULL,
    what            text        NOT NULL CHECK (what IN ('installed', 'moved', 'battery_changed', 'calibrated', 'cleaned',
                                                         'repaired', 'remark', 'other')),
    said            text        NOT NULL CHECK (length(said) <= 2000),
    by              text        NOT NULL,
    role            text        NOT NULL,
    made_at         timestamptz NOT NULL
);
CREATE INDEX intervention_sensor ON intervention (sensor_id, at DESC);

CREATE TABLE photo (
    photo_id        integer  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intervention_id integer  NOT NULL REFERENCES intervention ON DELETE CASCADE,
    media_type      text     NOT NULL CHECK (media_type IN ('image/jpeg', 'image/png', 'image/webp')),
    width           smallint NOT NULL CHECK (width > 0),
    height          smallint NOT NULL CHECK (height > 0),
    bytes           bytea    NOT NULL,
    small           bytea    NOT NULL
);
CREATE INDEX photo_intervention ON photo (intervention_id);
-- Pictures are packed already.
ALTER TABLE photo ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE photo ALTER COLUMN small SET STORAGE EXTERNAL;

DO $$
DECLARE
    of text;
BEGIN
    FOREACH of IN ARRAY ARRAY['raw_frame', 'gateway_heard', 'gateway', 'duplicate_day', 'intervention', 'photo'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of);
        EXECUTE format('REVOKE ALL ON %I FROM vigie_door, vigie_ingest, vigie_worker', of);
    END LOOP;
    FOREACH of IN ARRAY ARRAY['raw_frame', 'gateway_heard', 'gateway', 'duplicate_day'] LOOP
        EXECUTE format('CREATE POLICY %I ON %I TO vigie_ingest, vigie_worker USING (true) WITH CHECK (true)',
                       of || '_worked', of);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO vigie_ingest', of);
    END LOOP;
END
$$;
GRANT DELETE ON raw_frame, gateway_heard, duplicate_day TO vigie_ingest;
-- One gateway down is told as one: the worker groups by who heard whom.
GRANT SELECT ON gateway_heard, gateway TO vigie_worker;

-- Seen by who sees the sensor; a gateway, by who sees a sensor that it heard.
GRANT SELECT ON raw_frame, gateway_heard, gateway, duplicate_day TO vigie_api;
CREATE POLICY raw_frame_seen ON raw_frame FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY gateway_heard_seen ON gateway_heard FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY gateway_seen ON gateway FOR SELECT TO vigie_api
    USING ((SELECT sees_all())
           OR EXISTS (SELECT FROM gateway_heard WHERE gateway_heard.gateway = gateway.gateway));
CREATE POLICY duplicate_day_seen ON duplicate_day FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));

GRANT SELECT, INSERT, DELETE ON intervention, photo TO vigie_api;
CREATE POLICY intervention_seen ON intervention FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY intervention_noted ON intervention FOR INSERT TO vigie_api
    WITH CHECK ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')));
CREATE POLICY intervention_removed ON intervention FOR DELETE TO vigie_api
    USING ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')));
CREATE POLICY photo_seen ON photo FOR SELECT TO vigie_api
    USING (EXISTS (SELECT FROM intervention WHERE intervention.intervention_id = photo.intervention_id));
CREATE POLICY photo_added ON photo FOR INSERT TO vigie_api
    WITH CHECK (EXISTS (SELECT FROM intervention
                         WHERE intervention.intervention_id = photo.intervention_id
                           AND ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')))));
CREATE POLICY photo_removed ON photo FOR DELETE TO vigie_api
    USING (EXISTS (SELECT FROM intervention
                    WHERE intervention.intervention_id = photo.intervention_id
                      AND ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')))));
