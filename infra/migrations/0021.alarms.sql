-- depends: 0020.forecasting

-- When something is an alarm. Never changed: a rule that is edited ends, and another begins that replaces it, so that what
-- was raised keeps the rule that it was raised by. No place is the whole Métropole.
CREATE TABLE alarm_rule (
    rule_id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    preset           text,
    name             text        NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    condition        text        NOT NULL CHECK (condition IN ('threshold', 'rate', 'stuck', 'silence', 'battery',
                                                               'expected', 'completeness')),
    metric           text,
    kind             text,
    commune_insee    char(5)     REFERENCES commune,
    site_id          integer     REFERENCES site,
    sensor_id        integer     REFERENCES sensor,
    parameters       jsonb       NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    severity         text        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    escalate_after_s integer     CHECK (escalate_after_s > 0),
    enabled          boolean     NOT NULL DEFAULT true,
    source           text        NOT NULL DEFAULT '',
    source_url       text        NOT NULL DEFAULT '',
    since            timestamptz NOT NULL,
    until            timestamptz CHECK (until >= since),
    made_by          text        NOT NULL,
    replaces         integer     REFERENCES alarm_rule,
    CHECK (commune_insee IS NOT NULL OR (site_id IS NULL AND sensor_id IS NULL))
);
CREATE UNIQUE INDEX alarm_rule_preset ON alarm_rule (preset) WHERE until IS NULL AND commune_insee IS NULL;

-- What a person should hear of: since and until in data time, the other instants in ours. Without a rule it is of the
-- platform itself, or a group whose members point to it.
CREATE TABLE alarm (
    alarm_id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id         integer     REFERENCES alarm_rule,
    name            text        NOT NULL CHECK (name ~ '^[a-z_]{1,64}$'),
    severity        text        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    commune_insee   char(5)     REFERENCES commune,
    site_id         integer     REFERENCES site,
    sensor_id       integer     REFERENCES sensor,
    series_id       integer     REFERENCES series,
    gateway         text,
    subject         text        NOT NULL DEFAULT '',
    since           timestamptz NOT NULL,
    until           timestamptz CHECK (until >= since),
    confirmed_at    timestamptz NOT NULL,
    raised_at       timestamptz NOT NULL,
    cleared_at      timestamptz,
    found_late      boolean     NOT NULL DEFAULT false,
    withdrawn_at    timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    assignee        text        CHECK (length(assignee) <= 200),
    snoozed_until   timestamptz,
    escalated_at    timestamptz,
    -- Since when others know of it; of what is muted, late, or a member of a group, nobody was told.
    told_at         timestamptz,
    muted           boolean     NOT NULL DEFAULT false,
    parent_id       bigint      REFERENCES alarm,
    figures         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(figures) = 'object')
);
-- An episode is one alarm: of a series or, where all of a sensor is silent, of the sensor.
CREATE UNIQUE INDEX alarm_of_series ON alarm (rule_id, series_id, since)
    WHERE rule_id IS NOT NULL AND series_id IS NOT NULL AND withdrawn_at IS NULL;
CREATE UNIQUE INDEX alarm_of_sensor ON alarm (rule_id, sensor_id, since)
    WHERE rule_id IS NOT NULL AND series_id IS NULL AND withdrawn_at IS NULL;
-- Of the platform, and of a group, one lasts at a time.
CREATE UNIQUE INDEX alarm_of_subject ON alarm (name, subject, commune_insee) NULLS NOT DISTINCT
    WHERE rule_id IS NULL AND cleared_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX alarm_open ON alarm (commune_insee) WHERE cleared_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX alarm_raised ON alarm (raised_at DESC, alarm_id DESC);
CREATE INDEX alarm_cleared ON alarm (cleared_at) WHERE cleared_at IS NOT NULL;
CREATE INDEX alarm_series ON alarm (series_id, since DESC) WHERE series_id IS NOT NULL;
CREATE INDEX alarm_sensor ON alarm (sensor_id, since DESC) WHERE sensor_id IS NOT NULL;
CREATE INDEX alarm_parent ON alarm (parent_id) WHERE parent_id IS NOT NULL;

