-- a registered chat has its sighting's mark and time; a stub has neither, nor a link; other settings come from an event
-- A pseudonym of somebody erased counts as blocked; it alone may have an empty link, and has no other.
SELECT user_id FROM (SELECT *, user_id / (1::bigint << 61) IN (-2, 2) AS is_pseudonym FROM :schema.users) AS users
WHERE (is_stub AND (num_nonnulls(registered_at, link, first_ms, first_update, first_event) > 0
                    OR (lang <> 'en' AND NOT is_lang_set)))
    OR (NOT is_stub AND (num_nulls(first_ms, first_update, first_event) > 0 OR registered_at <> first_ms / 1000
                         OR octet_length(link) NOT BETWEEN 1 - is_pseudonym::integer AND 2048))
    OR (file_mode AND NOT is_mode_set)
    OR (is_pseudonym AND (link <> '' OR NOT is_blocked))
