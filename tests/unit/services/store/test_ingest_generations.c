/* ingest_generations: what an ordinary store does about the generations beside its own. */
#include "services/store/ingest_state.h"
#include "services/store/replay_metrics.h"
#include "tests/support/fake_projection_store.h"
#include "tests/support/fake_record_source.h"
#include "tests/support/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct bench {
    struct fake_record_source log;
    struct fake_projection_store database;
    struct ingest *ingest;
};

static struct bench *bench_new(bool tends_generations)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    fake_record_source_init(&bench->log);
    fake_projection_store_init(&bench->database);
    struct ingest_options options = {.bot_id = 9,
                                     .batch_max_events = 64,
                                     .batch_max_bytes = 1 << 20,
                                     .dead_letters_per_1000 = 1000,
                                     .position_check_ms = 3600000,
                                     .tends_generations = tends_generations};
    struct record_source source = fake_record_source_port(&bench->log);
    struct projection_store store = fake_projection_store_port(&bench->database);
    bench->ingest = ingest_new(&options, &source, &store);
    return bench;
}

static void bench_free(struct bench *bench)
{
    ingest_free(bench->ingest);
    fake_projection_store_done(&bench->database);
    fake_record_source_done(&bench->log);
    free(bench);
}

static void a_rebuild_is_shown_whoever_does_it(void **state)
{
    (void)state;
    struct bench *bench = bench_new(true);
    bench->database.rebuild = (struct rebuild_census){
        .generation = 7, .state = GENERATION_BUILDING, .done = 100, .total = 500};
    ingest_tend_generations(bench->ingest, 1000);
    assert_true(metrics_text_has("\nrebuild_generation 7\n"));
    assert_true(metrics_text_has("\nrebuild_state{state=\"building\"} 1\n"));
    assert_true(metrics_text_has("\nrebuild_eta_seconds -1\n"));
    bench->database.rebuild.done = 300;
    ingest_tend_generations(bench->ingest, 3000);
    assert_true(metrics_text_has("\nrebuild_events_done 300\n"));
    assert_true(metrics_text_has("\nrebuild_events_target 500\n"));
    assert_true(metrics_text_has("\nrebuild_events_per_second 100\n"));
    assert_true(metrics_text_has("\nrebuild_eta_seconds 2\n"));
    assert_false(metrics_text_has("rebuild_lag_messages")); /* the log's end is not asked for */
    bench_free(bench);
}

static void one_that_is_gone_is_shown_no_more(void **state)
{
    (void)state;
    struct bench *bench = bench_new(true);
    bench->database.rebuild = (struct rebuild_census){
        .generation = 7, .state = GENERATION_FAILED, .done = 500, .total = 500};
    ingest_tend_generations(bench->ingest, 1000);
    assert_true(metrics_text_has("\nrebuild_state{state=\"failed\"} 1\n"));
    bench->database.unwell_looks = 1;
    ingest_tend_generations(bench->ingest, 2000);
    assert_true(metrics_text_has("\nrebuild_state{state=\"failed\"} 1\n")); /* nothing is known */
    bench->database.rebuild = (struct rebuild_census){0};
    ingest_tend_generations(bench->ingest, 3000);
    assert_true(metrics_text_has("\nrebuild_generation 0\n"));
    assert_true(metrics_text_has("\nrebuild_state{state=\"failed\"} 0\n"));
    bench_free(bench);
}

static void past_moments_lose_who_was_erased_since(void **state)
{
    (void)state;
    struct bench *bench = bench_new(true);
    bench->database.unwell_looks = 1; /* one of the two does not hinder the other */
    ingest_tend_generations(bench->ingest, 1000);
    assert_int_equal(bench->database.past_erases, 1);
    bench->database.unwell_erases = 1;
    ingest_tend_generations(bench->ingest, 2000);
    assert_int_equal(bench->database.past_erases, 1);
    ingest_tend_generations(bench->ingest, 3000);
    assert_int_equal(bench->database.past_erases, 2);
    bench_free(bench);
}

static void ingest_does_it_by_itself_once_it_runs(void **state)
{
    (void)state;
    struct bench *bench = bench_new(true);
    struct err err;
    for (int i = 0; i < 100 && bench->database.past_erases == 0; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    assert_true(ingest_status(bench->ingest).is_running);
    for (int i = 0; i < 20; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    assert_int_equal(bench->database.past_erases, 1); /* not at every step */
    bench_free(bench);
}

static void a_worker_of_a_rebuild_leaves_them_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(false);
    struct err err;
    for (int i = 0; i < 50; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    assert_true(ingest_status(bench->ingest).is_running);
    assert_int_equal(bench->database.past_erases, 0);
    bench_free(bench);
}

int main(void)
{
    replay_metrics_add();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rebuild_is_shown_whoever_does_it),
        cmocka_unit_test(one_that_is_gone_is_shown_no_more),
        cmocka_unit_test(past_moments_lose_who_was_erased_since),
        cmocka_unit_test(ingest_does_it_by_itself_once_it_runs),
        cmocka_unit_test(a_worker_of_a_rebuild_leaves_them_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
