-- Who pressed /start, by id ($1); a row without first_ms is a stub.
SELECT (SELECT profile FROM (
    SELECT id, username, first_name, floor(extract(epoch FROM created_at))::bigint, settings::text
    FROM :schema.profiles WHERE id = $1 AND first_ms IS NOT NULL
) AS profile)
