#include "services/store/postgres/layout.h"

#include "libs/base/mem.h"
#include "services/store/postgres/schema_sql.h"

#include <assert.h>

struct statement {
    const char *name;
    const char *sql;                          /* see schema_sql */
    enum array_type types[LAYOUT_PARAMS_MAX]; /* of a statement over unnest; 0 ends them */
};

/* In the order of layout_put_user and layout_copy_user. */
#define USER_COLUMNS \
    "user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_stub, is_lang_set," \
    " is_blocked, is_mode_set, first_ms, first_update, first_event, videos, images, music," \
    " last_video_at, last_image_at, last_music_at"

/* Facts of an erased person that one statement rewrites; its answer is the last one, after which
 * the next goes on. */
#define PIECE_ROWS "4096"

#define MARK_TYPES ARRAY_INT64, ARRAY_INT64, ARRAY_UUID

#define TALLY_TYPES ARRAY_INT64, ARRAY_INT64, ARRAY_INT64

/* What totals and buckets count, as added to what is there. */
#define COUNT_TYPES \
    ARRAY_INT64, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64
#define ADD_COUNTS \
    "chats = t.chats + excluded.chats, videos = t.videos + excluded.videos," \
    " images = t.images + excluded.images, video_users = t.video_users + excluded.video_users," \
    " image_users = t.image_users + excluded.image_users, music = t.music + excluded.music," \
    " music_users = t.music_users + excluded.music_users"

