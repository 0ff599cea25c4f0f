-- depends: 0006.ingestion

-- Where ``reading`` is no hypertable it is cut by UTC month, and what is there becomes the part of all before, as it
-- lies: no row moves. In three steps, so that no lock stands while the table is read: here it is told that all its rows
-- are observed before a bound, next that is verified beside the writers, then it is hung under a table of months.
-- The bound is the first of a month at least 31 days ahead, and after the newest reading: ingest refuses what is
-- observed more than a day ahead, and whoever writes with the code of before has a month until it is updated, too.
DO $$
DECLARE
    bound timestamptz;
    views text;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        IF EXISTS (SELECT FROM timescaledb_information.hypertables
                    WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading') THEN
            RETURN;
        END IF;
    END IF;
    -- A view would go on reading what was there before, and nothing since.
    SELECT string_agg(DISTINCT pg_rewrite.ev_class::regclass::text, ', ') INTO views
      FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = pg_depend.objid
     WHERE pg_depend.classid = 'pg_rewrite'::regclass AND pg_depend.refobjid = 'reading'::regclass;
    IF views IS NOT NULL THEN
        RAISE EXCEPTION 'views of your own read the table reading: drop %, migrate, and create them again', views;
    END IF;
    SELECT (date_trunc('month', greatest(now() + interval '31 days', max(observed_at)) AT TIME ZONE 'UTC')
            + interval '1 month') AT TIME ZONE 'UTC' INTO bound FROM latest;
    EXECUTE format('ALTER TABLE reading ADD CONSTRAINT %I CHECK (observed_at < %L) NOT VALID',
                   'reading_before_' || to_char(bound AT TIME ZONE 'UTC', 'YYYY_MM'), bound);
END
$$;
