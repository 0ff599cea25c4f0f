-- depends: 0011.care

-- What the latest readings are held against: of each series that was ever forecast, what its newest issues expect of the
-- present, in one row. The forecasts stay whole where they are; this is the small part of them that every look at a
-- commune needs, and that would else be searched for, reading by reading, in all that was ever forecast.
-- From since[i] until since[i + 1] (p05[i], p50[i], p95[i]) is expected, and NULL where nothing is; since ascends.
CREATE TABLE expectation (
    series_id integer            PRIMARY KEY REFERENCES series,
    issued_at timestamptz        NOT NULL,
    since     timestamptz[]      NOT NULL,
    p05       double precision[] NOT NULL,
    p50       double precision[] NOT NULL,
    p95       double precision[] NOT NULL
);
-- It changes with each issue: room on its page lets it change in place. Its values lie in the row, as they are.
ALTER TABLE expectation SET (fillfactor = 50);
ALTER TABLE expectation ALTER COLUMN since SET STORAGE PLAIN, ALTER COLUMN p05 SET STORAGE PLAIN,
                        ALTER COLUMN p50 SET STORAGE PLAIN, ALTER COLUMN p95 SET STORAGE PLAIN;
-- Series forecast so far: what is expected of them is searched for as before, until their next issue.
INSERT INTO expectation (series_id, issued_at, since, p05, p50, p95)
SELECT series.series_id, newest.issued_at, '{}', '{}', '{}', '{}'
  FROM series CROSS JOIN LATERAL (
       SELECT issued_at FROM forecast WHERE forecast.series_id = series.series_id ORDER BY issued_at DESC LIMIT 1
       ) AS newest;
