-- depends: 0009.a-timescale

-- Where there is TimescaleDB of the Community edition, the hourly roll-ups become a hypertable. What is there is hung in
-- as it lies, as its first chunk: it is read, to know its bounds (measured: 1.9 million rows in 0.4 s), and no row moves.
-- It stands alone in its transaction, since a lock is held until the commit: readings are written and read meanwhile.
DO $$
DECLARE
    earliest timestamptz;
    latest   timestamptz;
    granted  record;
BEGIN
    IF current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' OR NOT EXISTS (
        SELECT FROM pg_extension WHERE extname = 'timescaledb'
    ) THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM timescaledb_information.hypertables
                    WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading') THEN
        RETURN;
    END IF;
    -- Who reads goes on while it is read; only its names change under the strong lock.
    LOCK TABLE rollup_hour IN SHARE ROW EXCLUSIVE MODE;
    SELECT min(hour), max(hour) INTO earliest, latest FROM rollup_hour;
    IF earliest IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM pg_proc WHERE proname = 'attach_chunk') THEN
            RAISE NOTICE 'this TimescaleDB hangs no table in as a chunk: rollup_hour stays a plain table';
            RETURN;
        END IF;
        ALTER TABLE rollup_hour RENAME TO rollup_hour_before;
        ALTER TABLE rollup_hour_before RENAME CONSTRAINT rollup_hour_pkey TO rollup_hour_before_pkey;
        CREATE TABLE rollup_hour (LIKE rollup_hour_before INCLUDING ALL);
        FOR granted IN
            SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee,
                   CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
              FROM pg_class, aclexplode(relacl) WHERE oid = 'rollup_hour_before'::regclass AND grantee <> relowner
        LOOP
            EXECUTE format('GRANT %s ON rollup_hour TO %s%s', granted.privilege_type, granted.grantee, granted.option);
        END LOOP;
        EXECUTE format('ALTER TABLE rollup_hour OWNER TO %s',
                       (SELECT relowner::regrole FROM pg_class WHERE oid = 'rollup_hour_before'::regclass));
    END IF;
    PERFORM create_hypertable('rollup_hour', 'hour', chunk_time_interval => interval '28 days',
                              create_default_indexes => false);
    IF earliest IS NOT NULL THEN
        CALL attach_chunk('rollup_hour', 'rollup_hour_before',
                          jsonb_build_object('hour', jsonb_build_array(earliest, latest + interval '1 hour')));
    END IF;
    ALTER TABLE rollup_hour SET (timescaledb.compress, timescaledb.compress_segmentby = 'series_id',
                                 timescaledb.compress_orderby = 'hour');
    PERFORM add_compression_policy('rollup_hour', interval '400 days');
END
$$;
