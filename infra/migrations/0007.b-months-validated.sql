-- depends: 0007.a-months-bounded

-- Reads the whole table once, while others read and write it: nothing waits for this but vacuum and other changes of
-- the table. It stands alone in its transaction, since a lock is held until the commit.
DO $$
DECLARE
    bounded text;
BEGIN
    SELECT conname INTO bounded FROM pg_constraint
     WHERE conrelid = 'reading'::regclass AND contype = 'c' AND starts_with(conname, 'reading_before_');
    IF bounded IS NOT NULL THEN
        EXECUTE format('ALTER TABLE reading VALIDATE CONSTRAINT %I', bounded);
    END IF;
END
$$;
