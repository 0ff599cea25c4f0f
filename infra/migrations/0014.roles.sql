-- depends: 0013.doors

-- Who sees what, whatever SQL is run. The logins are there already (core/store/roles.py): vigie_api serves requests and
-- says whose pass they go under; vigie_door knows who is at the door; vigie_ingest and vigie_worker do the work. The owner,
-- who migrates, sees all.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA seen;
GRANT USAGE ON SCHEMA public TO vigie_api, vigie_door, vigie_ingest, vigie_worker;
GRANT USAGE ON SCHEMA seen TO vigie_api;

-- What is decided about on one site is seen by who sees that site.
ALTER TABLE decision_subject ADD COLUMN site_id integer REFERENCES site;
UPDATE decision_subject SET site_id = site.site_id
  FROM site
 WHERE site.commune_insee = decision_subject.commune_insee
   AND decision_subject.code = site.commune_insee || ':' || site.code;
CREATE INDEX decision_subject_site ON decision_subject (site_id) WHERE site_id IS NOT NULL;

-- The pass that this transaction goes under, by the key that it said; NULL without one, and when the pass is revoked,
-- expired, idle for too long, or of a person who was shut out. All by the clock of the database.
CREATE FUNCTION visitor_pass() RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    said text := current_setting('vigie.key', true);
BEGIN
    IF said IS NULL OR said !~ '^[0-9a-f]{64}$' THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT pass.pass_id FROM pass LEFT JOIN person USING (person_id)
             WHERE pass.key_digest = sha256(convert_to(said, 'UTF8')) AND pass.revoked_at IS NULL
               AND pass.expires_at > statement_timestamp()
               AND (pass.idle_s IS NULL OR coalesce(pass.used_at, pass.made_at) + make_interval(secs => pass.idle_s)
                                           > statement_timestamp())
               AND (person.disabled_at IS NULL OR person.disabled_at > statement_timestamp()));
END
$$;

-- Where the pass gives a right: in the whole Métropole (both NULL), in communes, on sites of them.
CREATE FUNCTION scopes(wanted text) RETURNS TABLE (commune_insee char(5), site_id integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 2 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT DISTINCT pass_grant.commune_insee, pass_grant.site_id
          FROM pass_grant JOIN role_right USING (role)
         WHERE pass_grant.pass_id = visitor_pass() AND role_right."right" = wanted;
END
$$;

CREATE FUNCTION may_somewhere(wanted text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM scopes(wanted));
END
$$;

CREATE FUNCTION may_all(wanted text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM scopes(wanted) AS scope WHERE scope.commune_insee IS NULL);
END
$$;

CREATE FUNCTION sees_all() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN may_all('see');
END
$$;

-- A place without a commune is the whole Métropole, one without a site is all of its commune.
CREATE FUNCTION may_at(wanted text, commune char(5), site integer) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM scopes(wanted) AS scope
         WHERE scope.commune_insee IS NULL
            OR (scope.commune_insee = commune AND (scope.site_id IS NULL OR scope.site_id = site)));
END
$$;

-- What a right reaches, beyond those who have it in the whole Métropole: whole communes, sites, what stands on them.
-- Policies ask (SELECT may_all(...)) first, so that for the Métropole none of these is ever computed.
CREATE FUNCTION reached_communes(wanted text) RETURNS SETOF char(5)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 2 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT scope.commune_insee FROM scopes(wanted) AS scope
         WHERE scope.commune_insee IS NOT NULL AND scope.site_id IS NULL;
END
$$;

CREATE FUNCTION reached_sites(wanted text) RETURNS SETOF integer
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 1 ROWS 10 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT site.site_id FROM scopes(wanted) AS scope JOIN site USING (commune_insee)
         WHERE scope.site_id IS NULL OR scope.site_id = site.site_id;
END
$$;

-- Single sites by what names them before they have an id: whoever writes one anew is known by its code.
CREATE FUNCTION reached_codes(wanted text) RETURNS TABLE (commune_insee char(5), code text)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 1 ROWS 10 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT site.commune_insee, site.code FROM scopes(wanted) JOIN site USING (commune_insee, site_id);
END
$$;

CREATE FUNCTION reached_sensors(wanted text) RETURNS SETOF integer
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 1 ROWS 10 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT sensor.sensor_id FROM reached_sites(wanted) AS reached (site_id) JOIN sensor USING (site_id);
END
$$;

