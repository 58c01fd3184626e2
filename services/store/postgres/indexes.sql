-- The indexes of a generation that reads and erases need, :schema replaced by g<N>. A rebuild makes them after the bulk of
-- the facts is in place; each may be there already.

-- A user's videos; also to erase somebody, as is the next one.
CREATE INDEX IF NOT EXISTS videos_user ON :schema.videos (user_id, downloaded_at, pk_id);
CREATE INDEX IF NOT EXISTS music_user ON :schema.music (user_id, pk_id);

-- The edge of a trailing window of registrations, and the oldest one. No column of it changes with a download, so
-- rows of users are still updated in place.
CREATE INDEX IF NOT EXISTS users_registered_at ON :schema.users (registered_at) WHERE NOT is_stub;

-- The edges of trailing windows.
CREATE INDEX IF NOT EXISTS videos_time ON :schema.videos (downloaded_at, pk_id) INCLUDE (user_id, is_images);
CREATE INDEX IF NOT EXISTS music_time ON :schema.music (downloaded_at) INCLUDE (user_id);

-- The ranked list of links.
CREATE INDEX IF NOT EXISTS referrals_rank ON :schema.referrals (chats DESC, link);
