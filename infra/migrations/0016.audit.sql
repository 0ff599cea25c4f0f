-- depends: 0015.least-rights

-- Who did what: one row an act, numbered without a gap. Each row's hash covers the hash of the row before it and the
-- row's own canonical form (core/audit.py computes the same), so that a row that was changed, removed, inserted or moved
-- shows. Rows of people who were removed stay: no key leads to `pass` or `person`.
CREATE TABLE audit (
    number        bigint      PRIMARY KEY CHECK (number > 0),
    at            timestamptz NOT NULL,
    -- Who: by a pass (session, token, link), somebody at the door who has none yet, the command line, a process of ours.
    kind          text        NOT NULL CHECK (kind IN ('session', 'token', 'link', 'door', 'command', 'process')),
    pass_id       integer,
    person_id     integer,
    name          text        NOT NULL CHECK (name <> ''),
    address       text        NOT NULL CHECK (length(address) <= 64),
    agent         text        NOT NULL CHECK (length(agent) <= 200),
    what          text        NOT NULL CHECK (what ~ '^[a-z_]{1,64}$'),
    target        text        NOT NULL CHECK (length(target) <= 300),
    commune_insee char(5),
    before        jsonb       CHECK (jsonb_typeof(before) = 'object'),
    after         jsonb       CHECK (jsonb_typeof(after) = 'object'),
    hash          bytea       NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_commune ON audit (commune_insee, number);
CREATE INDEX audit_what ON audit (what, number);
CREATE INDEX audit_target ON audit (target, number);

-- Where the chain ends (its head), where it begins since rows were pruned, and how long it is kept: one row, whose lock
-- orders those who write.
CREATE TABLE audit_chain (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number        bigint  NOT NULL DEFAULT 0,
    hash          bytea   NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(hash) = 32),
    pruned_number bigint  NOT NULL DEFAULT 0,
    pruned_hash   bytea   NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(pruned_hash) = 32),
    kept_days     integer NOT NULL DEFAULT 1827 CHECK (kept_days BETWEEN 365 AND 36525),
    -- Up to which act the worker last found it whole, and when.
    verified_number bigint NOT NULL DEFAULT 0,
    verified_at     timestamptz
);
INSERT INTO audit_chain DEFAULT VALUES;

-- Acts of the transactions under way. They go into the chain when their transaction commits, and only then the chain is
-- locked: whoever acts holds up nobody while they act, and nobody waits for two locks in two orders.
CREATE TABLE audit_asked (
    asked_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,
    pass_id       integer,
    person_id     integer,
    name          text NOT NULL,
    address       text NOT NULL,
    agent         text NOT NULL,
    what          text NOT NULL,
    target        text NOT NULL,
    commune_insee char(5),
    before        jsonb,
    after         jsonb
);

-- The text of a row that its hash covers: as jsonb writes an array, the same on PostgreSQL 15 to 18.
CREATE FUNCTION audit_canonical(one audit) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_array(
        one.number, to_char(one.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), one.kind, one.pass_id,
        one.person_id, one.name, one.address, one.agent, one.what, one.target, one.commune_insee, one.before, one.after
    )::text
$$;

-- The first act of a transaction takes all of its acts into the chain, and the head moves once: of a row that moves for each
-- of many acts, every version would be walked past each time. Acts of others are never seen here, only in the chain.
CREATE FUNCTION audit_chained() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head  audit_chain;
    asked audit_asked;
    one   audit;
