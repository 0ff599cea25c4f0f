-- depends: 0012.reads

-- Who may do what: the rows of core/roles.py, which a test holds equal.
CREATE TABLE role_right (
    role  text NOT NULL,
    "right" text NOT NULL,
    PRIMARY KEY (role, "right")
);
INSERT INTO role_right (role, "right") VALUES
    ('technician', 'see'), ('technician', 'export'), ('technician', 'tend'),
    ('dispatcher', 'see'), ('dispatcher', 'export'), ('dispatcher', 'decide_round'),
    ('driver', 'drive'),
    ('building_manager', 'see'), ('building_manager', 'export'), ('building_manager', 'decide_load_shifting'),
    ('building_manager', 'decide_ventilation'),
    ('curb_manager', 'see'), ('curb_manager', 'export'), ('curb_manager', 'decide_bay'),
    ('analyst', 'see'), ('analyst', 'export'),
    ('administrator', 'see'), ('administrator', 'export'), ('administrator', 'tend'), ('administrator', 'grant'),
    ('administrator', 'operate'),
    ('auditor', 'audit');

-- A person: known by the identity provider (issuer and subject), or local (a password's argon2 hash).
CREATE TABLE person (
    person_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer        text        NOT NULL DEFAULT '',
    subject       text        NOT NULL CHECK (subject <> ''),
    name          text        NOT NULL CHECK (name <> ''),
    email         text        NOT NULL DEFAULT '',
    -- What the identity provider said at the last sign-in.
    group_names   text[]      NOT NULL DEFAULT '{}',
    password_hash text,
    added_at      timestamptz NOT NULL,
    seen_at       timestamptz,
    disabled_at   timestamptz,
    UNIQUE (issuer, subject)
);

-- What a person was given here; what the provider's groups give comes beside it at each sign-in.
CREATE TABLE person_grant (
    person_id     integer NOT NULL REFERENCES person ON DELETE CASCADE,
    role          text    NOT NULL,
    commune_insee char(5) REFERENCES commune,
    site_id       integer REFERENCES site,
    CHECK (site_id IS NULL OR commune_insee IS NOT NULL),
    UNIQUE NULLS NOT DISTINCT (person_id, role, commune_insee, site_id)
);

-- What membership in a group of the identity provider gives.
CREATE TABLE group_grant (
    group_name    text NOT NULL CHECK (group_name <> ''),
    role          text NOT NULL,
    commune_insee char(5) REFERENCES commune,
    site_id       integer REFERENCES site,
    CHECK (site_id IS NULL OR commune_insee IS NOT NULL),
    UNIQUE NULLS NOT DISTINCT (group_name, role, commune_insee, site_id)
);

-- A pass: a session of a person, a program's token, or the link to one round. Neither the secret nor the key that is
-- made of it is kept, only the key's digest: whoever reads this table cannot enter with it.
CREATE TABLE pass (
    pass_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('session', 'token', 'link')),
    key_digest  bytea       NOT NULL UNIQUE CHECK (length(key_digest) = 32),
    name        text        NOT NULL CHECK (name <> ''),
    person_id   integer     REFERENCES person ON DELETE CASCADE,
    -- What the identity provider said when the person signed in: with what these give, it can be told again what the
    -- pass may do, whenever a grant of a person or a group changes.
    group_names text[]      NOT NULL DEFAULT '{}',
    decision_id integer     REFERENCES decision,
    made_at     timestamptz NOT NULL,
    made_by     text        NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- A session ends when it was idle for so long; the others do not.
    idle_s      integer     CHECK (idle_s > 0),
    used_at     timestamptz,
    revoked_at  timestamptz,
    CHECK ((kind = 'session') = (person_id IS NOT NULL) OR kind = 'token'),
    CHECK ((kind = 'link') = (decision_id IS NOT NULL))
);
CREATE INDEX pass_person ON pass (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE pass_grant (
    pass_id       integer NOT NULL REFERENCES pass ON DELETE CASCADE,
    role          text    NOT NULL,
    commune_insee char(5) REFERENCES commune,
    site_id       integer REFERENCES site,
    CHECK (site_id IS NULL OR commune_insee IS NOT NULL),
    UNIQUE NULLS NOT DISTINCT (pass_id, role, commune_insee, site_id)
);

-- A link that lets a local person in once, to set a password; as of a pass, only the key's digest is kept.
CREATE TABLE entry_link (
    key_digest bytea       PRIMARY KEY CHECK (length(key_digest) = 32),
    person_id  integer     NOT NULL REFERENCES person ON DELETE CASCADE,
    made_at    timestamptz NOT NULL,
    made_by    text        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

-- How often somebody tried to sign in since, by account and by address (a digest of either: a password typed as a name
-- is not kept). Bounded by the door, which lets go of what is past.
CREATE TABLE sign_in_count (
    who_digest bytea       PRIMARY KEY CHECK (length(who_digest) = 32),
    tries      integer     NOT NULL CHECK (tries > 0),
    since      timestamptz NOT NULL
);
CREATE INDEX sign_in_count_since ON sign_in_count (since);
