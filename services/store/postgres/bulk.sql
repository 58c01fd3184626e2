-- What a generation has only while its bulk is written, :schema replaced by g<N>: the erases of people with facts. They
-- are made when there are indexes to find those facts by (end_bulk.sql).
CREATE TABLE :schema.deferred_erasures (
    user_id   bigint NOT NULL,
    pk_before bigint NOT NULL, -- the facts with a smaller pk_id
    pseudonym bigint NOT NULL
);
