#include "services/store/postgres/reads.h"

#include "libs/base/mem.h"
#include "services/store/postgres/network.h"
#include "services/store/postgres/pool.h"
#include "services/store/postgres/read_rows.h"
#include "services/store/postgres/schema_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIES_MAX 4 /* a question follows the pointer through this many moves */

#define STRINGIFY_(text) #text
#define STRINGIFY(text) STRINGIFY_(text)

/* ":schema" becomes the generation's. Parameters are bigint (see fill_params). */
#define SNAPSHOT \
    "SELECT active.generation, coalesce((SELECT string_agg(partition || ':' || next_offset, ',' " \
    "ORDER BY partition)" \
    " FROM :schema.fence WHERE next_offset > 0), '')"

static const struct {
    const char *name;
    const char *sql;
    int param_count;
} STATEMENTS[READ_KINDS] = {
    [READ_PING] = {"ping", "SELECT 1", 0},
    [READ_FENCES] = {"fences", SNAPSHOT " FROM telefact.active", 0},
    [READ_USER] =
        {"user",
         SNAPSHOT
         ", user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_stub, videos,"
         " images FROM telefact.active LEFT JOIN :schema.users ON user_id = $1::bigint",
         1},
    /* $1 <= id <= $2; $3 1: blocked ones too; a group that moved on is no longer there */
    [READ_USER_IDS] = {"user_ids",
                       SNAPSHOT
                       ", (SELECT array_agg(user_id) FROM (SELECT user_id FROM :schema.users"
                       " WHERE user_id >= $1::bigint AND user_id <= $2::bigint AND NOT is_stub"
                       " AND ($3::bigint = 1 OR NOT is_blocked)"
                       " AND NOT EXISTS (SELECT FROM :schema.aliases WHERE old_id = user_id)"
                       " ORDER BY user_id LIMIT " STRINGIFY(READ_IDS_PAGE) ") AS page)"
                                                                           " FROM telefact.active",
                       3},
    /* chat_class between $1 and $2 */
    [READ_TOTALS] = {"totals",
                     SNAPSHOT
                     ", coalesce(sum(chats), 0)::bigint, coalesce(sum(videos), 0)::bigint,"
                     " coalesce(sum(images), 0)::bigint, coalesce(sum(video_users), 0)::bigint,"
                     " coalesce(sum(image_users), 0)::bigint, coalesce(sum(music), 0)::bigint,"
                     " coalesce(sum(music_users), 0)::bigint FROM telefact.active"
                     " LEFT JOIN :schema.totals ON chat_class BETWEEN $1::bigint AND $2::bigint"
                     " GROUP BY active.generation",
                     2},
};

#define POINTER_SLOT READ_KINDS
static const char POINTER_SQL[] = "SELECT generation FROM telefact.active";

/* The statements on one generation. Questions in the pool point to them, so they never change. */
struct statement_set {
    struct statement_set *older;
    int32_t generation; /* 0: only the pointer and the ping make sense */
    struct pool_statement statements[READ_KINDS + 1];
    char names[READ_KINDS + 1][32];
    char *texts[READ_KINDS];
};

struct read_ticket {
    struct pool_question question; /* first: the pool hands it back */
    struct reads *reads;
    const struct statement_set *set; /* of the statement that was asked */
    struct read_request request;
    read_fn fn;
    void *arg;
    int tries;
    bool is_pointer; /* the pointer is being asked, not the question itself */
    char params[POOL_PARAMS_MAX][8];
};

struct reads {
    struct pool *pool;
    struct statement_set *set; /* in use; older ones are kept: a pointer moves rarely */
    uint64_t version;
    int64_t ids[READ_IDS_PAGE];
};

static void fill_statement(struct statement_set *set, int slot, uint64_t version, const char *name)
{
    (void)snprintf(set->names[slot], sizeof(set->names[slot]), "%s_%" PRIu64, name, version);
    set->statements[slot] = (struct pool_statement){
        .slot = slot,
        .version = version,
        .name = set->names[slot],
        .sql = slot == POINTER_SLOT ? POINTER_SQL : set->texts[slot],
        .param_count = slot == POINTER_SLOT ? 0 : STATEMENTS[slot].param_count,
    };
}

static void use_generation(struct reads *reads, int32_t generation)
{
    struct statement_set *set = mem_alloc(sizeof(*set));
    set->older = reads->set;
    set->generation = generation;
    reads->set = set;
    reads->version++;
    for (int kind = 0; kind < READ_KINDS; kind++) {
        set->texts[kind] = schema_sql(STATEMENTS[kind].sql, generation);
        fill_statement(set, kind, reads->version, STATEMENTS[kind].name);
    }
    fill_statement(set, POINTER_SLOT, reads->version, "pointer");
}

