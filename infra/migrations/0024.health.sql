-- depends: 0023.contours

-- How the work of the platform does, for whoever operates: what waits, what failed, what was not told. Counts only, over
-- all communes: a login that serves requests sees neither the queue nor what is sent to others. No row for others.
-- Procrastinate's tables come after ours, so they are looked up when it is called.
CREATE FUNCTION platform_care() RETURNS TABLE (
    looked_at timestamptz, touched_rows bigint, alarm_touched_rows bigint,
    jobs_waiting bigint, oldest_job_at timestamptz, oldest_task text, jobs_failed bigint, failed_task text,
    heard_at timestamptz, workers bigint,
    webhooks bigint, webhooks_failing bigint, deliveries_given_up bigint,
    notices_waiting bigint, notices_failed bigint, outbox_rows bigint, outbox_since timestamptz
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT may_somewhere('operate') THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH due AS (
        SELECT job.task_name, coalesce(job.scheduled_at, asked.at) AS since
          FROM procrastinate_jobs AS job
         CROSS JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events AS one
                              WHERE one.job_id = job.id AND one.type = 'deferred') AS asked
         WHERE job.status = 'todo' AND coalesce(job.scheduled_at, '-infinity') <= statement_timestamp()
    ), failed AS (
        SELECT job.task_name, max(at) AS at
          FROM procrastinate_events AS event JOIN procrastinate_jobs AS job ON job.id = event.job_id
         WHERE event.type = 'failed' AND job.status = 'failed' AND event.at > statement_timestamp() - interval '24 hours'
         GROUP BY job.id, job.task_name
    )
    SELECT clock_timestamp(), (SELECT count(*) FROM touched), (SELECT count(*) FROM alarm_touched WHERE NOT hourly),
           (SELECT count(*) FROM due), (SELECT min(since) FROM due),
           (SELECT task_name::text FROM due ORDER BY since LIMIT 1),
           (SELECT count(*) FROM failed), (SELECT task_name::text FROM failed ORDER BY at DESC LIMIT 1),
           (SELECT max(last_heartbeat) FROM procrastinate_workers),
           (SELECT count(*) FROM procrastinate_workers
             WHERE last_heartbeat > statement_timestamp() - interval '40 seconds'),
           (SELECT count(*) FROM webhook WHERE state = 'active'),
           (SELECT count(*) FROM webhook WHERE state = 'active' AND failures > 0),
           (SELECT count(*) FROM delivery
             WHERE state = 'given_up' AND tried_at > statement_timestamp() - interval '7 days'),
           (SELECT count(*) FROM notice
             WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at < statement_timestamp()),
           (SELECT count(*) FROM notice
             WHERE sent_at IS NULL AND failure <> ''
               AND coalesce(given_up_at, 'infinity') > statement_timestamp() - interval '7 days'),
           (SELECT count(*) FROM outbox), (SELECT min(created_at) FROM outbox);
END
$$;
REVOKE ALL ON FUNCTION platform_care() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform_care() TO vigie_api;
