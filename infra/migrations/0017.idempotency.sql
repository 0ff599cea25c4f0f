-- depends: 0016.audit

-- What was answered to a request that named an idempotency key: asked again by the same pass, it is answered the same and
-- done once. Written in the transaction of the act; kept for a day. Of an answer that shows a secret no body is kept.
CREATE TABLE kept_answer (
    pass_id      integer     NOT NULL REFERENCES pass ON DELETE CASCADE,
    key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    asked_digest bytea       NOT NULL CHECK (length(asked_digest) = 32),
    answered_at  timestamptz NOT NULL,
    status       smallint    NOT NULL CHECK (status BETWEEN 200 AND 299),
    location     text,
    body         bytea       CHECK (length(body) <= 262144),
    PRIMARY KEY (pass_id, key)
);
CREATE INDEX kept_answer_answered ON kept_answer (answered_at);

ALTER TABLE kept_answer ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON kept_answer TO vigie_api;
GRANT SELECT (pass_id, key, answered_at), DELETE ON kept_answer TO vigie_worker;
CREATE POLICY kept_answer_own ON kept_answer FOR SELECT TO vigie_api USING (pass_id = (SELECT visitor_pass()));
CREATE POLICY kept_answer_given ON kept_answer FOR INSERT TO vigie_api WITH CHECK (pass_id = (SELECT visitor_pass()));
CREATE POLICY kept_answer_pruned ON kept_answer TO vigie_worker USING (true);
