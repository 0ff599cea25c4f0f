-- depends: 0003.forecasts

-- Where TimescaleDB is present, the two tables that grow for ever become hypertables; elsewhere nothing happens
-- and the same statements read and write them. One-day chunks: platform.md measured them at 70 million rows.
-- The extension is created when the server offers it and we may.
DO $$
BEGIN
    -- Where it lies on the disk and is not preloaded, to create it would end the connection; a setting of its loader's tells.
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
       AND current_setting('timescaledb.disable_load', true) IS NOT NULL THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
EXCEPTION WHEN insufficient_privilege OR object_not_in_prerequisite_state OR config_file_error THEN
    RAISE NOTICE 'timescaledb is offered but cannot be created here: plain tables are kept (%)', SQLERRM;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('reading', 'observed_at', chunk_time_interval => interval '1 day',
                                  create_default_indexes => false, migrate_data => true);
        PERFORM create_hypertable('forecast_step', 'issued_at', chunk_time_interval => interval '1 day',
                                  create_default_indexes => false, migrate_data => true);
    END IF;
END
$$;
