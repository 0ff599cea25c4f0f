-- depends: 0009.b-hours-chunked

-- Scheduled exports: one file per local day of Europe/Paris, written once the day is over, and again when it was touched
-- since. Kept when it is removed, with who removed it.
CREATE TABLE export_schedule (
    schedule_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    wanted       jsonb       NOT NULL,
    by           text        NOT NULL CHECK (by IN ('raw', 'hour', 'day')),
    format       text        NOT NULL,
    destination  text        NOT NULL,
    since        date        NOT NULL,
    added_at     timestamptz NOT NULL,
    author       text        NOT NULL,
    removed_at   timestamptz,
    removed_by   text,
    -- When all that was due was last written.
    succeeded_at timestamptz,
    -- Since then: how often it failed, why it last did, and when it is tried again.
    failures     integer     NOT NULL DEFAULT 0,
    failure      text        NOT NULL DEFAULT '',
    next_try_at  timestamptz NOT NULL,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL))
);
CREATE UNIQUE INDEX export_schedule_name ON export_schedule (name) WHERE removed_at IS NULL;

-- Each file that was written: the newest of a day is what lies there. All that was committed by known_at is in it.
CREATE TABLE export_run (
    run_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id integer     NOT NULL REFERENCES export_schedule,
    day         date        NOT NULL,
    known_at    timestamptz NOT NULL,
    written_at  timestamptz NOT NULL,
    file        text        NOT NULL,
    rows        bigint      NOT NULL CHECK (rows >= 0),
    bytes       bigint      NOT NULL CHECK (bytes >= 0),
    sha256      text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    corrects    boolean     NOT NULL
);
CREATE INDEX export_run_day ON export_run (schedule_id, day, run_id DESC);
CREATE INDEX export_run_newest ON export_run (schedule_id, run_id DESC);