static const struct statement STATEMENTS[LAYOUT_STATEMENTS] = {
    [LAYOUT_BEGIN] = {"begin", "BEGIN", {0}},
    [LAYOUT_COMMIT] = {"commit", "COMMIT", {0}},
    [LAYOUT_SAVE] = {"save", "SAVEPOINT batch", {0}},
    [LAYOUT_RELEASE] = {"release", "RELEASE SAVEPOINT batch", {0}},
    [LAYOUT_CREATE_FENCE] = {"create_fence",
                             "INSERT INTO :schema.fence (partition, next_offset, cluster_id)"
                             " VALUES ($1::int4, 0, $2::text) ON CONFLICT DO NOTHING",
                             {0}},
    [LAYOUT_TAKE_FENCE] = {"take_fence",
                           "UPDATE :schema.fence SET owner_epoch = owner_epoch + 1"
                           " WHERE partition = $1::int4"
                           " RETURNING next_offset, owner_epoch, last_record_ms, last_hash,"
                           " cluster_id, limit_offset",
                           {0}},
    [LAYOUT_MOVE_FENCE] =
        {"move_fence",
         "UPDATE :schema.fence SET next_offset = $4::int8, last_record_ms = $5::int8,"
         " last_hash = $6::bytea WHERE partition = $1::int4"
         " AND next_offset = $2::int8 AND owner_epoch = $3::int8",
         {0}},
    [LAYOUT_SET_FENCE] =
        {"set_fence",
         "UPDATE :schema.fence SET next_offset = $4::int8, last_record_ms = $5::int8,"
         " last_hash = $6::bytea WHERE partition = $1::int4"
         " AND $2::int8 >= 0 AND $3::int8 >= 0",
         {0}},
    [LAYOUT_LOAD_USERS] = {"load_users",
                           "SELECT " USER_COLUMNS ", ctid"
                           " FROM :schema.users WHERE user_id = ANY ($1::int8[])",
                           {ARRAY_INT64}},
    [LAYOUT_LOAD_PROFILES] = {"load_profiles",
                              "SELECT id, username, first_name, created_at, first_ms, first_update,"
                              " first_event, last_ms, last_update, last_event, settings::text"
                              " FROM :schema.profiles WHERE id = ANY ($1::int8[])",
                              {ARRAY_INT64}},
    [LAYOUT_LOAD_TOPS] = {"load_tops",
                          "SELECT partition, user_id, videos FROM :schema.top_users"
                          " WHERE partition = ANY ($1::int4[])",
                          {ARRAY_INT32}},
    [LAYOUT_LOAD_TOMBSTONES] = {"load_tombstones",
                                "SELECT partition, subject, until_ms FROM :schema.tombstones"
                                " WHERE partition = ANY ($1::int4[])",
                                {ARRAY_INT32}},
    [LAYOUT_ADD_VIDEOS] = {"add_videos",
                           "INSERT INTO :schema.videos SELECT * FROM unnest($1::uuid[], $2::int8[],"
                           " $3::int8[], $4::int8[], $5::text[], $6::bool[], $7::bool[],"
                           " $8::bool[], $9::int2[], $10::int8[])"
                           " ON CONFLICT DO NOTHING RETURNING event_id",
                           {ARRAY_UUID, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64, ARRAY_TEXT,
                            ARRAY_BOOL, ARRAY_BOOL, ARRAY_BOOL, ARRAY_INT16, ARRAY_INT64}},
    [LAYOUT_ADD_MUSIC] = {"add_music",
                          "INSERT INTO :schema.music SELECT * FROM unnest($1::uuid[], $2::int8[],"
                          " $3::int8[], $4::int8[], $5::int8[])"
                          " ON CONFLICT DO NOTHING RETURNING event_id",
                          {ARRAY_UUID, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64, ARRAY_INT64}},
    [LAYOUT_ADD_APPLIED] = {"add_applied",
                            "INSERT INTO :schema.applied SELECT * FROM unnest($1::uuid[])"
                            " ON CONFLICT DO NOTHING RETURNING event_id",
                            {ARRAY_UUID}},
    [LAYOUT_ADD_ALIASES] =
        {"add_aliases",
         "INSERT INTO :schema.aliases SELECT * FROM unnest($1::int8[], $2::int8[], $3::int4[])"
         " ON CONFLICT DO NOTHING", /* of one partition: no other store adds the same ones */
         {ARRAY_INT64, ARRAY_INT64, ARRAY_INT32}},
    [LAYOUT_ERASE_VIDEOS] = {"erase_videos",
                             "WITH piece AS (SELECT event_id, downloaded_at, pk_id"
                             " FROM :schema.videos WHERE user_id = $1::int8 AND pk_id < $2::int8"
                             " AND (downloaded_at, pk_id) > ($4::int8, $5::int8)"
                             " ORDER BY downloaded_at, pk_id LIMIT " PIECE_ROWS "), done AS ("
                             " UPDATE :schema.videos AS v SET user_id = $3::int8, video_link = ''"
                             " FROM piece WHERE v.event_id = piece.event_id)"
                             " SELECT downloaded_at, pk_id FROM piece"
                             " ORDER BY downloaded_at DESC, pk_id DESC LIMIT 1",
                             {0}},
    [LAYOUT_ERASE_UNDATED] = {"erase_undated",
                              "WITH piece AS (SELECT event_id, pk_id"
                              " FROM :schema.videos WHERE user_id = $1::int8 AND pk_id < $2::int8"
                              " AND downloaded_at IS NULL AND pk_id > $5::int8"
                              " ORDER BY pk_id LIMIT " PIECE_ROWS "), done AS ("
                              " UPDATE :schema.videos AS v SET user_id = $3::int8, video_link = ''"
                              " FROM piece WHERE v.event_id = piece.event_id)"
                              " SELECT $4::int8, pk_id FROM piece ORDER BY pk_id DESC LIMIT 1",
                              {0}},
    [LAYOUT_ERASE_MUSIC] = {"erase_music",
                            "WITH piece AS (SELECT event_id, pk_id"
                            " FROM :schema.music WHERE user_id = $1::int8 AND pk_id < $2::int8"
                            " AND pk_id > $5::int8 ORDER BY pk_id LIMIT " PIECE_ROWS "), done AS ("
                            " UPDATE :schema.music AS m SET user_id = $3::int8"
                            " FROM piece WHERE m.event_id = piece.event_id)"
                            " SELECT $4::int8, pk_id FROM piece ORDER BY pk_id DESC LIMIT 1",
                            {0}},
    [LAYOUT_DEFER_ERASURE] = {"defer_erasure",
                              "INSERT INTO :schema.deferred_erasures (user_id, pk_before,"
                              " pseudonym) VALUES ($1::int8, $2::int8, $3::int8)",
                              {0}},
    [LAYOUT_RENAME_ALIASES] =
        {"rename_aliases",
         "UPDATE :schema.aliases SET"
         " old_id = CASE old_id WHEN $2::int8 THEN $3::int8 ELSE old_id END,"
         " new_id = CASE new_id WHEN $2::int8 THEN $3::int8 ELSE new_id END"
         " WHERE partition = $1::int4 AND (old_id = $2::int8 OR new_id = $2::int8)",
         {0}},
    [LAYOUT_DROP_USERS] = {"drop_users",
                           "DELETE FROM :schema.users WHERE user_id = ANY ($1::int8[])",
                           {ARRAY_INT64}},
    [LAYOUT_DROP_PROFILES] = {"drop_profiles",
                              "DELETE FROM :schema.profiles WHERE id = ANY ($1::int8[])",
                              {ARRAY_INT64}},
    [LAYOUT_PUT_USERS] =
        {"put_users",
         "INSERT INTO :schema.users (" USER_COLUMNS ")"
         " SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::bool[],"
         " $6::int4[], $7::int8[], $8::bool[], $9::bool[], $10::bool[], $11::bool[], $12::int8[],"
         " $13::int8[], $14::uuid[], $15::int8[], $16::int8[], $17::int8[], $18::int8[],"
         " $19::int8[], $20::int8[])"
         " ON CONFLICT (user_id) DO UPDATE SET registered_at = excluded.registered_at,"
         " lang = excluded.lang, link = excluded.link, file_mode = excluded.file_mode,"
         " ad_count = excluded.ad_count, ad_cooldown = excluded.ad_cooldown,"
         " is_stub = excluded.is_stub, is_lang_set = excluded.is_lang_set,"
         " is_blocked = excluded.is_blocked, is_mode_set = excluded.is_mode_set,"
         " first_ms = excluded.first_ms, first_update = excluded.first_update,"
         " first_event = excluded.first_event, videos = excluded.videos, images = excluded.images,"
         " music = excluded.music, last_video_at = excluded.last_video_at,"
         " last_image_at = excluded.last_image_at, last_music_at = excluded.last_music_at",
         {ARRAY_INT64, ARRAY_INT64, ARRAY_TEXT, ARRAY_TEXT, ARRAY_BOOL, ARRAY_INT32, ARRAY_INT64,
          ARRAY_BOOL, ARRAY_BOOL, ARRAY_BOOL, ARRAY_BOOL, MARK_TYPES, TALLY_TYPES, TALLY_TYPES}},
    [LAYOUT_SET_COUNTERS] =
        {"set_counters",
         "UPDATE :schema.users AS u SET file_mode = v.file_mode, ad_count = v.ad_count,"
         " ad_cooldown = v.ad_cooldown, is_blocked = v.is_blocked, is_mode_set = v.is_mode_set,"
         " videos = v.videos, images = v.images, music = v.music, last_video_at = v.last_video_at,"
         " last_image_at = v.last_image_at, last_music_at = v.last_music_at"
         " FROM unnest($1::tid[], $2::bool[], $3::int4[], $4::int8[], $5::bool[], $6::bool[],"
         " $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[])"
         " AS v (place, file_mode, ad_count, ad_cooldown, is_blocked, is_mode_set, videos, images,"
         " music, last_video_at, last_image_at, last_music_at) WHERE u.ctid = v.place",
         {ARRAY_TID, ARRAY_BOOL, ARRAY_INT32, ARRAY_INT64, ARRAY_BOOL, ARRAY_BOOL, TALLY_TYPES,
          TALLY_TYPES}},
    [LAYOUT_PUT_PROFILES] =
        {"put_profiles",
         "INSERT INTO :schema.profiles (id, username, first_name, created_at, first_ms,"
         " first_update, first_event, last_ms, last_update, last_event, settings)"
         " SELECT id, username, first_name, created_at, first_ms, first_update, first_event,"
         " last_ms, last_update, last_event, settings::jsonb"
         " FROM unnest($1::int8[], $2::text[], $3::text[], $4::timestamptz[], $5::int8[],"
         " $6::int8[], $7::uuid[], $8::int8[], $9::int8[], $10::uuid[], $11::text[])"
         " AS v (id, username, first_name, created_at, first_ms, first_update, first_event,"
         " last_ms, last_update, last_event, settings)"
         " ON CONFLICT (id) DO UPDATE SET username = excluded.username,"
         " first_name = excluded.first_name, created_at = excluded.created_at,"
         " first_ms = excluded.first_ms, first_update = excluded.first_update,"
         " first_event = excluded.first_event, last_ms = excluded.last_ms,"
         " last_update = excluded.last_update, last_event = excluded.last_event,"
         " settings = excluded.settings",
         {ARRAY_INT64, ARRAY_TEXT, ARRAY_TEXT, ARRAY_TIMESTAMPTZ, MARK_TYPES, MARK_TYPES,
          ARRAY_TEXT}},
    [LAYOUT_ADD_TOTALS] =
        {"add_totals",
         "INSERT INTO :schema.totals AS t SELECT * FROM unnest($1::int4[], $2::int2[], $3::int8[],"
         " $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[])"
         " ON CONFLICT (partition, chat_class) DO UPDATE SET " ADD_COUNTS
         ", file_modes = t.file_modes + excluded.file_modes",
         {ARRAY_INT32, ARRAY_INT16, COUNT_TYPES, ARRAY_INT64}},
    [LAYOUT_ADD_BUCKETS] =
        {"add_buckets",
         "INSERT INTO :schema.buckets AS t SELECT * FROM unnest($1::int2[], $2::int8[], $3::int4[],"
         " $4::int2[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[],"
         " $11::int8[])"
         " ON CONFLICT (level, bucket, partition, chat_class) DO UPDATE SET " ADD_COUNTS,
         {ARRAY_INT16, ARRAY_INT64, ARRAY_INT32, ARRAY_INT16, COUNT_TYPES}},
    [LAYOUT_DROP_BUCKETS] =
        {"drop_buckets",
         "DELETE FROM :schema.buckets AS t USING unnest($1::int2[], $2::int8[], $3::int4[],"
         " $4::int2[]) AS v (level, bucket, partition, chat_class) WHERE t.level = v.level"
         " AND t.bucket = v.bucket AND t.partition = v.partition AND t.chat_class = v.chat_class"
         " AND t.chats = 0 AND t.videos = 0 AND t.images = 0 AND t.video_users = 0"
         " AND t.image_users = 0 AND t.music = 0 AND t.music_users = 0",
         {ARRAY_INT16, ARRAY_INT64, ARRAY_INT32, ARRAY_INT16}},
    [LAYOUT_PUT_TOPS] =
        {"put_tops",
         "INSERT INTO :schema.top_users SELECT * FROM unnest($1::int4[], $2::int8[], $3::int8[])"
         " ON CONFLICT (partition, user_id) DO UPDATE SET videos = excluded.videos",
         {ARRAY_INT32, ARRAY_INT64, ARRAY_INT64}},
    [LAYOUT_DROP_TOPS] =
        {"drop_tops",
         "DELETE FROM :schema.top_users AS t USING unnest($1::int4[], $2::int8[])"
         " AS v (partition, user_id) WHERE t.partition = v.partition AND t.user_id = v.user_id",
         {ARRAY_INT32, ARRAY_INT64}},
    [LAYOUT_ADD_LANGS] =
        {"add_langs",
         "INSERT INTO :schema.langs AS t SELECT * FROM unnest($1::int4[], $2::text[], $3::int8[])"
         " ON CONFLICT (partition, lang) DO UPDATE SET chats = t.chats + excluded.chats",
         {ARRAY_INT32, ARRAY_TEXT, ARRAY_INT64}},
    [LAYOUT_DROP_LANGS] = {"drop_langs",
                           "DELETE FROM :schema.langs AS t USING unnest($1::int4[], $2::text[]) AS "
                           "v (partition, lang)"
                           " WHERE t.partition = v.partition AND t.lang = v.lang AND t.chats = 0",
                           {ARRAY_INT32, ARRAY_TEXT}},
    [LAYOUT_ADD_LINKS] =
        {"add_links",
         "INSERT INTO :schema.referrals AS t SELECT * FROM unnest($1::text[], $2::int8[])"
         " ON CONFLICT (link) DO UPDATE SET chats = t.chats + excluded.chats",
         {ARRAY_TEXT, ARRAY_INT64}},
    [LAYOUT_DROP_LINKS] = {"drop_links",
                           "DELETE FROM :schema.referrals AS t USING unnest($1::text[]) AS v (link)"
                           " WHERE t.link = v.link AND t.chats = 0",
                           {ARRAY_TEXT}},
    [LAYOUT_ADD_DEAD_LETTERS] =
        {"add_dead_letters",
         "INSERT INTO telefact.dead_letters (partition, \"offset\", event_id, kind, cause, detail,"
         " record_key, record_value, record_ms, is_expired, subjects, traceparent)"
         " SELECT place, at, id, kind, cause, detail, record_key, record_value, ms, is_withheld,"
         " array_remove(ARRAY[subject, other, of_key], NULL), traceparent"
         " FROM unnest($1::int4[], $2::int8[], $3::uuid[], $4::text[], $5::text[], $6::text[],"
         " $7::bytea[], $8::bytea[], $9::int8[], $10::bool[], $11::uuid[], $12::uuid[],"
         " $13::uuid[], $14::text[]) AS v (place, at, id, kind, cause, detail, record_key,"
         " record_value, ms, is_withheld, subject, other, of_key, traceparent)"
         " ON CONFLICT DO NOTHING",
         {ARRAY_INT32, ARRAY_INT64, ARRAY_UUID, ARRAY_TEXT, ARRAY_TEXT, ARRAY_TEXT, ARRAY_BYTEA,
          ARRAY_BYTEA, ARRAY_INT64, ARRAY_BOOL, ARRAY_UUID, ARRAY_UUID, ARRAY_UUID, ARRAY_TEXT}},
    [LAYOUT_ERASE_LETTERS] =
        {"erase_letters",
         "UPDATE telefact.dead_letters AS t"
         " SET record_key = NULL, record_value = NULL, traceparent = NULL, is_expired = true,"
         " subjects = '{}'"
         " FROM unnest($1::int4[], $2::int8[], $3::uuid[]) AS v (partition, before, subject)"
         " WHERE t.partition = v.partition AND t.\"offset\" < v.before"
         " AND v.subject = ANY (t.subjects)",
         {ARRAY_INT32, ARRAY_INT64, ARRAY_UUID}},
    [LAYOUT_PUT_TOMBSTONES] =
        {"put_tombstones",
         "INSERT INTO :schema.tombstones AS t"
         " SELECT partition, subject, max(until_ms) FROM unnest($1::int4[], $2::uuid[], $3::int8[])"
         " AS v (partition, subject, until_ms) GROUP BY partition, subject"
         " ON CONFLICT (partition, subject) DO UPDATE SET"
         " until_ms = greatest(t.until_ms, excluded.until_ms)",
         {ARRAY_INT32, ARRAY_UUID, ARRAY_INT64}},
    [LAYOUT_ADD_ERASURES] =
        {"add_erasures",
         "INSERT INTO telefact.erasures (partition, \"offset\", event_id, subject, until_ms)"
         " SELECT * FROM unnest($1::int4[], $2::int8[], $3::uuid[], $4::uuid[], $5::int8[])"
         " ON CONFLICT DO NOTHING",
         {ARRAY_INT32, ARRAY_INT64, ARRAY_UUID, ARRAY_UUID, ARRAY_INT64}},
};

const char *layout_name(enum layout_statement statement)
{
    return STATEMENTS[statement].name;
}

char *layout_copy_users_sql(int generation)
{
    return schema_sql("COPY :schema.users (" USER_COLUMNS ") FROM STDIN (FORMAT binary)",
                      generation);
}

char *layout_sql(enum layout_statement statement, int generation)
{
    return schema_sql(STATEMENTS[statement].sql, generation);
}

void layout_columns_reset(struct layout_columns *columns)
{
    for (int i = 0; i < LAYOUT_PARAMS_MAX; i++)
        array_reset(&columns->arrays[i]);
}

void layout_columns_finish(struct layout_columns *columns, enum layout_statement statement)
{
    const enum array_type *types = STATEMENTS[statement].types;
    int count = 0;
    for (; count < LAYOUT_PARAMS_MAX && types[count] != 0; count++) {
        array_finish(&columns->arrays[count], types[count]);
        columns->values[count] = columns->arrays[count].data;
        columns->lengths[count] = (int)columns->arrays[count].len;
    }
    columns->count = count;
}

void layout_columns_done(struct layout_columns *columns)
{
    for (int i = 0; i < LAYOUT_PARAMS_MAX; i++)
        array_done(&columns->arrays[i]);
}