CREATE FUNCTION reached_series(wanted text) RETURNS SETOF integer
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 1 ROWS 10 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT series.series_id FROM reached_sensors(wanted) AS reached (sensor_id) JOIN series USING (sensor_id);
END
$$;

CREATE FUNCTION sees_series(of_series integer) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE series.series_id = of_series AND may_at('see', site.commune_insee, site.site_id));
END
$$;

-- Devices, those that were replaced too, with the commune that they stand in.
CREATE FUNCTION reached_devices(wanted text) RETURNS TABLE (commune_insee char(5), external_id text)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 1 ROWS 10 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT site.commune_insee, device.external_id
          FROM reached_sites(wanted) AS reached (site_id) JOIN site USING (site_id) JOIN sensor USING (site_id)
         CROSS JOIN LATERAL (SELECT sensor.external_id
                             UNION ALL
                             SELECT former_device.external_id FROM former_device
                              WHERE former_device.sensor_id = sensor.sensor_id) AS device;
END
$$;

-- Subjects of the sites that a right reaches without reaching their whole commune.
CREATE FUNCTION reached_subjects(wanted text) RETURNS TABLE (kind text, code text)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 10 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT subject.kind, subject.code
          FROM scopes(wanted) AS scope JOIN decision_subject AS subject USING (commune_insee, site_id);
END
$$;

-- The one round of a driver's link; NULL for all other passes.
CREATE FUNCTION driven_decision() RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT pass.decision_id FROM pass WHERE pass.pass_id = visitor_pass());
END
$$;

CREATE FUNCTION driven_subject() RETURNS TABLE (kind text, code text)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT decision.kind, decision.subject FROM decision WHERE decision.decision_id = driven_decision();
END
$$;

-- Whether the visitor may decide on this subject of a commune.
CREATE FUNCTION decides_on(of_kind text, of_subject text, commune char(5)) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM decision_subject AS subject
         WHERE subject.kind = of_kind AND subject.code = of_subject AND subject.commune_insee = commune
           AND may_at('decide_' || of_kind, subject.commune_insee, subject.site_id));
END
$$;

-- Whether the visitor may decide on something of a commune, of this kind or, without one, of any.
CREATE FUNCTION decides_in(commune text, of_kind text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pass_grant JOIN role_right USING (role)
         WHERE pass_grant.pass_id = visitor_pass()
           AND (pass_grant.commune_insee IS NULL OR pass_grant.commune_insee = commune::char(5))
           AND role_right."right" = coalesce('decide_' || of_kind, role_right."right")
           AND starts_with(role_right."right", 'decide_'));
END
$$;

