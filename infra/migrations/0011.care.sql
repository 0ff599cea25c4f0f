-- depends: 0010.exports

-- Backups that were made, one row each, for whoever watches their age; where they are kept is not known here.
CREATE TABLE backup (
    made_at    timestamptz PRIMARY KEY,
    ended_at   timestamptz NOT NULL,
    rows       bigint      NOT NULL,
    size_bytes bigint      NOT NULL,
    verified   boolean     NOT NULL
);

-- How large each relation was, one row a day: what growth is told from. Parts count as their whole.
CREATE TABLE storage_day (
    day         date   NOT NULL,
    relation    text   NOT NULL,
    table_bytes bigint NOT NULL,
    index_bytes bigint NOT NULL,
    rows        bigint NOT NULL,
    PRIMARY KEY (relation, day)
);

-- A roll-up is written anew some six times while its hour lasts, a day's more often, and all of that at the young end of
-- a table of hundreds of millions of rows, whose fifth part (the server's default) dies before it is vacuumed. Measured
-- on PostgreSQL 18: 60,000 hours written six times each took 39 MB unvacuumed, 17 MB vacuumed every two hours, 7 MB
-- packed. ``latest``, ``touched``, ``live_event`` and ``outbox`` stay small with the default, and so keep it.
ALTER TABLE rollup_hour SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);
ALTER TABLE rollup_day SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);
