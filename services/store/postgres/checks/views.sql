-- the views of tt and core read the active generation
SELECT name AS view FROM (VALUES ('tt.users'), ('tt.videos'), ('tt.music'), ('core.users')) AS stable (name)
WHERE ':schema' = (SELECT 'g' || generation FROM telefact.active) AND NOT EXISTS (
    SELECT FROM pg_rewrite
    JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid AND refclassid = 'pg_class'::regclass
    JOIN pg_class ON pg_class.oid = refobjid
    WHERE ev_class = to_regclass(stable.name) AND relnamespace = to_regnamespace(':schema')
)
