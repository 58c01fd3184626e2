#include "services/store/postgres/read_sql.h"

#include "libs/base/buf.h"
#include "libs/base/fault.h"
#include "libs/base/mem.h"
#include "services/store/postgres/embedded.h"
#include "services/store/postgres/schema_sql.h"

#include <assert.h>
#include <stdlib.h>

#define STRINGIFY_(text) #text
#define STRINGIFY(text) STRINGIFY_(text)

struct statement {
    const char *name;
    const char *question; /* file of questions; NULL: none */
    /* Series: the kept column, the table of its facts, and which of them. */
    const char *counted, *facts, *condition;
};

static const struct statement STATEMENTS[READ_KINDS] = {
    [READ_PING] = {.name = "ping"},
    [READ_FENCES] = {.name = "fences"},
    [READ_USER] = {.name = "user", .question = "user.sql"},
    [READ_PROFILE] = {.name = "profile", .question = "profile.sql"},
    [READ_USER_IDS] = {.name = "user_ids", .question = "user_ids.sql"},
    [READ_USERS] = {.name = "users", .question = "users.sql"},
    [READ_USER_VIDEOS] = {.name = "user_videos", .question = "user_videos.sql"},
    [READ_VIDEOS] = {.name = "videos", .question = "videos.sql"},
    [READ_REFERRALS] = {.name = "referrals", .question = "referrals.sql"},
    [READ_OVERVIEW] = {.name = "overview", .question = "overview.sql"},
    [READ_TOTALS] = {.name = "totals", .question = "totals.sql"},
    [READ_WINDOW] = {.name = "window", .question = "window.sql"},
    [READ_SERIES_USERS] = {.name = "series_users", .question = "series_users.sql"},
    [READ_SERIES_VIDEOS] = {"series_videos", "series.sql", "videos", "videos", "true"},
    [READ_SERIES_MUSIC] = {"series_music", "series.sql", "music", "music", "true"},
    [READ_SERIES_IMAGES] = {"series_images", "series.sql", "images", "videos", "is_images"},
    [READ_PIPELINE] = {.name = "pipeline", .question = "pipeline.sql"},
};

static const char SNAPSHOT[] =
    "SELECT active.generation, coalesce((SELECT string_agg(partition || ':' || next_offset, ','"
    " ORDER BY partition) FROM :schema.fence WHERE next_offset > 0), '')";

/* As in libs/wire/erasure.h. */
#define PSEUDONYMS "4611686018427387904 AND 6917529027641081855"
#define GROUP_PSEUDONYMS "-6917529027641081855 AND -4611686018427387904"

#define PAIRS \
    "(SELECT DISTINCT old_id, new_id FROM :schema.aliases) AS alias" \
    " JOIN :schema.users AS old ON old.user_id = old_id" \
    " JOIN :schema.users AS own ON own.user_id = new_id"

/* What the questions share; see take_user of read_rows for the columns. The class of a chat is an
 * expression, so that no index over ids tempts the planner away from the one over times. */
static const struct {
    const char *mark;
    const char *text;
} SHARED[] = {
    {":limit", STRINGIFY(READ_PAGE)},
    {":user_columns", "user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown,"
                      " is_stub, is_lang_set, is_mode_set, videos, images"},
    {":pairs", PAIRS},
    {":is_pseudonym", "(user_id BETWEEN " PSEUDONYMS " OR user_id BETWEEN " GROUP_PSEUDONYMS ")"},
    {":group_pseudonyms", GROUP_PSEUDONYMS},
    {":class_of_user", "CASE WHEN user_id > 0 THEN 1 WHEN user_id < 0 THEN 2 ELSE 0 END"},
    {":class_of_pair", "CASE WHEN new_id > 0 THEN 1 WHEN new_id < 0 THEN 2 ELSE 0 END"},
    {":sums",
     "coalesce(sum(chats), 0)::bigint AS chats, coalesce(sum(videos), 0)::bigint AS videos,"
     " coalesce(sum(images), 0)::bigint AS images,"
     " coalesce(sum(video_users), 0)::bigint AS video_users,"
     " coalesce(sum(image_users), 0)::bigint AS image_users,"
     " coalesce(sum(music), 0)::bigint AS music,"
     " coalesce(sum(music_users), 0)::bigint AS music_users"},
};

static const char *question_text(const char *name)
{
    size_t at = 0;
    while (at < EMBEDDED_QUESTIONS_COUNT && strcmp(EMBEDDED_QUESTIONS[at].name, name) != 0)
        at++;
    assert(at < EMBEDDED_QUESTIONS_COUNT);
    return EMBEDDED_QUESTIONS[at].text;
}

/* Replace every mark in *text, which is freed and renewed. */
static void fill(char **text, const char *mark, const char *with)
{
    struct buf filled;
    buf_init(&filled, SCHEMA_SQL_MAX);
    const char *rest = *text;
    bool fits = true;
    for (const char *at = strstr(rest, mark); at != NULL; at = strstr(rest, mark)) {
        fits = fits && buf_append(&filled, rest, (size_t)(at - rest)) &&
               buf_append(&filled, with, strlen(with));
        rest = at + strlen(mark);
    }
    fits = fits && buf_append(&filled, rest, strlen(rest) + 1);
    assert(fits);
    free(*text);
    *text = filled.data;
}

static char *body_of(const struct statement *statement)
{
    const char *file = question_text(statement->question);
    char *text = mem_text(file, strlen(file));
    fill(&text, ":page_of_ids", question_text("page_of_ids.sql"));
    if (statement->counted != NULL) {
        fill(&text, ":counted", statement->counted);
        fill(&text, ":facts", statement->facts);
        fill(&text, ":condition", statement->condition);
    }
    if (fault_planted("store.moved_counts_twice"))
        fill(&text, ":pairs", PAIRS " AND false");
    for (size_t i = 0; i < sizeof(SHARED) / sizeof(SHARED[0]); i++)
        fill(&text, SHARED[i].mark, SHARED[i].text);
    return text;
}

const char *read_sql_name(enum read_kind kind)
{
    return STATEMENTS[kind].name;
}

char *read_sql_text(enum read_kind kind, int32_t generation)
{
    const struct statement *statement = &STATEMENTS[kind];
    struct buf text;
    buf_init(&text, SCHEMA_SQL_MAX);
    bool fits;
    if (kind == READ_PING) {
        fits = buf_appendf(&text, "SELECT 1");
    } else if (statement->question == NULL) {
        fits = buf_appendf(&text, "%s FROM telefact.active", SNAPSHOT);
    } else {
        char *body = body_of(statement);
        fits = buf_appendf(&text, "%s, answer.* FROM telefact.active CROSS JOIN (\n%s) AS answer",
                           SNAPSHOT, body);
        free(body);
    }
    fits = fits && buf_append(&text, "", 1);
    assert(fits);
    char *sql = schema_sql(text.data, generation);
    buf_done(&text);
    return sql;
}
