-- a registered chat has its sighting's mark and time; a stub has neither, nor a link; other settings come from an event
SELECT user_id FROM :schema.users
WHERE (is_stub AND (num_nonnulls(registered_at, link, first_ms, first_update, first_event) > 0
                    OR (lang <> 'en' AND NOT is_lang_set)))
    OR (NOT is_stub AND (num_nulls(first_ms, first_update, first_event) > 0 OR registered_at <> first_ms / 1000
                         OR octet_length(link) NOT BETWEEN 1 AND 2048))
    OR (file_mode AND NOT is_mode_set)
