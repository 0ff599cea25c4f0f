-- depends: 0007.b-months-validated

-- Some milliseconds under the strong lock: names change, no row is read. The months themselves are made by
-- core/store/months.py, ahead by the worker and on demand by whoever writes to one that is not there.
DO $$
DECLARE
    bounded text;
    bound   timestamptz;
    granted record;
BEGIN
    SELECT conname INTO bounded FROM pg_constraint
     WHERE conrelid = 'reading'::regclass AND contype = 'c' AND starts_with(conname, 'reading_before_');
    IF bounded IS NULL THEN
        RETURN;
    END IF;
    bound := to_date(right(bounded, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC';
    LOCK TABLE reading IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE reading RENAME TO reading_before;
    ALTER TABLE reading_before RENAME CONSTRAINT reading_pkey TO reading_before_pkey;
    -- The columns in the order in which they lie in the rows that are there: none is taken apart on its way out.
    CREATE TABLE reading (
        series_id   integer          NOT NULL,
        observed_at timestamptz      NOT NULL,
        value       double precision NOT NULL,
        quality     smallint         NOT NULL,
        received_at timestamptz      NOT NULL,
        flags       smallint         NOT NULL DEFAULT 0,
        PRIMARY KEY (series_id, observed_at)
    ) PARTITION BY RANGE (observed_at);
    -- Who owned it and who might read it are the same as before.
    FOR granted IN
        SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee,
               CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
          FROM pg_class, aclexplode(relacl) WHERE oid = 'reading_before'::regclass AND grantee <> relowner
    LOOP
        EXECUTE format('GRANT %s ON reading TO %s%s', granted.privilege_type, granted.grantee, granted.option);
    END LOOP;
    EXECUTE format('ALTER TABLE reading OWNER TO %s',
                   (SELECT relowner::regrole FROM pg_class WHERE oid = 'reading_before'::regclass));
    IF EXISTS (SELECT FROM reading_before) THEN
        -- The verified bound spares the reading of every row; the part's own bound replaces it.
        EXECUTE format('ALTER TABLE reading ATTACH PARTITION reading_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
        EXECUTE format('ALTER TABLE reading_before DROP CONSTRAINT %I', bounded);
    ELSE
        DROP TABLE reading_before;
    END IF;
END
$$;
