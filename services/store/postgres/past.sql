-- The indexes of a generation that stands at a past moment, :schema replaced by g<N>, by which a person who is erased
-- later is found from the hash that telefact.erasures keeps (libs/wire/erasure.h): the same expression as in past.c.
-- Everything of a person has a row in one of these tables. Each may be there already.

CREATE INDEX IF NOT EXISTS users_subject ON :schema.users USING hash
    ((encode(substring(sha256((E'telefact\nerased\n' || user_id::text)::bytea) FROM 1 FOR 16), 'hex')::uuid));
CREATE INDEX IF NOT EXISTS profiles_subject ON :schema.profiles USING hash
    ((encode(substring(sha256((E'telefact\nerased\n' || id::text)::bytea) FROM 1 FOR 16), 'hex')::uuid));
CREATE INDEX IF NOT EXISTS aliases_old_subject ON :schema.aliases USING hash
    ((encode(substring(sha256((E'telefact\nerased\n' || old_id::text)::bytea) FROM 1 FOR 16), 'hex')::uuid));
CREATE INDEX IF NOT EXISTS aliases_new_subject ON :schema.aliases USING hash
    ((encode(substring(sha256((E'telefact\nerased\n' || new_id::text)::bytea) FROM 1 FOR 16), 'hex')::uuid));