-- Whether the visitor tends all of these series.
CREATE FUNCTION tends_series(series_ids integer[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN may_all('tend') OR NOT EXISTS (
        SELECT unnest(series_ids) EXCEPT SELECT reached.series_id FROM reached_series('tend') AS reached (series_id));
END
$$;

-- Whether a right reaches all that an intake takes in: of one device, or, where it replays, of one commune.
CREATE FUNCTION reaches_intake(wanted text, kind text, arguments jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN may_at(wanted, CASE kind WHEN 'replay' THEN arguments ->> 'commune' END, NULL)
        OR EXISTS (SELECT FROM reached_devices(wanted) AS device
                    WHERE device.external_id = arguments ->> 'external_id');
END
$$;

-- Hypertables with a columnstore take no policies: the api reads views of their names, which stand first on its path.
-- A barrier: no function of whoever asks sees a row before the view has let it through.
CREATE VIEW seen.reading WITH (security_barrier) AS
SELECT series_id, observed_at, value, quality, received_at, flags FROM public.reading
 WHERE (SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see'));
CREATE VIEW seen.rollup_hour WITH (security_barrier) AS
SELECT series_id, hour, count, good, slots, mean, low, high, last, increment, known_s FROM public.rollup_hour
 WHERE (SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see'));
CREATE VIEW seen.rollup_day WITH (security_barrier) AS
SELECT series_id, day, count, good, slots, hours, hours_valid, mean, low, high, last, increment, known_s, rolled_at
  FROM public.rollup_day
 WHERE (SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see'));
CREATE VIEW seen.forecast_step WITH (security_barrier) AS
SELECT series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive FROM public.forecast_step
 WHERE (SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see'));
CREATE VIEW seen.frame WITH (security_barrier) AS
SELECT sensor_id, session, f_cnt, observed_at, received_at, arrival FROM public.frame
 WHERE (SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see'));
GRANT SELECT ON seen.reading, seen.rollup_hour, seen.rollup_day, seen.forecast_step, seen.frame TO vigie_api;

-- A barrier keeps an order from the index behind it: what is read up to so many rows, or from the oldest on, is read by
-- functions. Under the api those of ``seen`` stand before those of their names, as its views do.
-- The first readings of a series in [since, until), oldest first; all of them lie in [earliest, latest), which as constants
-- let the planner leave out months and chunks.
CREATE FUNCTION first_readings(of_series integer, since timestamptz, until timestamptz, earliest timestamptz,
                               latest timestamptz, at_most bigint)
RETURNS TABLE (series_id integer, observed_at timestamptz, value double precision, quality smallint,
               received_at timestamptz, flags smallint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 AS $$
    SELECT series_id, observed_at, value, quality, received_at, flags FROM reading
     WHERE reading.series_id = of_series AND reading.observed_at >= since AND reading.observed_at < until
       AND reading.observed_at >= earliest AND reading.observed_at < latest
     ORDER BY reading.observed_at LIMIT at_most
$$;
-- The last ones, newest first.
CREATE FUNCTION last_readings(of_series integer, since timestamptz, until timestamptz, earliest timestamptz,
                              latest timestamptz, at_most bigint)
RETURNS TABLE (series_id integer, observed_at timestamptz, value double precision, quality smallint,
               received_at timestamptz, flags smallint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 AS $$
    SELECT series_id, observed_at, value, quality, received_at, flags FROM reading
     WHERE reading.series_id = of_series AND reading.observed_at >= since AND reading.observed_at < until
       AND reading.observed_at >= earliest AND reading.observed_at < latest
     ORDER BY reading.observed_at DESC LIMIT at_most
$$;
-- The first hour of each of these series that was rolled up.
CREATE FUNCTION first_hours(series_ids integer[]) RETURNS TABLE (series_id integer, hour timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT asked.series_id, oldest.hour
      FROM unnest(series_ids) AS asked (series_id) CROSS JOIN LATERAL (
           SELECT rollup_hour.hour FROM rollup_hour WHERE rollup_hour.series_id = asked.series_id
            ORDER BY rollup_hour.hour LIMIT 1) AS oldest
$$;

-- Which of these series are simulated, so that what was decided from them says so.
CREATE FUNCTION simulated_series(series_ids integer[]) RETURNS TABLE (series_id integer)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT series.series_id FROM series JOIN sensor USING (sensor_id)
     WHERE series.series_id = ANY(series_ids) AND sensor.origin = 'simulated'
$$;

CREATE FUNCTION seen.first_readings(of_series integer, since timestamptz, until timestamptz, earliest timestamptz,
                                    latest timestamptz, at_most bigint)
RETURNS TABLE (series_id integer, observed_at timestamptz, value double precision, quality smallint,
               received_at timestamptz, flags smallint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 100 SET search_path = public, pg_temp AS $$
BEGIN
    IF sees_series(of_series) THEN
        RETURN QUERY SELECT * FROM public.first_readings(of_series, since, until, earliest, latest, at_most);
    END IF;
END
$$;
CREATE FUNCTION seen.last_readings(of_series integer, since timestamptz, until timestamptz, earliest timestamptz,
                                   latest timestamptz, at_most bigint)
RETURNS TABLE (series_id integer, observed_at timestamptz, value double precision, quality smallint,
               received_at timestamptz, flags smallint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 100 SET search_path = public, pg_temp AS $$
BEGIN
    IF sees_series(of_series) THEN
        RETURN QUERY SELECT * FROM public.last_readings(of_series, since, until, earliest, latest, at_most);
    END IF;
END
$$;
CREATE FUNCTION seen.first_hours(series_ids integer[]) RETURNS TABLE (series_id integer, hour timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM public.first_hours(
        CASE WHEN sees_all() THEN series_ids
             ELSE ARRAY(SELECT unnest(series_ids) INTERSECT SELECT * FROM reached_series('see')) END);
END
$$;
-- A driver sees no series, and is told it of those that the round was decided from.
CREATE FUNCTION seen.simulated_series(series_ids integer[]) RETURNS TABLE (series_id integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM public.simulated_series(
        CASE WHEN sees_all() THEN series_ids
             ELSE ARRAY(SELECT unnest(series_ids) INTERSECT (
                  SELECT * FROM reached_series('see') UNION ALL
                  SELECT (input ->> 'series_id')::integer
                    FROM decision CROSS JOIN LATERAL jsonb_array_elements(body -> 'inputs') AS input
                   WHERE decision.decision_id = driven_decision())) END);
END
$$;
CREATE FUNCTION seen.frame_stretch(sensor_ids integer[], since timestamptz, until timestamptz)
RETURNS TABLE (sensor_id integer, session text, first_f_cnt bigint, first_at timestamptz, last_at timestamptz,
               received bigint, backfilled bigint, inside boolean, is_join boolean, is_reset boolean,
               after_f_cnt bigint, after_at timestamptz, missing bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM public.frame_stretch(
        CASE WHEN sees_all() THEN sensor_ids
             ELSE ARRAY(SELECT unnest(sensor_ids) INTERSECT SELECT * FROM reached_sensors('see')) END, since, until);
END
$$;

-- Who may run ours: not everybody.
REVOKE ALL ON FUNCTION visitor_pass(), scopes(text), may_somewhere(text), may_all(text), sees_all(),
    may_at(text, char, integer), reached_communes(text), reached_sites(text), reached_sensors(text),
    reached_series(text), sees_series(integer), reached_devices(text), reached_subjects(text), driven_decision(),
    driven_subject(), decides_on(text, text, char), decides_in(text, text), reached_codes(text),
    tends_series(integer[]), reaches_intake(text, text, jsonb), calibration_as_of(timestamptz),
    frame_stretch(integer[], timestamptz, timestamptz), first_hours(integer[]), simulated_series(integer[]),
    first_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint),
    last_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint),
    seen.frame_stretch(integer[], timestamptz, timestamptz), seen.first_hours(integer[]),
    seen.simulated_series(integer[]),
    seen.first_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint),
    seen.last_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint),
    count_kept_rejections(), count_kept_asides() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION visitor_pass(), scopes(text), may_somewhere(text), may_all(text), sees_all(),
    may_at(text, char, integer), reached_communes(text), reached_sites(text), reached_sensors(text),
    reached_series(text), sees_series(integer), reached_devices(text), reached_subjects(text), driven_decision(),
    driven_subject(), decides_on(text, text, char), decides_in(text, text), reached_codes(text),
    tends_series(integer[]), reaches_intake(text, text, jsonb), calibration_as_of(timestamptz),
    seen.frame_stretch(integer[], timestamptz, timestamptz), seen.first_hours(integer[]),
    seen.simulated_series(integer[]),
    seen.first_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint),
    seen.last_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint) TO vigie_api;
GRANT EXECUTE ON FUNCTION calibration_as_of(timestamptz), frame_stretch(integer[], timestamptz, timestamptz),
    first_hours(integer[]), first_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint),
    last_readings(integer, timestamptz, timestamptz, timestamptz, timestamptz, bigint) TO vigie_ingest, vigie_worker;
-- They count whoever writes; nobody else writes what they count.
ALTER FUNCTION count_kept_rejections() SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION count_kept_asides() SECURITY DEFINER SET search_path = public, pg_temp;

-- Every other table that the api reads or writes has policies. Those who work see all rows; what they may do with them is
-- said by rights (0015).
DO $$
DECLARE
    of text;
BEGIN
    FOREACH of IN ARRAY ARRAY[
        'commune', 'site', 'sensor', 'series', 'former_device', 'former_place', 'sensor_change', 'device_model',
        'calibration', 'latest', 'expectation', 'forecast', 'score', 'model', 'touched', 'rejection', 'aside', 'kept',
        'pruned', 'reception', 'live_event', 'outbox', 'intake', 'heartbeat', 'decision_subject', 'decision',
        'decision_answer', 'export_schedule', 'export_run', 'retention', 'raw_kept', 'backup', 'storage_day',
        'role_right', 'person', 'person_grant', 'group_grant', 'pass', 'pass_grant', 'entry_link', 'sign_in_count'
    ]
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of);
        EXECUTE format('CREATE POLICY %I ON %I TO vigie_door, vigie_ingest, vigie_worker USING (true) WITH CHECK (true)',
                       of || '_worked', of);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO vigie_ingest, vigie_worker;
REVOKE ALL ON person, person_grant, group_grant, pass, pass_grant, entry_link, sign_in_count FROM vigie_ingest, vigie_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vigie_ingest, vigie_worker;
GRANT SELECT ON _yoyo_migration TO vigie_api, vigie_door;

-- The door: who people are and what they were given; of the rest, what a grant, a link or an event names.
GRANT SELECT, INSERT, UPDATE, DELETE ON person, person_grant, group_grant, pass, pass_grant, entry_link, sign_in_count
    TO vigie_door;
GRANT SELECT ON role_right, commune, site, sensor, series, decision_subject, decision, live_event TO vigie_door;

-- Known to whoever is let in: they tell of no commune's sensors.
GRANT SELECT ON commune, device_model, retention, raw_kept, heartbeat, role_right TO vigie_api;
CREATE POLICY commune_seen ON commune FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
CREATE POLICY device_model_seen ON device_model FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
CREATE POLICY retention_seen ON retention FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
CREATE POLICY raw_kept_seen ON raw_kept FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
CREATE POLICY heartbeat_seen ON heartbeat FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
CREATE POLICY role_right_seen ON role_right FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
-- What models are made of, but not the models themselves.
GRANT SELECT (model_id, metric, trained_at, history_start, history_end, rows, series, duration_s, card)
    ON model TO vigie_api;
CREATE POLICY model_seen ON model FOR SELECT TO vigie_api USING ((SELECT may_somewhere('see')));

-- How the platform does.
GRANT SELECT ON backup, storage_day, export_schedule, export_run TO vigie_api;
CREATE POLICY backup_seen ON backup FOR SELECT TO vigie_api USING ((SELECT may_somewhere('operate')));
CREATE POLICY storage_day_seen ON storage_day FOR SELECT TO vigie_api USING ((SELECT may_somewhere('operate')));
CREATE POLICY export_schedule_seen ON export_schedule FOR SELECT TO vigie_api USING ((SELECT may_all('operate')));
CREATE POLICY export_run_seen ON export_run FOR SELECT TO vigie_api USING ((SELECT may_all('operate')));

-- Places and what stands there.
GRANT SELECT, INSERT, UPDATE (name, longitude, latitude) ON site TO vigie_api;
CREATE POLICY site_seen ON site FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR (commune_insee, code) IN (SELECT * FROM reached_codes('see')));
CREATE POLICY site_added ON site FOR INSERT TO vigie_api
    WITH CHECK (may_at('tend', commune_insee, NULL)
                OR (commune_insee, code) IN (SELECT * FROM reached_codes('tend')));
CREATE POLICY site_tended ON site FOR UPDATE TO vigie_api USING (may_at('tend', commune_insee, site_id));

GRANT SELECT, INSERT, UPDATE (external_id, kind, name, site_id, model, interval_s, retired_at) ON sensor TO vigie_api;
CREATE POLICY sensor_seen ON sensor FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR site_id IN (SELECT * FROM reached_sites('see')));
CREATE POLICY sensor_added ON sensor FOR INSERT TO vigie_api
    WITH CHECK ((SELECT may_all('tend')) OR site_id IN (SELECT * FROM reached_sites('tend')));
CREATE POLICY sensor_tended ON sensor FOR UPDATE TO vigie_api
    USING ((SELECT may_all('tend')) OR site_id IN (SELECT * FROM reached_sites('tend')));

GRANT SELECT ON series, latest, expectation, forecast TO vigie_api;
CREATE POLICY series_seen ON series FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY latest_seen ON latest FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));
CREATE POLICY expectation_seen ON expectation FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));
CREATE POLICY forecast_seen ON forecast FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));

