-- depends: 0017.idempotency

-- What happened that somebody outside must hear of, written in the transaction that caused it, kept for thirty days.
-- ``body`` is what is sent, as it was written: it is signed by its bytes.
CREATE TABLE event (
    event_id      uuid        PRIMARY KEY,
    name          text        NOT NULL CHECK (name ~ '^[a-z]+\.[a-z_]+$'),
    happened_at   timestamptz NOT NULL,
    commune_insee char(5)     REFERENCES commune,
    subject       text        NOT NULL,
    decision_id   integer     REFERENCES decision,
    body          json        NOT NULL
);
CREATE INDEX event_happened ON event (happened_at);
CREATE INDEX event_subject ON event (name, subject, happened_at DESC) WHERE subject <> '';

-- Who hears of it over HTTPS. The secret that signs is sealed with the settings' own: a dump of this table signs nothing.
-- ``held_until`` while a worker sends to it, so that no other does.
CREATE TABLE webhook (
    webhook_id     integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text        NOT NULL CHECK (name <> '' AND length(name) <= 100),
    url            text        NOT NULL,
    wanted         text[]      NOT NULL CHECK (cardinality(wanted) > 0),
    -- INSEE codes; none of them is the whole Métropole, with what belongs to no commune.
    communes       text[]      CHECK (cardinality(communes) > 0),
    state          text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'gone')),
    sealed         bytea       NOT NULL,
    sealed_before  bytea,
    before_until   timestamptz,
    made_at        timestamptz NOT NULL,
    made_by        text        NOT NULL,
    failures       integer     NOT NULL DEFAULT 0,
    failure        text        NOT NULL DEFAULT '',
    succeeded_at   timestamptz,
    gave_up_at     timestamptz,
    next_try_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    held_until     timestamptz,
    CHECK ((sealed_before IS NULL) = (before_until IS NULL))
);

-- An event on its way to a webhook. It is sent until it is taken, for three days.
CREATE TABLE delivery (
    delivery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id  integer     NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event_id    uuid        NOT NULL REFERENCES event ON DELETE CASCADE,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'given_up')),
    tries       integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at    timestamptz,
    duration_ms integer,
    status      integer,
    failure     text        NOT NULL DEFAULT '',
    answer      text        NOT NULL DEFAULT ''
);
-- The head of a webhook's queue: what was tried for hours lets the others pass (core/store/deliveries.py).
CREATE INDEX delivery_waiting ON delivery (webhook_id, (tries >= 12), delivery_id) WHERE state = 'waiting';
CREATE INDEX delivery_webhook ON delivery (webhook_id, delivery_id DESC);
CREATE INDEX delivery_event ON delivery (event_id);

-- The secret before signs along for a while, so that the receiver may change its own in peace.
CREATE FUNCTION keep_webhook_secret() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.sealed_before := OLD.sealed;
    RETURN NEW;
END $$;
CREATE TRIGGER webhook_secret_kept BEFORE UPDATE OF sealed ON webhook
    FOR EACH ROW EXECUTE FUNCTION keep_webhook_secret();

-- What waits for a webhook and happened where it is not any more is taken back.
CREATE FUNCTION take_back_deliveries() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM delivery USING event
     WHERE delivery.webhook_id = NEW.webhook_id AND delivery.state = 'waiting' AND event.event_id = delivery.event_id
       AND NOT coalesce(event.commune_insee = ANY (NEW.communes), false);
    RETURN NULL;
END $$;
CREATE TRIGGER webhook_moved AFTER UPDATE OF communes ON webhook
    FOR EACH ROW WHEN (NEW.communes IS NOT NULL AND NEW.communes IS DISTINCT FROM OLD.communes)
    EXECUTE FUNCTION take_back_deliveries();

