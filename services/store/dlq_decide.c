#include "services/store/dlq_decide.h"

#include "services/store/dlq_judge.h"

#include <assert.h>
#include <inttypes.h>

struct deciding {
    const struct dlq_job *job;
    struct admission_rules rules;
    struct event_arena *arena;
    struct dlq_outcome outcome;
    struct letter_place next;   /* behind the letter that was looked at last */
    struct letter_place wanted; /* of one that was named */
    bool is_named, is_found;
    struct letter_place chosen[LETTER_PAGE]; /* to be recorded */
    size_t chosen_count;
};

static void tell(const struct deciding *deciding, const struct letter_place *place,
                 const char *what, const struct dlq_verdict *why)
{
    char line[512];
    int len = why == NULL
                  ? snprintf(line, sizeof(line), "%" PRId32 ":%" PRId64 " %s\n", place->partition,
                             place->offset, what)
                  : snprintf(line, sizeof(line), "%" PRId32 ":%" PRId64 " %s: %s: %s\n",
                             place->partition, place->offset, what, why->cause, why->detail);
    assert(len > 0);
    (void)fputs(line, deciding->job->out);
}

static void refuse(struct deciding *deciding, const struct letter_place *place,
                   const struct dlq_verdict *why)
{
    deciding->outcome.refused++;
    tell(deciding, place, "refused", why);
}

/* ---- one letter ---- */

static bool is_decided(struct deciding *deciding, const struct letter *letter)
{
    if (letter->decision == LETTER_OPEN || deciding->job->options->forces)
        return false;
    struct dlq_verdict why = {letter_decision_name(letter->decision),
                              "it was decided on before, and stays so", false};
    refuse(deciding, &letter->place, &why);
    return true;
}

static void choose(struct deciding *deciding, const struct letter *letter)
{
    assert(deciding->chosen_count < LETTER_PAGE);
    deciding->chosen[deciding->chosen_count++] = letter->place;
}

static bool write_again(struct deciding *deciding, const struct letter *letter, struct err *err)
{
    const struct log_sink *sink = deciding->job->target.sink;
    struct record record = {0};
    struct dlq_verdict verdict = dlq_judge(letter, &deciding->rules, deciding->arena, &record);
    bool is_refused =
        verdict.cause != NULL && (verdict.is_final || !deciding->job->options->forces);
    if (is_refused) {
        refuse(deciding, &letter->place, &verdict);
        record_done(&record);
        return true;
    }
    bool is_put = sink->put(sink->self, &record, LOG_PARTITION_OF_KEY, err);
    record_done(&record);
    if (is_put) {
        choose(deciding, letter);
    } else if (err->kind == ERR_REJECT) {
        struct dlq_verdict why = {"too_large", "the topic takes no record of its size", true};
        refuse(deciding, &letter->place, &why);
        return true;
    }
    return is_put;
}

static bool take(void *self, const struct letter *letter, struct err *err)
{
    struct deciding *deciding = self;
    const struct letter_place *place = &letter->place;
    deciding->next = (struct letter_place){place->partition, place->offset + 1};
    if (deciding->is_named && (place->partition != deciding->wanted.partition ||
                               place->offset != deciding->wanted.offset))
        return true;
    deciding->is_found = true;
    if (is_decided(deciding, letter))
        return true;
    if (deciding->job->options->action == DLQ_RETRY)
        return write_again(deciding, letter, err);
    choose(deciding, letter);
    return true;
}

/* ---- what was chosen ---- */

static bool record_chosen(struct deciding *deciding, struct err *err)
{
    const struct dlq_job *job = deciding->job;
    bool is_retry = job->options->action == DLQ_RETRY;
    if (deciding->chosen_count == 0)
        return true;
    if (is_retry && !job->target.sink->flush(job->target.sink->self, err))
        return false;
    if (!job->desk->decide(job->desk->self, deciding->chosen, deciding->chosen_count,
                           is_retry ? LETTER_RETRIED : LETTER_DROPPED, err))
        return false;
    for (size_t i = 0; i < deciding->chosen_count; i++)
        tell(deciding, &deciding->chosen[i], is_retry ? "retried" : "dropped", NULL);
    deciding->outcome.decided += (int64_t)deciding->chosen_count;
    deciding->chosen_count = 0;
    return true;
}

static bool read_letters(struct deciding *deciding, const struct letter_query *query,
                         int *out_count, struct err *err)
{
    const struct letter_desk *desk = deciding->job->desk;
    struct letter_taker taker = {.take = take, .self = deciding};
    return desk->read(desk->self, query, &taker, out_count, err);
}

static enum letter_content content_of(const struct dlq_job *job)
{
    return job->options->action == DLQ_RETRY ? LETTER_WITH_BYTES : LETTER_SHORT;
}

static bool decide_named(struct deciding *deciding, const struct letter_place *place,
                         struct err *err)
{
    static const struct dlq_verdict NONE = {"unknown", "there is no dead letter", true};
    struct letter_query query = {.filter = {.partition = -1},
                                 .from = *place,
                                 .content = content_of(deciding->job),
                                 .limit = 1};
    int count = 0;
    deciding->is_named = true;
    deciding->is_found = false;
    deciding->wanted = *place;
    if (!read_letters(deciding, &query, &count, err))
        return false;
    if (!deciding->is_found)
        refuse(deciding, place, &NONE);
    return deciding->chosen_count < LETTER_PAGE || record_chosen(deciding, err);
}

static bool decide_filtered(struct deciding *deciding, struct err *err)
{
    struct letter_query query = {.filter = deciding->job->options->filter,
                                 .content = content_of(deciding->job),
                                 .limit = LETTER_PAGE};
    int count = LETTER_PAGE;
    while (count == LETTER_PAGE) {
        query.from = deciding->next;
        if (!read_letters(deciding, &query, &count, err) || !record_chosen(deciding, err))
            return false;
    }
    return true;
}

static bool decide_all(struct deciding *deciding, struct err *err)
{
    const struct dlq_options *options = deciding->job->options;
    if (options->place_count == 0)
        return decide_filtered(deciding, err);
    for (size_t i = 0; i < options->place_count; i++)
        if (!decide_named(deciding, &options->places[i], err))
            return false;
    return record_chosen(deciding, err);
}

bool dlq_decide(const struct dlq_job *job, struct dlq_outcome *out, struct err *err)
{
    struct deciding deciding = {
        .job = job,
        .rules = {.bot_id = job->target.bot_id, .topic_partitions = job->target.topic_partitions},
        .arena = event_arena_new(EVENT_BYTES_MAX)};
    bool is_done = decide_all(&deciding, err);
    event_arena_free(deciding.arena);
    *out = deciding.outcome;
    return is_done;
}
