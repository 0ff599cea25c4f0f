-- A job that waits, its event (by trigger), the tick it came from, and the worker that was seen.
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, priority)
VALUES ('default', 'forecast', 'forecast:power_kw', '{"metric": "power_kw"}', 4);
INSERT INTO procrastinate_periodic_defers (task_name, defer_timestamp, job_id) VALUES ('tick', 1772323200, 1);
INSERT INTO procrastinate_workers (last_heartbeat) VALUES ('2026-03-01+00');