-- Every event goes to the webhooks that want it, and to the broker. A test goes where it is told to.
CREATE FUNCTION tell_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.name LIKE 'webhook.%' THEN
        RETURN NULL;
    END IF;
    INSERT INTO delivery (webhook_id, event_id)
    SELECT webhook.webhook_id, NEW.event_id
      FROM webhook
     WHERE webhook.state = 'active'
       AND webhook.wanted && ARRAY[NEW.name, split_part(NEW.name, '.', 1) || '.*']
       AND (webhook.communes IS NULL OR NEW.commune_insee = ANY (webhook.communes))
       -- Nobody is told by a webhook that it is that one which does not work.
       AND NEW.subject <> 'webhook:' || webhook.webhook_id
     ORDER BY webhook.webhook_id;
    INSERT INTO outbox (created_at, topic, payload)
    VALUES (NEW.happened_at,
            'vigie/out/v1/' || coalesce(NEW.commune_insee, 'metropole') || '/' || replace(NEW.name, '.', '/'),
            NEW.body);
    RETURN NULL;
END $$;
CREATE TRIGGER event_told AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION tell_event();
REVOKE ALL ON FUNCTION tell_event(), keep_webhook_secret(), take_back_deliveries() FROM PUBLIC;

ALTER TABLE event ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON event, webhook, delivery FROM vigie_ingest, vigie_worker;
CREATE POLICY event_worked ON event TO vigie_ingest, vigie_worker USING (true) WITH CHECK (true);
CREATE POLICY webhook_worked ON webhook TO vigie_worker USING (true) WITH CHECK (true);
CREATE POLICY delivery_worked ON delivery TO vigie_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON event TO vigie_ingest, vigie_worker;
GRANT DELETE ON event TO vigie_worker;
GRANT SELECT, UPDATE (state, failures, failure, succeeded_at, gave_up_at, next_try_at, held_until) ON webhook
    TO vigie_worker;
GRANT SELECT, UPDATE (state, tries, next_try_at, tried_at, duration_ms, status, failure, answer) ON delivery
    TO vigie_worker;

-- Webhooks are of who may say, in all of their communes, who has which role. What seals their secrets is not read again.
GRANT SELECT (webhook_id, name, url, wanted, communes, state, before_until, made_at, made_by, failures, failure,
              succeeded_at, gave_up_at, next_try_at),
      INSERT (name, url, wanted, communes, sealed, made_at, made_by),
      UPDATE (name, url, wanted, communes, state, sealed, before_until, failures, failure, gave_up_at, next_try_at),
      DELETE
    ON webhook TO vigie_api;
CREATE POLICY webhook_granted ON webhook TO vigie_api
    USING ((SELECT may_all('grant'))
           OR communes <@ ARRAY(SELECT reached::text FROM reached_communes('grant') AS reached));

-- An answer, or a proposal that was asked for, tells of its decision; a test is of who may make the webhook.
GRANT SELECT, INSERT ON event TO vigie_api;
CREATE POLICY event_granted ON event FOR SELECT TO vigie_api
    USING ((SELECT may_all('grant')) OR commune_insee IN (SELECT * FROM reached_communes('grant')));
CREATE POLICY event_decided ON event FOR INSERT TO vigie_api
    WITH CHECK (name ~ '^(decision\.[a-z]+|alarm\.decision_impossible)$'
                AND EXISTS (SELECT FROM decision
                             WHERE decision.decision_id = event.decision_id
                               AND decision.commune_insee = event.commune_insee
                               AND decides_on(decision.kind, decision.subject, decision.commune_insee)));
CREATE POLICY event_tested ON event FOR INSERT TO vigie_api
    WITH CHECK (name = 'webhook.test'
                AND ((SELECT may_all('grant')) OR commune_insee IN (SELECT * FROM reached_communes('grant'))));

-- What may be sent again to a webhook is what may be sent to it.
GRANT SELECT, INSERT (webhook_id, event_id) ON delivery TO vigie_api;
CREATE POLICY delivery_granted ON delivery FOR SELECT TO vigie_api
    USING (webhook_id IN (SELECT webhook.webhook_id FROM webhook));
CREATE POLICY delivery_replayed ON delivery FOR INSERT TO vigie_api
    WITH CHECK (EXISTS (SELECT FROM webhook JOIN event ON event.event_id = delivery.event_id
                         WHERE webhook.webhook_id = delivery.webhook_id
                           AND (webhook.communes IS NULL OR event.commune_insee = ANY (webhook.communes))));