GRANT SELECT, INSERT, UPDATE (sensor_id, removed_at, model), DELETE ON former_device TO vigie_api;
GRANT SELECT, INSERT ON former_place, sensor_change, calibration TO vigie_api;
GRANT INSERT ON touched TO vigie_api;
CREATE POLICY former_device_seen ON former_device FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY former_device_tended ON former_device TO vigie_api
    USING ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')));
CREATE POLICY former_place_seen ON former_place FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY former_place_tended ON former_place FOR INSERT TO vigie_api
    WITH CHECK ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')));
CREATE POLICY sensor_change_seen ON sensor_change FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY sensor_change_tended ON sensor_change FOR INSERT TO vigie_api
    WITH CHECK ((SELECT may_all('tend')) OR sensor_id IN (SELECT * FROM reached_sensors('tend')));
CREATE POLICY calibration_seen ON calibration FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));
CREATE POLICY calibration_tended ON calibration FOR INSERT TO vigie_api
    WITH CHECK ((SELECT may_all('tend')) OR series_id IN (SELECT * FROM reached_series('tend')));
CREATE POLICY touched_tended ON touched FOR INSERT TO vigie_api WITH CHECK (tends_series(series_ids));

-- What came and was not stored. What is of no commune is seen by the whole Métropole; of a site, what its devices sent.
GRANT SELECT ON rejection, aside, kept, pruned, reception TO vigie_api;
CREATE POLICY rejection_seen ON rejection FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR (commune_insee, external_id) IN (SELECT * FROM reached_devices('see')));
CREATE POLICY aside_seen ON aside FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR (network = 'native' AND split_part(topic, '/', 3)::char(5)
                                                          IN (SELECT * FROM reached_communes('see'))));
