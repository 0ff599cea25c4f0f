-- depends: 0014.roles

-- What the ingest process and the worker may do, and no more. What only the owner of a table can do (to make a month,
-- to hold a chunk, to drop it) they have done by functions of the owner's, which check what they are asked: every
-- login calls the same ones, the owner too.

-- Which family a metric is of (core/metrics.py, written at each migration): how long readings are kept is said by family.
CREATE TABLE metric_family (
    metric text PRIMARY KEY,
    family text NOT NULL
);

-- Makes those UTC months of readings that are not there, and returns their starts. Beside the table first, then hung into
-- it: that holds up other changes of the table, but nobody who reads or writes it. A month that was taken down, and lies
-- beside still, is hung in again with all it holds. Nothing happens on a hypertable: it has chunks of its own.
-- Bounds: nothing is observed before 2000 (core/clock.py), and a month that is there costs every look a little.
CREATE FUNCTION make_months(asked timestamptz[]) RETURNS SETOF timestamptz
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    lacking timestamptz[];
    month   timestamptz;
    name    text;
BEGIN
    IF EXISTS (SELECT FROM unnest(asked) AS one (starts)
                WHERE starts IS NULL OR starts <> date_trunc('month', starts)
                   OR starts < '2000-01-01' OR starts > now() + interval '10 years') THEN
        RAISE EXCEPTION 'not the starts of months between 2000 and ten years ahead' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Two processes may ask for the same month at once: the second waits until the first has committed, and finds it.
    PERFORM pg_advisory_xact_lock(x'761940'::integer);
    -- A bound is told in words, and is what it was once read again.
    WITH told AS (
        SELECT pg_get_expr(relpartbound, oid) AS bound
          FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'public.reading'::regclass
    ), part AS (
        SELECT coalesce(substring(bound FROM 'FROM \(''(.+?)''\)')::timestamptz, '-infinity') AS since,
               substring(bound FROM 'TO \(''(.+?)''\)')::timestamptz AS until
          FROM told
    )
    SELECT array_agg(DISTINCT starts ORDER BY starts) INTO lacking FROM unnest(asked) AS one (starts)
     WHERE (SELECT relkind FROM pg_class WHERE oid = 'public.reading'::regclass) = 'p'
       AND NOT EXISTS (SELECT FROM part WHERE starts >= since AND starts < until);
    FOREACH month IN ARRAY coalesce(lacking, '{}') LOOP
        name := to_char(month, '"reading_"YYYY_MM');
        EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I (LIKE public.reading INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                       name);
        EXECUTE format('ALTER TABLE public.reading ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       name, month, month + interval '1 month');
        RETURN NEXT month;
    END LOOP;
END
$$;

-- The chunk (a month, or one of TimescaleDB's) of a table that holds exactly these instants, quoted as SQL wants it.
CREATE FUNCTION chunk_named(of text, since timestamptz, until timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    found text;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass(format('public.%I', of))) = 'p' THEN
        WITH told AS (
            SELECT oid, pg_get_expr(relpartbound, oid) AS bound
              FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = to_regclass(format('public.%I', of))
        )
        SELECT oid::regclass::text INTO found FROM told
         WHERE coalesce(substring(bound FROM 'FROM \(''(.+?)''\)')::timestamptz, '-infinity') = since
           AND substring(bound FROM 'TO \(''(.+?)''\)')::timestamptz = until;
    ELSE
        SELECT format('%I.%I', chunk_schema, chunk_name) INTO found FROM timescaledb_information.chunks
         WHERE hypertable_schema = 'public' AND hypertable_name = of AND range_start = since AND range_end = until;
    END IF;
    IF found IS NULL THEN
        RAISE EXCEPTION 'table % has no chunk from % until %', of, since, until USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN found;
END
$$;

-- Keeps everybody else out of a chunk until the transaction ends, to drop it; waits for that as briefly as it is told.
-- Of a month the table itself is held, as dropping it does anyway: asked for first, so that nobody who holds the table
-- and waits for the month is waited for in a circle.
CREATE FUNCTION hold_chunk(of text, since timestamptz, until timestamptz, wait_ms integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    chunk text := chunk_named(of, since, until);
BEGIN
    IF of NOT IN ('reading', 'frame') OR wait_ms NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'chunks of reading and frame are held, for a second at most' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('lock_timeout', wait_ms || 'ms', true);
    IF (SELECT relkind FROM pg_class WHERE oid = format('public.%I', of)::regclass) = 'p' THEN
        chunk := format('ONLY public.%I', of);
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', chunk);
END
$$;

-- Whether people said that a metric's raw readings go which were all observed before an instant.
CREATE FUNCTION may_let_go(of_metric text, until timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((SELECT until <= now() - make_interval(days => raw_days)
                       FROM retention JOIN metric_family USING (family)
                      WHERE metric = of_metric ORDER BY retention_id DESC LIMIT 1), false)
$$;

-- Deletes what series hold in [since, until), where people said that all of them go.
CREATE FUNCTION delete_readings(of_series integer[], since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(of_series) AS one (series_id) LEFT JOIN series USING (series_id)
                WHERE NOT may_let_go(metric, until)) THEN
        RAISE EXCEPTION 'readings are kept until people say otherwise' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- With constants: TimescaleDB tells from them which compressed pieces a statement meets.
    EXECUTE format('DELETE FROM reading WHERE series_id = ANY(%L::integer[])'
                   ' AND observed_at >= %L::timestamptz AND observed_at < %L::timestamptz', of_series, since, until);
END
$$;

-- Drops a chunk of readings with all it holds, where people said that all of it goes.
CREATE FUNCTION drop_readings(since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    chunk text := chunk_named('reading', since, until);
BEGIN
    IF EXISTS (SELECT FROM series CROSS JOIN LATERAL (
                      SELECT FROM reading WHERE reading.series_id = series.series_id
                         AND observed_at >= since AND observed_at < until LIMIT 1) AS one
                WHERE NOT may_let_go(metric, until)) THEN
        RAISE EXCEPTION 'readings are kept until people say otherwise' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (SELECT relkind FROM pg_class WHERE oid = 'public.reading'::regclass) = 'p' THEN
        EXECUTE format('DROP TABLE %s', chunk);
    ELSE
        PERFORM drop_chunks('public.reading'::regclass, older_than => until, newer_than => since);
    END IF;
END
$$;

-- Drops a chunk of the frame ledger: its age is a setting of the ingest process, a day at least.
CREATE FUNCTION drop_frames(since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM chunk_named('frame', since, until);
    IF until > now() - interval '1 day' THEN
        RAISE EXCEPTION 'frames are kept for a day at least' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM drop_chunks('public.frame'::regclass, older_than => until, newer_than => since);
END
$$;

-- What the server keeps of itself, of which a login sees its own part only.
CREATE FUNCTION server_care() RETURNS TABLE (
    database_bytes bigint, transaction_age integer, oldest_transaction_s double precision, connections bigint,
    connections_max integer, replicas bigint, replica_lag_s double precision, backed_up_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT pg_database_size(current_database()), age(datfrozenxid),
           (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()),
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections')::integer
               - current_setting('superuser_reserved_connections')::integer,
           (SELECT count(*) FROM pg_stat_replication),
           (SELECT max(extract(epoch FROM replay_lag))::float8 FROM pg_stat_replication),
           (SELECT max(made_at) FROM backup)
      FROM pg_database WHERE datname = current_database()
$$;

-- Lets the worker use the queue. Procrastinate's migrations run after ours: called whenever all of them have run.
CREATE FUNCTION open_queue() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT relname, relkind FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'procrastinate\_%' AND relkind IN ('r', 'S')
    LOOP
        EXECUTE format('GRANT %s ON public.%I TO vigie_worker',
                       CASE one.relkind WHEN 'S' THEN 'USAGE' ELSE 'SELECT, INSERT, UPDATE, DELETE' END, one.relname);
    END LOOP;
    FOR one IN
        SELECT oid::regprocedure AS signature FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'procrastinate\_%'
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO vigie_worker', one.signature);
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION make_months(timestamptz[]), chunk_named(text, timestamptz, timestamptz),
    hold_chunk(text, timestamptz, timestamptz, integer), may_let_go(text, timestamptz),
    delete_readings(integer[], timestamptz, timestamptz), drop_readings(timestamptz, timestamptz),
    drop_frames(timestamptz, timestamptz), server_care(), open_queue() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_months(timestamptz[]) TO vigie_ingest, vigie_worker;
GRANT EXECUTE ON FUNCTION hold_chunk(text, timestamptz, timestamptz, integer) TO vigie_ingest, vigie_worker;
GRANT EXECUTE ON FUNCTION drop_frames(timestamptz, timestamptz) TO vigie_ingest;
GRANT EXECUTE ON FUNCTION delete_readings(integer[], timestamptz, timestamptz), drop_readings(timestamptz, timestamptz)
    TO vigie_worker;
GRANT EXECUTE ON FUNCTION server_care() TO vigie_api, vigie_worker;

-- Table by table. Who takes rows to work on them (FOR UPDATE) must be allowed to change a column of them: where nothing of
-- a table is changed otherwise, that is its id, which can only be set to a number that is not there yet.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM vigie_ingest, vigie_worker;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM vigie_ingest, vigie_worker;

GRANT SELECT ON commune, site, sensor, series, former_device, former_place, calibration, latest, device_model
    TO vigie_ingest, vigie_worker;
GRANT UPDATE (sensor_id) ON sensor TO vigie_ingest;
GRANT UPDATE (series_id) ON series TO vigie_worker;
GRANT INSERT ON series TO vigie_ingest;

-- Readings and what they leave behind: written by one, judged by the other.
GRANT SELECT, INSERT ON reading TO vigie_ingest;
GRANT INSERT, UPDATE ON latest TO vigie_ingest;
GRANT SELECT ON reading TO vigie_worker;
GRANT UPDATE (flags, quality) ON latest TO vigie_worker;
-- Of a reading, what it is worth may change, and nothing else. TimescaleDB 2.28 takes no right to a column where chunks
-- are compressed (it looks for the column in its own tables), so there it is the right to the row.
DO $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale'
       AND (SELECT relkind FROM pg_class WHERE oid = 'reading'::regclass) <> 'p' THEN
        GRANT UPDATE ON reading TO vigie_ingest, vigie_worker;
    ELSE
        GRANT UPDATE (flags, quality) ON reading TO vigie_ingest, vigie_worker;
    END IF;
END
$$;
GRANT INSERT ON touched TO vigie_ingest;
GRANT SELECT, INSERT, DELETE, UPDATE (touched_id) ON touched TO vigie_worker;
GRANT SELECT, DELETE, UPDATE (series_id) ON unrolled TO vigie_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON rollup_hour, rollup_day TO vigie_worker;
GRANT SELECT, INSERT, DELETE ON frame TO vigie_ingest;
GRANT SELECT ON frame TO vigie_worker;

-- What came and could not be stored as readings, and how much of it is kept.
GRANT SELECT, INSERT, DELETE, UPDATE (times, last_received_at, decoder, settled_as, replayed_at) ON rejection TO vigie_ingest;
GRANT SELECT, INSERT, DELETE, UPDATE (aside_id) ON aside TO vigie_ingest;
GRANT USAGE ON SEQUENCE rejection_rejection_id_seq, aside_aside_id_seq TO vigie_ingest;
GRANT SELECT, DELETE ON kept TO vigie_ingest;
GRANT SELECT, INSERT, UPDATE (messages, bytes) ON pruned TO vigie_ingest, vigie_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON timeless, heartbeat, intake TO vigie_ingest;
GRANT INSERT, UPDATE, DELETE ON device_model TO vigie_ingest;

-- Told to others: figures of reception, live events, messages to the broker.
GRANT SELECT, INSERT, UPDATE (stored), DELETE ON reception TO vigie_ingest;
GRANT SELECT (created_at), INSERT, DELETE ON live_event TO vigie_ingest;
GRANT INSERT ON live_event, outbox TO vigie_worker;
GRANT SELECT, DELETE, UPDATE (outbox_id) ON outbox TO vigie_ingest;

-- Forecasts and decisions are the worker's. A decision's answers are people's, but for the one that it was overtaken.
GRANT SELECT, INSERT ON model, forecast, forecast_step, score TO vigie_worker;
GRANT SELECT, INSERT, UPDATE ON expectation TO vigie_worker;
GRANT SELECT, UPDATE (name) ON decision_subject TO vigie_worker;
GRANT SELECT, INSERT, UPDATE (state) ON decision TO vigie_worker;
GRANT SELECT, INSERT ON decision_answer TO vigie_worker;

-- What is done by the clock: files, sizes, letting go.
GRANT SELECT, UPDATE (succeeded_at, next_try_at, failures, failure) ON export_schedule TO vigie_worker;
GRANT SELECT, INSERT, UPDATE (known_at) ON export_run TO vigie_worker;
GRANT SELECT ON retention, metric_family TO vigie_worker;
GRANT SELECT, INSERT, UPDATE (since) ON raw_kept TO vigie_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON storage_day TO vigie_worker;
GRANT SELECT ON backup TO vigie_worker;