BEGIN
    IF NOT EXISTS (SELECT FROM audit_asked WHERE asked_id = NEW.asked_id) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT head FROM audit_chain FOR UPDATE;
    FOR asked IN SELECT * FROM audit_asked ORDER BY asked_id LOOP
        one := ROW(
            head.number + 1, clock_timestamp(), asked.kind, asked.pass_id, asked.person_id, asked.name, asked.address,
            asked.agent, asked.what, asked.target, asked.commune_insee, asked.before, asked.after, NULL
        )::audit;
        one.hash := sha256(head.hash || convert_to(audit_canonical(one), 'UTF8'));
        INSERT INTO audit SELECT one.*;
        head.number := one.number;
        head.hash := one.hash;
    END LOOP;
    UPDATE audit_chain SET number = head.number, hash = head.hash;
    DELETE FROM audit_asked;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_chained AFTER INSERT ON audit_asked
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_chained();

-- Nothing is changed, and nothing goes but by `audit_prune`: the owner is stopped as well.
CREATE FUNCTION audit_stays() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head audit_chain;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF NOT EXISTS (SELECT FROM audit) THEN
            RETURN NULL;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT * INTO head FROM audit_chain;
        IF OLD.number <= head.pruned_number AND OLD.at < now() - make_interval(days => head.kept_days) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();

-- The head moves on to a row that is there, the beginning only to a row that may go.
CREATE FUNCTION audit_chain_holds() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moved  boolean := (NEW.number, NEW.hash) IS DISTINCT FROM (OLD.number, OLD.hash);
    pruned boolean := (NEW.pruned_number, NEW.pruned_hash) IS DISTINCT FROM (OLD.pruned_number, OLD.pruned_hash);
BEGIN
    IF moved AND NOT (NEW.number > OLD.number AND EXISTS (
        SELECT FROM audit WHERE number = NEW.number AND hash = NEW.hash
    )) OR pruned AND NOT (NEW.pruned_number > OLD.pruned_number AND EXISTS (
        SELECT FROM audit WHERE number = NEW.pruned_number AND hash = NEW.pruned_hash
           AND at < now() - make_interval(days => NEW.kept_days)
    )) THEN
        RAISE EXCEPTION 'the audit is only added to' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_chain_holds BEFORE UPDATE ON audit_chain FOR EACH ROW EXECUTE FUNCTION audit_chain_holds();