CREATE POLICY kept_seen ON kept FOR SELECT TO vigie_api
    USING ((SELECT sees_all())
           OR (what = 'aside' AND EXISTS (SELECT FROM aside WHERE aside.external_id = kept.external_id)));
CREATE POLICY pruned_seen ON pruned FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR external_id IN (SELECT external_id FROM reached_devices('see')));
CREATE POLICY reception_seen ON reception FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see')));

GRANT SELECT, INSERT, UPDATE (state, detail, changed_at, ended_at) ON intake TO vigie_api;
CREATE POLICY intake_seen ON intake FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR reaches_intake('see', kind, arguments));
CREATE POLICY intake_asked ON intake FOR INSERT TO vigie_api
    WITH CHECK (state = 'asked' AND kind IN ('replay', 'backfill') AND reaches_intake('tend', kind, arguments));
CREATE POLICY intake_cancelled ON intake FOR UPDATE TO vigie_api
    USING (reaches_intake('tend', kind, arguments)) WITH CHECK (state = 'cancelled');

-- Decisions: a subject's of a site by who sees the site; a round by who was given the link to it.
GRANT SELECT, UPDATE (policy) ON decision_subject TO vigie_api;
GRANT SELECT, INSERT, UPDATE (state) ON decision TO vigie_api;
GRANT SELECT, INSERT ON decision_answer TO vigie_api;
CREATE POLICY decision_subject_seen ON decision_subject FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR (kind, code) IN (SELECT * FROM reached_subjects('see')) OR (kind, code) IN (SELECT * FROM driven_subject()));
CREATE POLICY decision_subject_decided ON decision_subject FOR UPDATE TO vigie_api
    USING (may_at('decide_' || kind, commune_insee, site_id));
