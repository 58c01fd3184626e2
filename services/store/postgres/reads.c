#include "services/store/postgres/reads.h"

#include "libs/base/mem.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/network.h"
#include "services/store/postgres/pool.h"
#include "services/store/postgres/read_params.h"
#include "services/store/postgres/read_rows.h"
#include "services/store/postgres/read_sql.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIES_MAX 8 /* a question follows the pointer; each move takes two */

#define POINTER_SLOT READ_KINDS
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

static_assert(READ_PARAMS_MAX <= POOL_PARAMS_MAX, "a statement has too many parameters");
static_assert(READ_KINDS + 1 <= POOL_STATEMENTS_MAX, "too many statements");

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
};

/* Tables of another projection would be asked the wrong questions. */
static const char POINTER_SQL[] =
    "SELECT generation FROM telefact.active JOIN telefact.generations ON id = generation"
    " WHERE projection_version = " TEXT_OF(PROJECTION_VERSION);

static void fill_statement(struct statement_set *set, int slot, uint64_t version, const char *name)
{
    bool is_pointer = slot == POINTER_SLOT;
    (void)snprintf(set->names[slot], sizeof(set->names[slot]), "%s_%" PRIu64, name, version);
    set->statements[slot] = (struct pool_statement){
        .slot = slot,
        .version = version,
        .name = set->names[slot],
        .sql = is_pointer ? POINTER_SQL : set->texts[slot],
        .param_count = is_pointer ? 0 : read_params_count((enum read_kind)slot),
    };
}

static void use_generation(struct reads *reads, int32_t generation)
{
    struct statement_set *set = mem_alloc(sizeof(*set));
    set->older = reads->set;
    set->generation = generation;
    reads->set = set;
    reads->version++;
    for (int slot = 0; slot < READ_KINDS; slot++) {
        enum read_kind kind = (enum read_kind)slot;
        set->texts[slot] = read_sql_text(kind, generation);
        fill_statement(set, slot, reads->version, read_sql_name(kind));
    }
    fill_statement(set, POINTER_SLOT, reads->version, "pointer");
}

static void fill_params(struct read_ticket *ticket)
{
    int64_t values[READ_PARAMS_MAX] = {0};
    int count = read_params_count(ticket->request.kind);
    read_params_fill(&ticket->request, values);
    for (int i = 0; i < count; i++) {
        (void)network_put64(ticket->params[i], values[i]);
        ticket->question.values[i] = ticket->params[i];
        ticket->question.lengths[i] = sizeof(ticket->params[i]);
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
    if (!ticket->is_pointer && reads->set == ticket->set)
        use_generation(reads, 0); /* whether it is of our projection, the pointer says */
    else if (ticket->is_pointer && active != reads->set->generation)
        use_generation(reads, active);
    return true;
}

static void on_done(struct pool_question *question, PGresult *result, const char *sqlstate,
                    const struct err *err)
{
    static const struct err NO_SCHEMA = {
        ERR_RETRY, "the active generation is missing, or of another build's projection; run "
                   "`telefact-store migrate`, or see `telefact-store replay list`"};
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
    struct read_rows rows;
    read_rows_decode(result, ticket->request.kind, &rows);
    end(ticket, &rows.answer, NULL);
    read_rows_done(&rows);
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
