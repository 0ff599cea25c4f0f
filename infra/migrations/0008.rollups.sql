-- depends: 0007.c-months-attached

-- Of a state: how many seconds of the hour it was known for. A state is now weighed by the time that it held, and an
-- hour in which it was held has a row though nobody spoke (count 0); of a count, increment is now its sum.
ALTER TABLE rollup_hour ADD COLUMN known_s integer;

-- Daily roll-ups by local day of Europe/Paris (23, 24 or 25 hours), from the hours, written in the same transaction.
-- hours: those with a value; hours_valid: those complete to 75 %. A day without an hour has no row, never a zero.
CREATE TABLE rollup_day (
    series_id   integer     NOT NULL,
    day         date        NOT NULL,
    count       integer     NOT NULL,
    good        integer     NOT NULL,
    slots       integer     NOT NULL,
    hours       smallint    NOT NULL,
    hours_valid smallint    NOT NULL,
    mean        double precision,
    low         double precision,
    high        double precision,
    last        double precision,
    increment   double precision,
    known_s     integer,
    rolled_at   timestamptz NOT NULL,
    PRIMARY KEY (series_id, day)
);
-- What moved since: for whoever takes days elsewhere.
CREATE INDEX rollup_day_rolled ON rollup_day (rolled_at);

-- Series whose roll-ups are all to be written anew, by the worker, when no touched hour waits: so many rows here, and
-- not one per hour of all that was ever read.
CREATE TABLE unrolled (
    series_id integer PRIMARY KEY REFERENCES series
);
INSERT INTO unrolled (series_id) SELECT series_id FROM latest;