static void put_param(struct read_ticket *ticket, int index, int64_t value)
{
    (void)network_put64(ticket->params[index], value);
    ticket->question.values[index] = ticket->params[index];
    ticket->question.lengths[index] = 8;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* INT64_MIN is also "from the beginning", and is an id; nothing comes after INT64_MAX. */
static void fill_ids_params(struct read_ticket *ticket)
{
    const struct read_request *request = &ticket->request;
    int64_t after = request->after_id;
    int64_t first = after == INT64_MIN || after == INT64_MAX ? after : after + 1;
    int64_t last = request->chat_class == CHAT_CLASS_GROUP ? -1 : INT64_MAX;
    put_param(ticket, 0, request->chat_class == CHAT_CLASS_USER ? larger(first, 1) : first);
    put_param(ticket, 1, after == INT64_MAX ? INT64_MIN : last);
    put_param(ticket, 2, request->include_blocked ? 1 : 0);
}

static void fill_params(struct read_ticket *ticket)
{
    const struct read_request *request = &ticket->request;
    switch (request->kind) {
    case READ_USER:
        put_param(ticket, 0, request->user_id);
        break;
    case READ_USER_IDS:
        fill_ids_params(ticket);
        break;
    case READ_TOTALS:
        put_param(ticket, 0, request->chat_class == CHAT_CLASS_GROUP ? 2 : 1);
        put_param(ticket, 1, request->chat_class == CHAT_CLASS_USER ? 1 : 2);
        break;
    case READ_PING:
    case READ_FENCES:
        break;
    }
}

static void put_question(struct read_ticket *ticket)
{
    struct reads *reads = ticket->reads;
    ticket->set = reads->set;
    ticket->is_pointer = ticket->set->generation == 0 && ticket->request.kind != READ_PING;
    int slot = ticket->is_pointer ? POINTER_SLOT : (int)ticket->request.kind;
    ticket->question.statement = &ticket->set->statements[slot];
    pool_ask(reads->pool, &ticket->question);
}

static void end(struct read_ticket *ticket, const struct read_answer *answer, const struct err *err)
{
    read_fn fn = ticket->fn;
    void *arg = ticket->arg;
    free(ticket);
    fn(arg, answer, err);
}

/* Undefined table, schema or prepared statement: the generation we knew is gone. */
static bool is_moved(const char *sqlstate)
{
    return strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0 ||
           strcmp(sqlstate, "26000") == 0;
}

static bool is_again(struct read_ticket *ticket, const PGresult *result, const char *sqlstate)
{
    struct reads *reads = ticket->reads;
    if (++ticket->tries >= TRIES_MAX)
        return false;
    if (result == NULL) {
        bool moved = is_moved(sqlstate) && !ticket->is_pointer;
        if (moved && reads->set == ticket->set)
            use_generation(reads, 0);
        return moved;
    }
    int32_t active = ticket->request.kind == READ_PING ? 0 : read_rows_generation(result);
    if (active == 0 || active == ticket->set->generation)
        return false;
    if (active != reads->set->generation)
        use_generation(reads, active);
    return true;
}

static void on_done(struct pool_question *question, PGresult *result, const char *sqlstate,
                    const struct err *err)
{
    static const struct err NO_SCHEMA = {
        ERR_RETRY, "the database holds no active generation; run `telefact-store migrate`"};
    struct read_ticket *ticket = (struct read_ticket *)question;
    if (is_again(ticket, result, sqlstate)) {
        put_question(ticket);
        return;
    }
    bool is_empty = result == NULL || ticket->is_pointer || PQntuples(result) != 1;
    if (is_empty) {
        end(ticket, NULL, err != NULL && !is_moved(sqlstate) ? err : &NO_SCHEMA);
        return;
    }
    struct read_answer answer;
    read_rows_decode(result, ticket->request.kind, ticket->reads->ids, &answer);
    end(ticket, &answer, NULL);
}

static struct read_ticket *ask(void *self, const struct read_request *request, read_fn fn,
                               void *arg)
{
    struct read_ticket *ticket = mem_alloc(sizeof(*ticket));
    ticket->reads = self;
    ticket->request = *request;
    ticket->fn = fn;
    ticket->arg = arg;
    ticket->question.done = on_done;
    ticket->question.deadline_ms = request->deadline_ms;
    fill_params(ticket);
    put_question(ticket);
    return ticket;
}

static void cancel(void *self, struct read_ticket *ticket)
{
    struct reads *reads = self;
    pool_cancel(reads->pool, &ticket->question);
    free(ticket);
}

struct reads *reads_new(struct loop *loop, const struct pool_options *options)
{
    struct reads *reads = mem_alloc(sizeof(*reads));
    reads->pool = pool_new(loop, options);
    use_generation(reads, 0);
    return reads;
}

void reads_free(struct reads *reads)
{
    if (reads == NULL)
        return;
    pool_free(reads->pool);
    while (reads->set != NULL) {
        struct statement_set *set = reads->set;
        reads->set = set->older;
        for (int kind = 0; kind < READ_KINDS; kind++)
            free(set->texts[kind]);
        free(set);
    }
    free(reads);
}

int reads_connected(const struct reads *reads)
{
    return pool_connected(reads->pool);
}

struct read_store reads_port(struct reads *reads)
{
    return (struct read_store){.ask = ask, .cancel = cancel, .self = reads};
}
