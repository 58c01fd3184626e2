#include "services/store/dlq_decide.h"

#include "libs/wire/event_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOT 42
#define LETTERS_MAX 64

/* A table of dead letters and a topic in memory; so many calls fail. */
struct bench {
    struct letter letters[LETTERS_MAX]; /* by place */
    size_t count;
    struct buf value; /* of all of them: an event that is admitted */
    int put, flushed, decided;
    int failing_puts, failing_flushes, failing_decisions;
    enum err_kind kind; /* of a failing put */
    bool has_record_without_flush;
    struct dlq_options options;
    struct dlq_outcome outcome;
};

static bool is_wanted(const struct letter *letter, const struct letter_query *query)
{
    bool is_behind = letter->place.partition > query->from.partition ||
                     (letter->place.partition == query->from.partition &&
                      letter->place.offset >= query->from.offset);
    return is_behind &&
           (query->filter.decision == LETTER_ANY || query->filter.decision == letter->decision);
}

static bool fake_read(void *self, const struct letter_query *query,
                      const struct letter_taker *taker, int *out_count, struct err *err)
{
    struct bench *bench = self;
    int count = 0;
    for (size_t i = 0; i < bench->count && count < query->limit; i++) {
        if (!is_wanted(&bench->letters[i], query))
            continue;
        if (!taker->take(taker->self, &bench->letters[i], err))
            return false;
        count++;
    }
    *out_count = count;
    return true;
}

static bool fake_decide(void *self, const struct letter_place *places, size_t count,
                        enum letter_decision decision, struct err *err)
{
    struct bench *bench = self;
    bench->has_record_without_flush |= bench->flushed < bench->put;
    if (bench->failing_decisions-- > 0)
        return err_set(err, ERR_RETRY, "the fake table is away");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < bench->count; k++)
            if (bench->letters[k].place.partition == places[i].partition &&
                bench->letters[k].place.offset == places[i].offset)
                bench->letters[k].decision = decision;
    bench->decided += (int)count;
    return true;
}

static bool fake_put(void *self, const struct record *record, int32_t partition, struct err *err)
{
    struct bench *bench = self;
    assert_int_equal(partition, LOG_PARTITION_OF_KEY);
    assert_true(bytes_equal(buf_bytes(&record->value), buf_bytes(&bench->value)));
    if (bench->failing_puts-- > 0)
        return err_set(err, bench->kind, "the fake topic does not take it");
    bench->put++;
    return true;
}

static bool fake_flush(void *self, struct err *err)
{
    struct bench *bench = self;
    if (bench->failing_flushes-- > 0)
        return err_set(err, ERR_RETRY, "the fake topic is away");
    bench->flushed = bench->put;
    return true;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct event event = {.bot_id = BOT, .kind = EVENT_AD_COUNTED, .subject_id = 7};
    buf_init(&bench->value, EVENT_BYTES_MAX);
    assert_true(event_encode(&event, &bench->value));
    bench->options = (struct dlq_options){.action = DLQ_RETRY,
                                          .filter = {.decision = LETTER_OPEN, .partition = -1}};
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    buf_done(&bench->value);
    free(bench);
    return 0;
}

static void add_letters(struct bench *bench, int32_t partition, int count)
{
    for (int i = 0; i < count; i++)
        bench->letters[bench->count++] = (struct letter){.place = {partition, 10 + i},
                                                         .decision = LETTER_OPEN,
                                                         .key = BYTES_LITERAL("42:7"),
                                                         .value = buf_bytes(&bench->value)};
}

static int count_of(const struct bench *bench, enum letter_decision decision)
{
    int count = 0;
    for (size_t i = 0; i < bench->count; i++)
        count += bench->letters[i].decision == decision ? 1 : 0;
    return count;
}

/* The lines; freed by the caller. */
static char *decide(struct bench *bench, bool *out_done, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct letter_desk desk = {.read = fake_read, .decide = fake_decide, .self = bench};
    struct log_sink sink = {.put = fake_put, .flush = fake_flush, .self = bench};
    struct dlq_job job = {.desk = &desk,
                          .options = &bench->options,
                          .target = {.sink = &sink, .bot_id = BOT, .topic_partitions = 4},
                          .out = open_memstream(&text, &len)};
    *out_done = dlq_decide(&job, &bench->outcome, err);
    assert_int_equal(fclose(job.out), 0);
    return text;
}

static void assert_decided(struct bench *bench, bool is_done)
{
    struct err err;
    bool is_decided = false;
    free(decide(bench, &is_decided, &err));
    assert_true(is_decided == is_done);
}

