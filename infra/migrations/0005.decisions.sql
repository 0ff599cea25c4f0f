-- depends: 0004.hypertables

-- What is decided about, and what a person set for it.
CREATE TABLE decision_subject (
    kind          text    NOT NULL,
    code          text    NOT NULL,
    commune_insee char(5) NOT NULL REFERENCES commune,
    name          text    NOT NULL,
    policy        jsonb   NOT NULL,
    PRIMARY KEY (kind, code)
);

-- What was proposed, kept for ever as it was; ``state`` is where its life stands, ``decision_answer`` how it got there.
-- ``policy`` is the one it was decided with, so that it can be replayed after a person set another.
CREATE TABLE decision (
    decision_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text        NOT NULL,
    subject       text        NOT NULL,
    commune_insee char(5)     NOT NULL REFERENCES commune,
    made_at       timestamptz NOT NULL,
    state         text        NOT NULL,
    body          jsonb       NOT NULL,
    policy        jsonb       NOT NULL,
    FOREIGN KEY (kind, subject) REFERENCES decision_subject (kind, code),
    UNIQUE (kind, subject, made_at)
);
CREATE INDEX decision_newest ON decision (kind, commune_insee, decision_id DESC);

-- Who did what with it, and when. ``actions`` are those of an edit: the proposal stays as it was beside them.
CREATE TABLE decision_answer (
    answer_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decision_id integer     NOT NULL REFERENCES decision,
    at          timestamptz NOT NULL,
    state       text        NOT NULL,
    by          text        NOT NULL,
    note        text        NOT NULL,
    actions     jsonb,
    CHECK ((state = 'edited') = (actions IS NOT NULL))
);
CREATE INDEX decision_answer_decision ON decision_answer (decision_id, answer_id);

-- What MQTT still has to hear: published by the ingest process, and deleted once the broker confirmed it.
CREATE TABLE outbox (
    outbox_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    topic      text        NOT NULL,
    payload    jsonb       NOT NULL
);