-- An alarm with what it is about, as whoever asks may see it. Its rank: how soon a person should look, severe first, then
-- what nobody has looked at.
CREATE VIEW alarm_told WITH (security_invoker) AS
SELECT alarm.*, site.code AS site_code, site.name AS site_name, sensor.external_id, sensor.name AS sensor_name,
       sensor.kind, sensor.origin, series.metric,
       (3 - array_position(ARRAY['info', 'warning', 'critical'], alarm.severity)) * 2
       + (alarm.acknowledged_at IS NOT NULL OR alarm.muted
          OR coalesce(alarm.snoozed_until > statement_timestamp(), false))::integer AS rank,
       (SELECT count(*) FROM alarm AS member
         WHERE member.parent_id = alarm.alarm_id AND member.withdrawn_at IS NULL
           AND (member.cleared_at IS NULL OR alarm.cleared_at IS NOT NULL)) AS members
  FROM alarm LEFT JOIN site USING (site_id) LEFT JOIN sensor USING (sensor_id) LEFT JOIN series USING (series_id);

-- What happened to an alarm, never changed. ``told``: others hear of it.
CREATE TABLE alarm_act (
    act_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint      NOT NULL REFERENCES alarm,
    at       timestamptz NOT NULL,
    by       text        NOT NULL CHECK (by <> ''),
    what     text        NOT NULL CHECK (what IN ('raised', 'escalated', 'cleared', 'withdrawn', 'acknowledged',
                                                  'unacknowledged', 'snoozed', 'unsnoozed', 'assigned', 'commented')),
    said     text        NOT NULL DEFAULT '' CHECK (length(said) <= 2000),
    until    timestamptz,
    told     boolean     NOT NULL DEFAULT false
);
CREATE INDEX alarm_act_alarm ON alarm_act (alarm_id, act_id);

-- Hours of series that were judged anew and whose alarms wait to be looked at again, left by the judging's transaction.
-- What needs no answer within seconds is left again for the turn of the hour.
CREATE TABLE alarm_touched (
    touched_id bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hourly     boolean       NOT NULL DEFAULT false,
    series_ids integer[]     NOT NULL,
    hours      timestamptz[] NOT NULL,
    CHECK (cardinality(series_ids) = cardinality(hours))
);

-- Up to where a turn of evaluation has come, of those that follow roll-ups of days and issues of forecasts.
CREATE TABLE alarm_turn (
    turn    text        PRIMARY KEY,
    reached timestamptz NOT NULL
);

-- How often a series speaks by itself, learnt nightly: after how long a silence is unusual. The newest line counts.
CREATE TABLE rhythm (
    series_id      integer     NOT NULL REFERENCES series,
    since          timestamptz NOT NULL,
    interval_s     real        NOT NULL CHECK (interval_s > 0),
    silent_after_s real        NOT NULL CHECK (silent_after_s >= interval_s),
    gaps           integer     NOT NULL CHECK (gaps >= 0),
    PRIMARY KEY (series_id, since)
);

-- While somebody works there: what is raised is kept and told to nobody.
CREATE TABLE maintenance (
    maintenance_id integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commune_insee  char(5)     NOT NULL REFERENCES commune,
    site_id        integer     REFERENCES site,
    sensor_id      integer     REFERENCES sensor,
    start_at       timestamptz NOT NULL,
    end_at         timestamptz NOT NULL CHECK (end_at > start_at),
    why            text        NOT NULL CHECK (length(why) BETWEEN 1 AND 500),
    made_at        timestamptz NOT NULL,
    made_by        text        NOT NULL,
    cancelled_at   timestamptz
);
CREATE INDEX maintenance_end ON maintenance (end_at) WHERE cancelled_at IS NULL;

-- Who is told by e-mail, of what, when. No communes: all that the person sees. timetable: [[weekday 0-6, "HH:MM", "HH:MM"],
-- ...] in local hours, none is always.
CREATE TABLE subscription (
    subscription_id    integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id          integer     NOT NULL REFERENCES person ON DELETE CASCADE,
    address            text        NOT NULL CHECK (length(address) BETWEEN 3 AND 254),
    communes           text[]      CHECK (cardinality(communes) > 0),
    severity_min       text        NOT NULL DEFAULT 'warning' CHECK (severity_min IN ('info', 'warning', 'critical')),
    timetable          jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(timetable) = 'array'),
    digest_min         integer     NOT NULL DEFAULT 0 CHECK (digest_min BETWEEN 0 AND 1440),
    mails_per_hour_max integer     NOT NULL DEFAULT 12 CHECK (mails_per_hour_max BETWEEN 1 AND 60),
    language           text        NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
    paused             boolean     NOT NULL DEFAULT false,
    made_at            timestamptz NOT NULL
);
CREATE INDEX subscription_person ON subscription (person_id);

