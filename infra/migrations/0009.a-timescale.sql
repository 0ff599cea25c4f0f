-- depends: 0008.rollups

-- How long the raw readings of a metric family are kept, as people said; the newest said counts. Without a row, and
-- where raw_days is null: for ever. Roll-ups and forecasts are kept for ever whatever is said here.
CREATE TABLE retention (
    retention_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    family       text        NOT NULL,
    raw_days     integer     CHECK (raw_days > 0),
    author       text        NOT NULL,
    set_at       timestamptz NOT NULL
);
CREATE INDEX retention_family ON retention (family, retention_id DESC);

-- Since when a family's raw readings are whole; before, some may have been let go of. It never goes back. Written
-- before the first of them is deleted: whoever misses some finds it here.
CREATE TABLE raw_kept (
    family text        PRIMARY KEY,
    since  timestamptz NOT NULL
);

ALTER TABLE pruned DROP CONSTRAINT pruned_what_check;
ALTER TABLE pruned ADD CONSTRAINT pruned_what_check CHECK (what IN ('rejection', 'aside', 'frame', 'reading'));

-- Where there is TimescaleDB of the Community edition (docs/adr/0012-storage-engines.md has the measurements):
--   chunks of a day, so that few rows lie uncompressed; three days after its end a chunk is compressed, the readings of
--   one series together and in order of time, and joined to the compressed ones before it up to 28 days, so that ten
--   years are 130 chunks. Live readings move flags up to 51 hours back: none of them meets a compressed chunk.
-- A table is set once. The setting itself moves no row: the extension's own jobs compress what there is, chunk by chunk.
DO $$
BEGIN
    IF current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' OR NOT EXISTS (
        SELECT FROM pg_extension WHERE extname = 'timescaledb'
    ) THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM timescaledb_information.hypertables
                    WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading') THEN
        RAISE NOTICE 'reading is no hypertable: nothing is compressed';
        RETURN;
    END IF;
    PERFORM set_chunk_time_interval('frame', interval '1 day');
    ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'series_id',
                             timescaledb.compress_orderby = 'observed_at',
                             timescaledb.compress_chunk_time_interval = '28 days');
    ALTER TABLE frame SET (timescaledb.compress, timescaledb.compress_segmentby = 'sensor_id',
                           timescaledb.compress_orderby = 'observed_at',
                           timescaledb.compress_chunk_time_interval = '28 days');
    ALTER TABLE forecast_step SET (timescaledb.compress, timescaledb.compress_segmentby = 'series_id',
                                   timescaledb.compress_orderby = 'issued_at, valid_at',
                                   timescaledb.compress_chunk_time_interval = '28 days');
    PERFORM add_compression_policy('reading', interval '3 days');
    PERFORM add_compression_policy('frame', interval '3 days');
    PERFORM add_compression_policy('forecast_step', interval '3 days');
END
$$;
