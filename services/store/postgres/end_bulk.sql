-- The erases of the bulk, :schema replaced by g<N>. A fact belongs to the first erase of its user behind it.
UPDATE :schema.videos AS fact SET user_id = erasure.pseudonym, video_link = ''
FROM :schema.deferred_erasures AS erasure
WHERE fact.user_id = erasure.user_id AND fact.pk_id < erasure.pk_before
    AND NOT EXISTS (
        SELECT FROM :schema.deferred_erasures AS sooner
        WHERE sooner.user_id = fact.user_id AND fact.pk_id < sooner.pk_before AND sooner.pk_before < erasure.pk_before
    );
UPDATE :schema.music AS fact SET user_id = erasure.pseudonym
FROM :schema.deferred_erasures AS erasure
WHERE fact.user_id = erasure.user_id AND fact.pk_id < erasure.pk_before
    AND NOT EXISTS (
        SELECT FROM :schema.deferred_erasures AS sooner
        WHERE sooner.user_id = fact.user_id AND fact.pk_id < sooner.pk_before AND sooner.pk_before < erasure.pk_before
    );
DROP TABLE :schema.deferred_erasures;