static void all_open_letters_are_written_and_recorded_by_pages(void **state)
{
    struct bench *bench = *state;
    add_letters(bench, 0, 20);
    add_letters(bench, 3, 29);
    bench->letters[5].decision = LETTER_DROPPED;
    assert_decided(bench, true);
    assert_int_equal(bench->put, 48);
    assert_int_equal(count_of(bench, LETTER_RETRIED), 48);
    assert_int_equal(count_of(bench, LETTER_DROPPED), 1);
    assert_true(bench->outcome.decided == 48 && bench->outcome.refused == 0);
    assert_false(bench->has_record_without_flush);
}

static void nothing_is_recorded_that_is_not_durable(void **state)
{
    struct bench *bench = *state;
    add_letters(bench, 0, 20);
    bench->failing_flushes = 1;
    assert_decided(bench, false);
    assert_int_equal(bench->decided, 0);
    assert_decided(bench, true); /* the same again does the rest */
    assert_int_equal(count_of(bench, LETTER_RETRIED), 20);
}

static void a_decision_that_fails_leaves_its_letters_open(void **state)
{
    struct bench *bench = *state;
    add_letters(bench, 0, 3);
    bench->failing_decisions = 1;
    assert_decided(bench, false);
    assert_int_equal(bench->flushed, 3);
    assert_int_equal(count_of(bench, LETTER_OPEN), 3);
    assert_decided(bench, true);
    assert_int_equal(bench->put, 6);
}

static void an_unwell_topic_ends_it(void **state)
{
    struct bench *bench = *state;
    add_letters(bench, 0, 3);
    bench->failing_puts = 1;
    bench->kind = ERR_RETRY;
    assert_decided(bench, false);
    assert_int_equal(count_of(bench, LETTER_OPEN), 3);
}

static void a_record_that_is_too_large_is_refused_and_the_others_go_on(void **state)
{
    struct bench *bench = *state;
    struct err err;
    bool is_done = false;
    add_letters(bench, 0, 3);
    bench->failing_puts = 1;
    bench->kind = ERR_REJECT;
    char *text = decide(bench, &is_done, &err);
    assert_true(is_done);
    assert_string_equal(text, "0:10 refused: too_large: the topic takes no record of its size\n"
                              "0:11 retried\n"
                              "0:12 retried\n");
    free(text);
    assert_true(bench->outcome.decided == 2 && bench->outcome.refused == 1);
}

static void places_are_decided_each_or_refused_each(void **state)
{
    struct bench *bench = *state;
    struct err err;
    bool is_done = false;
    add_letters(bench, 0, 3);
    bench->letters[1].decision = LETTER_DROPPED;
    bench->options.place_count = 4;
    for (int i = 0; i < 4; i++)
        bench->options.places[i] = (struct letter_place){0, 9 + i};
    char *text = decide(bench, &is_done, &err);
    assert_true(is_done);
    assert_string_equal(text, "0:9 refused: unknown: there is no dead letter\n"
                              "0:11 refused: dropped: it was decided on before, and stays so\n"
                              "0:10 retried\n"
                              "0:12 retried\n");
    free(text);
}

static void a_drop_writes_nothing_and_needs_no_bytes(void **state)
{
    struct bench *bench = *state;
    add_letters(bench, 0, 20);
    bench->letters[0].is_expired = true;
    bench->options.action = DLQ_DROP;
    assert_decided(bench, true);
    assert_int_equal(bench->put, 0);
    assert_int_equal(count_of(bench, LETTER_DROPPED), 20);
}

static void more_places_than_a_page_are_recorded_by_pages(void **state)
{
    struct bench *bench = *state;
    add_letters(bench, 0, 40);
    for (int i = 0; i < 40; i++)
        bench->options.places[bench->options.place_count++] = (struct letter_place){0, 49 - i};
    assert_decided(bench, true);
    assert_int_equal(count_of(bench, LETTER_RETRIED), 40);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(all_open_letters_are_written_and_recorded_by_pages),
        WITH_BENCH(nothing_is_recorded_that_is_not_durable),
        WITH_BENCH(a_decision_that_fails_leaves_its_letters_open),
        WITH_BENCH(an_unwell_topic_ends_it),
        WITH_BENCH(a_record_that_is_too_large_is_refused_and_the_others_go_on),
        WITH_BENCH(places_are_decided_each_or_refused_each),
        WITH_BENCH(a_drop_writes_nothing_and_needs_no_bytes),
        WITH_BENCH(more_places_than_a_page_are_recorded_by_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