-- What a subscriber is to be told, until it was sent or given up. What could not be sent waits here.
CREATE TABLE notice (
    notice_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id integer     NOT NULL REFERENCES subscription ON DELETE CASCADE,
    alarm_id        bigint      REFERENCES alarm,
    what            text        NOT NULL,
    due_at          timestamptz NOT NULL,
    sent_at         timestamptz,
    given_up_at     timestamptz,
    tries           integer     NOT NULL DEFAULT 0,
    failure         text        NOT NULL DEFAULT '',
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX notice_waiting ON notice (subscription_id, due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX notice_sent ON notice (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX notice_alarm ON notice (alarm_id);

-- Whether what was given to a person, here or by their groups, lets them see a place.
CREATE FUNCTION person_sees(of_person integer, commune char(5), site integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM (
            SELECT role, commune_insee, site_id FROM person_grant WHERE person_grant.person_id = of_person
             UNION ALL
            SELECT group_grant.role, group_grant.commune_insee, group_grant.site_id
              FROM group_grant JOIN person ON group_grant.group_name = ANY (person.group_names)
             WHERE person.person_id = of_person
            ) AS given JOIN role_right ON role_right.role = given.role AND role_right."right" = 'see'
         WHERE given.commune_insee IS NULL
            OR (given.commune_insee = commune AND (given.site_id IS NULL OR given.site_id = site)))
       AND EXISTS (SELECT FROM person WHERE person.person_id = of_person
                                        AND (disabled_at IS NULL OR disabled_at > statement_timestamp()))
$$;

-- The person of this transaction's pass; NULL for a program, a link, and without a pass.
CREATE FUNCTION visitor_person() RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT person_id FROM pass WHERE pass_id = visitor_pass() AND kind = 'session'
$$;

-- Whether the visitor tends something of a commune.
CREATE FUNCTION tends_in(commune char(5)) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM scopes('tend') AS scope
                    WHERE scope.commune_insee IS NULL OR scope.commune_insee = commune)
$$;

-- What others hear of goes to each subscriber who wants it and may see it.
CREATE FUNCTION note_alarm() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO notice (subscription_id, alarm_id, what, due_at)
    SELECT subscription.subscription_id, alarm.alarm_id, NEW.what, NEW.at
      FROM alarm CROSS JOIN subscription JOIN person USING (person_id)
     WHERE alarm.alarm_id = NEW.alarm_id AND NOT subscription.paused
       AND (person.disabled_at IS NULL OR person.disabled_at > NEW.at)
       AND (subscription.communes IS NULL OR alarm.commune_insee = ANY (subscription.communes))
       AND array_position(ARRAY['info', 'warning', 'critical'], alarm.severity)
           >= array_position(ARRAY['info', 'warning', 'critical'], subscription.severity_min)
       AND person_sees(subscription.person_id, alarm.commune_insee, alarm.site_id)
     ORDER BY subscription.subscription_id;
    RETURN NULL;
END $$;
CREATE TRIGGER alarm_noted AFTER INSERT ON alarm_act FOR EACH ROW WHEN (NEW.told) EXECUTE FUNCTION note_alarm();

-- What the platform says of itself, by whichever login, is an alarm like the others: raised by the first event of it, its
-- figures renewed by the next, cleared by the one that says its end. The live feed is held first, as by all who write
-- alarms: nobody waits in a circle.
CREATE FUNCTION keep_platform_alarm() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    told jsonb := NEW.body::jsonb -> 'data';
    kept alarm;
    word text := split_part(NEW.name, '.', 2);
    act  text;
BEGIN
    PERFORM pg_advisory_xact_lock(x'76191E'::integer);
    SELECT * INTO kept FROM alarm
     WHERE rule_id IS NULL AND cleared_at IS NULL AND withdrawn_at IS NULL AND name = word AND subject = NEW.subject
       AND commune_insee IS NOT DISTINCT FROM NEW.commune_insee
       FOR UPDATE;
    IF told ->> 'until' IS NOT NULL THEN
        IF kept.alarm_id IS NULL THEN
            RETURN NULL;
        END IF;
        UPDATE alarm SET until = greatest((told ->> 'until')::timestamptz, since), cleared_at = NEW.happened_at
         WHERE alarm_id = kept.alarm_id;
        act := 'cleared';
    ELSIF kept.alarm_id IS NOT NULL THEN
        UPDATE alarm SET figures = told #> '{words,values}' WHERE alarm_id = kept.alarm_id;
        RETURN NULL;
    ELSE
        INSERT INTO alarm (name, severity, commune_insee, site_id, sensor_id, subject, since, confirmed_at, raised_at,
                           told_at, figures)
        SELECT word, told ->> 'severity', NEW.commune_insee, sensor.site_id, sensor.sensor_id, NEW.subject,
               (told ->> 'since')::timestamptz, (told ->> 'since')::timestamptz, NEW.happened_at,
               NEW.happened_at, told #> '{words,values}'
          FROM (SELECT substring(NEW.subject FROM '^sensor:(.*)$') AS external_id) AS named
          LEFT JOIN sensor USING (external_id)
        RETURNING * INTO kept;
        act := 'raised';
    END IF;
    INSERT INTO alarm_act (alarm_id, at, by, what, told) VALUES (kept.alarm_id, NEW.happened_at, 'vigie', act, true);
    IF NEW.commune_insee IS NOT NULL THEN
        INSERT INTO live_event (created_at, commune_insee, kind, body)
        VALUES (NEW.happened_at, NEW.commune_insee, 'alarms', jsonb_build_array(jsonb_build_object(
                'alarm_id', kept.alarm_id, 'state', act, 'severity', kept.severity, 'sensor_id', kept.sensor_id,
                'series_id', NULL, 'site_id', kept.site_id, 'commune_insee', NEW.commune_insee)));
        PERFORM pg_notify('vigie_live', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER platform_alarm_kept AFTER INSERT ON event FOR EACH ROW
    WHEN (NEW.name LIKE 'alarm.%' AND NEW.name NOT IN ('alarm.raised', 'alarm.acknowledged', 'alarm.escalated',
                                                       'alarm.cleared', 'alarm.withdrawn'))
    EXECUTE FUNCTION keep_platform_alarm();

-- A rule that begins looks at what its series did last: at the day before their newest readings.
CREATE FUNCTION begin_rule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO alarm_touched (hourly, series_ids, hours)
    SELECT NEW.condition = 'stuck', array_agg(series_id ORDER BY series_id),
           array_agg(date_trunc('hour', observed_at - interval '1 day', 'UTC') ORDER BY series_id)
      FROM (SELECT latest.series_id, latest.observed_at, row_number() OVER (ORDER BY latest.series_id) / 10000 AS part
              FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
             WHERE sensor.retired_at IS NULL AND (NEW.metric IS NULL OR series.metric = NEW.metric)
               AND (NEW.kind IS NULL OR sensor.kind = NEW.kind)
               AND (NEW.commune_insee IS NULL OR site.commune_insee = NEW.commune_insee)
               AND (NEW.site_id IS NULL OR site.site_id = NEW.site_id)
               AND (NEW.sensor_id IS NULL OR sensor.sensor_id = NEW.sensor_id)) AS watched
     GROUP BY part;
    RETURN NULL;
END $$;
CREATE TRIGGER rule_begun AFTER INSERT ON alarm_rule FOR EACH ROW
    WHEN (NEW.enabled AND NEW.condition IN ('threshold', 'rate', 'stuck', 'silence', 'expected'))
    EXECUTE FUNCTION begin_rule();

REVOKE ALL ON FUNCTION begin_rule(), person_sees(integer, char, integer), visitor_person(), tends_in(char), note_alarm(),
    keep_platform_alarm() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION visitor_person(), tends_in(char) TO vigie_api;
-- What waits in a mail is told to nobody who may see it no longer.
GRANT EXECUTE ON FUNCTION person_sees(integer, char, integer) TO vigie_worker;

DO $$
DECLARE
    of text;
BEGIN
    FOREACH of IN ARRAY ARRAY['alarm_rule', 'alarm', 'alarm_act', 'alarm_touched', 'alarm_turn', 'rhythm',
                              'maintenance', 'subscription', 'notice'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of);
        EXECUTE format('REVOKE ALL ON %I FROM vigie_door, vigie_ingest, vigie_worker', of);
        EXECUTE format('CREATE POLICY %I ON %I TO vigie_worker USING (true) WITH CHECK (true)', of || '_worked', of);
    END LOOP;
END
$$;
GRANT SELECT ON alarm_rule, maintenance, heartbeat, reception TO vigie_worker;
GRANT SELECT, INSERT ON alarm_act, rhythm TO vigie_worker;
GRANT SELECT, INSERT, UPDATE ON alarm TO vigie_worker;
GRANT SELECT ON alarm_told TO vigie_worker, vigie_api;
GRANT SELECT, INSERT, DELETE, UPDATE (touched_id) ON alarm_touched TO vigie_worker;
GRANT SELECT, INSERT, UPDATE ON alarm_turn TO vigie_worker;
GRANT SELECT, UPDATE (paused) ON subscription TO vigie_worker;
GRANT SELECT, INSERT, DELETE, UPDATE (due_at, sent_at, given_up_at, tries, failure) ON notice TO vigie_worker;

-- Whoever holds the link of a mail ends it without signing in.
GRANT SELECT (subscription_id, paused), UPDATE (paused) ON subscription TO vigie_door;
CREATE POLICY subscription_ended ON subscription TO vigie_door USING (true) WITH CHECK (paused);

-- An alarm is seen by who sees its place; one of no place, by who sees the whole Métropole.
GRANT SELECT, UPDATE (acknowledged_at, acknowledged_by, assignee, snoozed_until) ON alarm TO vigie_api;
CREATE POLICY alarm_seen ON alarm FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR site_id IN (SELECT * FROM reached_sites('see')));
CREATE POLICY alarm_tended ON alarm FOR UPDATE TO vigie_api USING (may_at('tend', commune_insee, site_id));
GRANT SELECT, INSERT (alarm_id, at, by, what, said, until, told) ON alarm_act TO vigie_api;
CREATE POLICY alarm_act_seen ON alarm_act FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR EXISTS (SELECT FROM alarm WHERE alarm.alarm_id = alarm_act.alarm_id));
CREATE POLICY alarm_act_done ON alarm_act FOR INSERT TO vigie_api
    WITH CHECK (what NOT IN ('raised', 'escalated', 'cleared', 'withdrawn')
                AND EXISTS (SELECT FROM alarm WHERE alarm.alarm_id = alarm_act.alarm_id
                               AND may_at('tend', alarm.commune_insee, alarm.site_id)));
CREATE POLICY live_event_alarmed ON live_event FOR INSERT TO vigie_api
    WITH CHECK (kind = 'alarms' AND tends_in(commune_insee));
CREATE POLICY event_alarmed ON event FOR INSERT TO vigie_api
    WITH CHECK (name = 'alarm.acknowledged'
                AND EXISTS (SELECT FROM alarm WHERE 'alarm:' || alarm.alarm_id = event.subject
                               AND alarm.commune_insee IS NOT DISTINCT FROM event.commune_insee
                               AND may_at('tend', alarm.commune_insee, alarm.site_id)));

-- Rules of the whole Métropole are known to whoever sees something, and are of who operates all of it; those of a place
-- are of who tends it.
GRANT SELECT, UPDATE (until),
      INSERT (preset, name, condition, metric, kind, commune_insee, site_id, sensor_id, parameters, severity,
              escalate_after_s, enabled, source, source_url, since, made_by, replaces)
    ON alarm_rule TO vigie_api;
CREATE POLICY alarm_rule_seen ON alarm_rule FOR SELECT TO vigie_api
    USING ((commune_insee IS NULL AND (SELECT may_somewhere('see'))) OR (SELECT sees_all())
           OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR site_id IN (SELECT * FROM reached_sites('see')) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY alarm_rule_made ON alarm_rule FOR INSERT TO vigie_api
    WITH CHECK (CASE WHEN commune_insee IS NULL THEN may_all('operate')
                     ELSE may_at('tend', commune_insee, site_id)
                          AND (site_id IS NULL OR may_all('tend') OR site_id IN (SELECT * FROM reached_sites('tend')))
                          AND (sensor_id IS NULL OR may_all('tend')
                               OR sensor_id IN (SELECT * FROM reached_sensors('tend'))) END);
CREATE POLICY alarm_rule_ended ON alarm_rule FOR UPDATE TO vigie_api
    USING (CASE WHEN commune_insee IS NULL THEN may_all('operate') ELSE may_at('tend', commune_insee, site_id) END);

GRANT SELECT, UPDATE (cancelled_at),
      INSERT (commune_insee, site_id, sensor_id, start_at, end_at, why, made_at, made_by) ON maintenance TO vigie_api;
CREATE POLICY maintenance_seen ON maintenance FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR commune_insee IN (SELECT * FROM reached_communes('see'))
           OR site_id IN (SELECT * FROM reached_sites('see')) OR sensor_id IN (SELECT * FROM reached_sensors('see')));
CREATE POLICY maintenance_made ON maintenance FOR INSERT TO vigie_api
    WITH CHECK (may_at('tend', commune_insee, site_id)
                AND (site_id IS NULL OR may_all('tend') OR site_id IN (SELECT * FROM reached_sites('tend')))
                AND (sensor_id IS NULL OR may_all('tend') OR sensor_id IN (SELECT * FROM reached_sensors('tend'))));
CREATE POLICY maintenance_cancelled ON maintenance FOR UPDATE TO vigie_api
    USING (may_at('tend', commune_insee, site_id));

GRANT SELECT ON rhythm TO vigie_api;
CREATE POLICY rhythm_seen ON rhythm FOR SELECT TO vigie_api
    USING ((SELECT sees_all()) OR series_id IN (SELECT * FROM reached_series('see')));

-- Subscriptions are a person's own: nobody else reads an address.
GRANT SELECT, DELETE, INSERT (person_id, address, communes, severity_min, timetable, digest_min, mails_per_hour_max,
                              language, paused, made_at),
      UPDATE (address, communes, severity_min, timetable, digest_min, mails_per_hour_max, language, paused)
    ON subscription TO vigie_api;
CREATE POLICY subscription_own ON subscription TO vigie_api USING (person_id = (SELECT visitor_person()));
GRANT SELECT, INSERT (subscription_id, what, due_at) ON notice TO vigie_api;
CREATE POLICY notice_own ON notice FOR SELECT TO vigie_api
    USING (EXISTS (SELECT FROM subscription WHERE subscription.subscription_id = notice.subscription_id));
-- A test mail is asked for by whom it goes to.
CREATE POLICY notice_tested ON notice FOR INSERT TO vigie_api
    WITH CHECK (what = 'test' AND alarm_id IS NULL
                AND EXISTS (SELECT FROM subscription WHERE subscription.subscription_id = notice.subscription_id));

-- The rules that Vigie comes with, as services/alarms/presets.py has them, which a test holds equal. Who
-- operates all may edit them; a commune makes rules of its own beside them.
INSERT INTO alarm_rule (preset, condition, metric, kind, severity, escalate_after_s, enabled, parameters, source, source_url,
                        since, made_by)
SELECT preset, condition, metric, kind, severity, escalate_after_s, enabled, parameters::jsonb, source, source_url, now(),
       'vigie'
  FROM (VALUES
    ('co2_school_800', 'threshold', 'co2_ppm', 'indoor_air', 'info', NULL, true,
     '{"side": "above", "raise": 800, "clear": 700, "minutes": 30, "clear_minutes": 30, "hours": [8, 18], "weekdays": [0, 1, 2, 3, 4]}',
     'Arrêté du 27 décembre 2022 (mesure du dioxyde de carbone dans l’air intérieur), art. 4', 'https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000046830005'),
    ('co2_school_1500', 'threshold', 'co2_ppm', 'indoor_air', 'warning', NULL, true,
     '{"side": "above", "raise": 1500, "clear": 1300, "minutes": 20, "clear_minutes": 20, "hours": [8, 18], "weekdays": [0, 1, 2, 3, 4]}',
     'Arrêté du 27 décembre 2022 (mesure du dioxyde de carbone dans l’air intérieur), art. 4', 'https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000046830005'),
    ('no2_information_150', 'threshold', 'no2_ugm3', 'outdoor_air', 'warning', 14400, true,
     '{"side": "above", "raise": 150, "clear": 120.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 60}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('no2_alert_200', 'threshold', 'no2_ugm3', 'outdoor_air', 'critical', NULL, true,
     '{"side": "above", "raise": 200, "clear": 160.0, "minutes": 120, "clear_minutes": 180, "mean_minutes": 60}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('no2_limit_200', 'threshold', 'no2_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 200, "clear": 160.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 60}',
     'Directive 2008/50/EC, annex XI', 'https://eur-lex.europa.eu/eli/dir/2008/50/oj'),
    ('no2_day_2030_50', 'threshold', 'no2_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 50, "clear": 40.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 1', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('no2_who_25', 'threshold', 'no2_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 25, "clear": 20.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'WHO global air quality guidelines (2021)', 'https://www.who.int/publications/i/item/9789240034228'),
    ('o3_information_180', 'threshold', 'o3_ugm3', 'outdoor_air', 'warning', 14400, true,
     '{"side": "above", "raise": 180, "clear": 144.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 60}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('o3_alert_240', 'threshold', 'o3_ugm3', 'outdoor_air', 'critical', NULL, true,
     '{"side": "above", "raise": 240, "clear": 192.0, "minutes": 120, "clear_minutes": 180, "mean_minutes": 60}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('o3_target_120', 'threshold', 'o3_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 120, "clear": 96.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 480}',
     'Directive (EU) 2024/2881, annex I, section 2', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('o3_who_100', 'threshold', 'o3_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 100, "clear": 80.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 480}',
     'WHO global air quality guidelines (2021)', 'https://www.who.int/publications/i/item/9789240034228'),
    ('pm10_information_90', 'threshold', 'pm10_ugm3', 'outdoor_air', 'warning', 14400, true,
     '{"side": "above", "raise": 90, "clear": 72.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('pm10_alert_90', 'threshold', 'pm10_ugm3', 'outdoor_air', 'critical', NULL, true,
     '{"side": "above", "raise": 90, "clear": 72.0, "minutes": 2880, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('pm10_limit_50', 'threshold', 'pm10_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 50, "clear": 40.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive 2008/50/EC, annex XI', 'https://eur-lex.europa.eu/eli/dir/2008/50/oj'),
    ('pm10_day_2030_45', 'threshold', 'pm10_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 45, "clear": 36.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 1', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('pm10_who_45', 'threshold', 'pm10_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 45, "clear": 36.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'WHO global air quality guidelines (2021)', 'https://www.who.int/publications/i/item/9789240034228'),
    ('pm25_information_50', 'threshold', 'pm25_ugm3', 'outdoor_air', 'warning', 14400, true,
     '{"side": "above", "raise": 50, "clear": 40.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('pm25_alert_50', 'threshold', 'pm25_ugm3', 'outdoor_air', 'critical', NULL, true,
     '{"side": "above", "raise": 50, "clear": 40.0, "minutes": 2880, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 4', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('pm25_day_2030_25', 'threshold', 'pm25_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 25, "clear": 20.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'Directive (EU) 2024/2881, annex I, section 1', 'https://eur-lex.europa.eu/eli/dir/2024/2881/oj'),
    ('pm25_who_15', 'threshold', 'pm25_ugm3', 'outdoor_air', 'info', NULL, false,
     '{"side": "above", "raise": 15, "clear": 12.0, "minutes": 0, "clear_minutes": 180, "mean_minutes": 1440}',
     'WHO global air quality guidelines (2021)', 'https://www.who.int/publications/i/item/9789240034228'),
    ('bin_nearly_full', 'threshold', 'fill_ratio', 'bin', 'info', NULL, true,
     '{"side": "above", "raise": 0.9, "clear": 0.6, "minutes": 60, "clear_minutes": 0}',
     '', ''),
    ('bin_overflow', 'expected', 'fill_ratio', 'bin', 'warning', NULL, true,
     '{"will_exceed": 0.98, "within_hours": 24, "chance": 0.5}',
     '', ''),
    ('power_unexpected', 'expected', 'power_kw', NULL, 'info', NULL, true,
     '{"margin_ratio": 1.5, "minutes": 180, "level": "p05_p95"}',
     '', ''),
    ('battery_ratio', 'battery', 'battery_ratio', NULL, 'warning', NULL, true,
     '{"empty": 0.1, "days": 30}',
     '', ''),
    ('battery_voltage', 'battery', 'battery_v', NULL, 'warning', NULL, true,
     '{"empty": 2.2, "days": 30}',
     '', ''),
    ('silence', 'silence', NULL, NULL, 'warning', NULL, true,
     '{"factor": 1.0}',
     '', ''),
    ('stuck', 'stuck', NULL, NULL, 'warning', NULL, true,
     '{"minutes": null, "times_longest": 2.5}',
     '', ''),
    ('completeness', 'completeness', NULL, NULL, 'info', NULL, true,
     '{"ratio": 0.75, "days": 7}',
     '', '')
  ) AS given (preset, condition, metric, kind, severity, escalate_after_s, enabled, parameters, source, source_url);
