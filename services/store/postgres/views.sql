-- The stable views, pointed at the generation whose schema replaces :schema. Names, columns and order are the seeds'.

CREATE OR REPLACE VIEW tt.users AS
    SELECT user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown FROM :schema.users;
ALTER VIEW tt.users ALTER lang SET DEFAULT 'en';
ALTER VIEW tt.users ALTER file_mode SET DEFAULT false;
ALTER VIEW tt.users ALTER ad_count SET DEFAULT 0;
ALTER VIEW tt.users ALTER ad_cooldown SET DEFAULT 0;

CREATE OR REPLACE VIEW tt.videos AS
    SELECT pk_id, user_id, downloaded_at, video_link, is_images, is_processed, is_inline FROM :schema.videos;
ALTER VIEW tt.videos ALTER is_images SET DEFAULT false;
ALTER VIEW tt.videos ALTER is_processed SET DEFAULT false;
ALTER VIEW tt.videos ALTER is_inline SET DEFAULT false;

CREATE OR REPLACE VIEW tt.music AS
    SELECT pk_id, user_id, downloaded_at, video_id FROM :schema.music;

CREATE OR REPLACE VIEW core.users AS
    SELECT id, username, first_name, created_at, settings FROM :schema.profiles;
ALTER VIEW core.users ALTER settings SET DEFAULT '{}'::jsonb;