CREATE POLICY decision_seen ON decision FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR (kind, subject) IN (SELECT * FROM reached_subjects('see')) OR decision_id = (SELECT driven_decision()));
CREATE POLICY decision_made ON decision FOR INSERT TO vigie_api WITH CHECK (decides_on(kind, subject, commune_insee));
CREATE POLICY decision_decided ON decision FOR UPDATE TO vigie_api USING (decides_on(kind, subject, commune_insee));
CREATE POLICY decision_answer_seen ON decision_answer FOR SELECT TO vigie_api
    USING ((SELECT sees_all())
           OR EXISTS (SELECT FROM decision WHERE decision.decision_id = decision_answer.decision_id));
CREATE POLICY decision_answer_given ON decision_answer FOR INSERT TO vigie_api
    WITH CHECK (EXISTS (SELECT FROM decision WHERE decision.decision_id = decision_answer.decision_id
                                               AND decides_on(decision.kind, decision.subject, decision.commune_insee)));

-- What an answer tells others: the feed of its commune, and its commune's topic.
GRANT INSERT ON live_event, outbox TO vigie_api;
CREATE POLICY live_event_told ON live_event FOR INSERT TO vigie_api
    WITH CHECK (kind = 'decisions' AND decides_in(commune_insee, NULL));
CREATE POLICY outbox_told ON outbox FOR INSERT TO vigie_api
    WITH CHECK (topic ~ '^vigie/out/v1/[0-9AB]{5}/decision/[a-z_]+$'
                AND decides_in(split_part(topic, '/', 4), split_part(topic, '/', 6)));
