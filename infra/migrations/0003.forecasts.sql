-- depends: 0002.readings

-- A trained model: one booster per quantile, kept whole so that any worker can predict with it.
CREATE TABLE model (
    model_id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    metric        text        NOT NULL,
    trained_at    timestamptz NOT NULL,
    history_start timestamptz NOT NULL,
    history_end   timestamptz NOT NULL,
    rows          integer     NOT NULL,
    series        integer     NOT NULL,
    duration_s    real        NOT NULL,
    card          jsonb       NOT NULL,
    artifact      bytea       NOT NULL
);
CREATE INDEX model_metric ON model (metric, trained_at DESC);

CREATE TABLE forecast (
    series_id     integer     NOT NULL REFERENCES series,
    issued_at     timestamptz NOT NULL,
    step_s        integer     NOT NULL CHECK (step_s > 0),
    steps         integer     NOT NULL CHECK (steps > 0),
    history_until timestamptz NOT NULL,
    model_id      integer     REFERENCES model,
    fallback      text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (series_id, issued_at),
    CHECK ((model_id IS NULL) = (fallback IS NOT NULL)),
    CHECK (history_until < issued_at)
);

CREATE TABLE forecast_step (
    series_id integer          NOT NULL,
    issued_at timestamptz      NOT NULL,
    valid_at  timestamptz      NOT NULL,
    p05       double precision NOT NULL,
    p10       double precision NOT NULL,
    p25       double precision NOT NULL,
    p50       double precision NOT NULL,
    p75       double precision NOT NULL,
    p90       double precision NOT NULL,
    p95       double precision NOT NULL,
    naive     double precision,
    PRIMARY KEY (series_id, issued_at, valid_at),
    CHECK (p05 <= p10 AND p10 <= p25 AND p25 <= p50 AND p50 <= p75 AND p75 <= p90 AND p90 <= p95),
    -- The first step is the one that was running at issued_at: nothing of it was used, so it is forecast too.
    CHECK (valid_at > issued_at - interval '1 day')
);

-- Written once, when the last step has passed. Where no truth came at all, steps is 0 and the rest is null:
-- missing stays missing, and the forecast is not looked at again.
CREATE TABLE score (
    series_id            integer     NOT NULL REFERENCES series,
    issued_at            timestamptz NOT NULL,
    scored_at            timestamptz NOT NULL,
    steps                integer     NOT NULL CHECK (steps >= 0),
    pinball              double precision,
    pinball_naive        double precision,
    absolute_error       double precision,
    absolute_error_naive double precision,
    coverage             double precision CHECK (coverage BETWEEN 0 AND 1),
    model_id             integer     REFERENCES model,
    PRIMARY KEY (series_id, issued_at),
    FOREIGN KEY (series_id, issued_at) REFERENCES forecast,
    CHECK ((steps = 0) = (pinball IS NULL))
);