-- What is larger than 64 KiB stands in the record as its digest.
CREATE FUNCTION audit_bounded(told jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN octet_length(told::text) > 65536 THEN jsonb_build_object(
        'bytes', octet_length(told::text), 'sha256', encode(sha256(convert_to(told::text, 'UTF8')), 'hex')
    ) ELSE nullif(told, 'null') END
$$;

-- An act of whoever is named, by those who may name: the door, and the owner's command line.
CREATE FUNCTION audit_ask(
    kind text, pass_id integer, person_id integer, name text, address text, agent text,
    what text, target text, commune_insee text, before jsonb, after jsonb
) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO audit_asked (kind, pass_id, person_id, name, address, agent, what, target, commune_insee, before, after)
    VALUES (kind, pass_id, person_id, name, left(address, 64), left(agent, 200), what, left(target, 300),
            commune_insee, audit_bounded(before), audit_bounded(after))
$$;

-- An act of the visitor: who comes from the pass of this transaction's key, whatever else the transaction says.
CREATE FUNCTION audit_visit(what text, target text, commune_insee text, before jsonb, after jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    visitor pass;
BEGIN
    SELECT * INTO visitor FROM pass WHERE pass.pass_id = visitor_pass();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no pass is good here' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM audit_ask(
        visitor.kind, visitor.pass_id, visitor.person_id, visitor.name,
        coalesce(current_setting('vigie.address', true), ''), coalesce(current_setting('vigie.agent', true), ''),
        what, target, commune_insee, before, after
    );
END $$;

-- An act of a process of ours, under the name of its login.
CREATE FUNCTION audit_process(what text, target text, commune_insee text, before jsonb, after jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT audit_ask('process', NULL, NULL, session_user, '', '', what, target, commune_insee, before, after)
$$;

-- An act, by whom this connection is: with the rights of whoever calls it, so that nobody is more than they are.
CREATE FUNCTION audit_act(
    what text, target text, commune_insee text, before jsonb, after jsonb, operating_user text
) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_user IN ('vigie_ingest', 'vigie_worker') THEN
        PERFORM audit_process(what, target, commune_insee, before, after);
    ELSIF visitor_pass() IS NOT NULL THEN
        PERFORM audit_visit(what, target, commune_insee, before, after);
    ELSE
        PERFORM audit_ask(
            'command', NULL, NULL, operating_user, '', '', what, target, commune_insee, before, after
        );
    END IF;
END $$;

-- Let go of at most so many of the oldest rows that are older than they are kept; the chain begins after them, and that
-- they went is an act itself. How long they are kept is not for whoever calls to say.
CREATE FUNCTION audit_prune(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head   audit_chain;
    last   bigint;
    digest bytea;
BEGIN
    SELECT * INTO STRICT head FROM audit_chain FOR UPDATE;
    SELECT coalesce(min(number) - 1, head.number) INTO last
      FROM audit WHERE at >= now() - make_interval(days => head.kept_days);
    last := least(last, head.pruned_number + greatest(most, 0));
    IF last <= head.pruned_number THEN
        RETURN 0;
    END IF;
    SELECT hash INTO STRICT digest FROM audit WHERE number = last;
    UPDATE audit_chain SET pruned_number = last, pruned_hash = digest;
    DELETE FROM audit WHERE number <= last;
    PERFORM audit_process(
        'audit_pruned', 'audit', NULL, NULL,
        jsonb_build_object('number', last, 'hash', encode(digest, 'hex'), 'rows', last - head.pruned_number)
    );
    RETURN last - head.pruned_number;
END $$;

-- The worker found the chain whole up to here; nobody else says so.
CREATE FUNCTION audit_found_whole(up_to bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE audit_chain SET verified_number = up_to, verified_at = now()
$$;

REVOKE ALL ON FUNCTION
    audit_canonical(audit), audit_chained(), audit_stays(), audit_chain_holds(), audit_bounded(jsonb),
    audit_ask(text, integer, integer, text, text, text, text, text, text, jsonb, jsonb),
    audit_visit(text, text, text, jsonb, jsonb), audit_process(text, text, text, jsonb, jsonb),
    audit_act(text, text, text, jsonb, jsonb, text), audit_prune(integer), audit_found_whole(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_act(text, text, text, jsonb, jsonb, text)
    TO vigie_api, vigie_ingest, vigie_worker;
GRANT EXECUTE ON FUNCTION audit_visit(text, text, text, jsonb, jsonb) TO vigie_api;
GRANT EXECUTE ON FUNCTION audit_ask(text, integer, integer, text, text, text, text, text, text, jsonb, jsonb)
    TO vigie_door;
GRANT EXECUTE ON FUNCTION audit_process(text, text, text, jsonb, jsonb) TO vigie_ingest, vigie_worker;
GRANT EXECUTE ON FUNCTION audit_prune(integer), audit_found_whole(bigint) TO vigie_worker;

-- An auditor of a commune reads its rows; what belongs to no commune, whoever audits the whole Métropole.
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_chain ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON audit, audit_chain TO vigie_api;
GRANT SELECT ON audit, audit_chain TO vigie_worker;
CREATE POLICY audit_seen ON audit FOR SELECT TO vigie_api USING (
    (SELECT may_all('audit'))
    OR commune_insee IN (SELECT scopes.commune_insee FROM scopes('audit') WHERE scopes.site_id IS NULL)
);
CREATE POLICY audit_chain_seen ON audit_chain FOR SELECT TO vigie_api USING (
    (SELECT may_all('audit')) OR EXISTS (SELECT FROM scopes('audit') WHERE scopes.site_id IS NULL)
);
CREATE POLICY audit_checked ON audit FOR SELECT TO vigie_worker USING (true);
CREATE POLICY audit_chain_checked ON audit_chain FOR SELECT TO vigie_worker USING (true);
