#include "services/store/ingest_metrics.h"
#include "services/store/ingest_refusals.h"
#include "services/store/ingest_state.h"
#include "tests/support/capture.h"
#include "tests/support/fake_projection_store.h"
#include "tests/support/fake_record_source.h"
#include "tests/support/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)
#define KEPT_MS (30 * DAY_MS)
#define NOW_MS INT64_C(1760000000000)

struct bench {
    struct fake_record_source log;
    struct fake_projection_store database;
    struct ingest *ingest;
};

static struct bench *bench_new(int64_t dead_letter_ms)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    fake_record_source_init(&bench->log);
    fake_projection_store_init(&bench->database);
    struct ingest_options options = {.bot_id = 9,
                                     .batch_max_events = 64,
                                     .batch_max_bytes = 1 << 20,
                                     .dead_letters_per_1000 = 1000,
                                     .dead_letter_ms = dead_letter_ms,
                                     .position_check_ms = 3600000};
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

static void add_letter(struct bench *bench, int64_t record_ms)
{
    bench->database.letters[bench->database.letter_count++] =
        (struct fake_letter){.place = {.record_ms = record_ms}, .cause = "malformed"};
}

static void letters_lose_their_bytes_at_the_age_that_is_set(void **state)
{
    (void)state;
    struct bench *bench = bench_new(KEPT_MS);
    add_letter(bench, NOW_MS - KEPT_MS);
    add_letter(bench, NOW_MS - KEPT_MS - 1);
    ingest_tend_letters(bench->ingest, NOW_MS);
    assert_false(bench->database.letters[0].is_expired);
    assert_true(bench->database.letters[1].is_expired);
    assert_true(metrics_text_has("dlq_expired_total 1\n"));

    ingest_tend_letters(bench->ingest, NOW_MS + 1);
    assert_true(bench->database.letters[0].is_expired);
    assert_true(metrics_text_has("dlq_expired_total 2\n"));
    bench_free(bench);
}

static void open_letters_and_the_oldest_are_told(void **state)
{
    (void)state;
    struct bench *bench = bench_new(KEPT_MS);
    ingest_tend_letters(bench->ingest, NOW_MS);
    assert_true(metrics_text_has("dlq_open{cause=\"malformed\"} 0\n"));
    assert_true(metrics_text_has("dlq_oldest_seconds 0\n"));

    add_letter(bench, NOW_MS - 5000);
    add_letter(bench, NOW_MS - 7000);
    ingest_tend_letters(bench->ingest, NOW_MS);
    assert_true(metrics_text_has("dlq_open{cause=\"malformed\"} 2\n"));
    assert_true(metrics_text_has("dlq_open{cause=\"other\"} 0\n"));
    assert_true(metrics_text_has("dlq_oldest_seconds 7\n"));
    bench_free(bench);
}

static void a_database_that_does_not_answer_changes_nothing(void **state)
{
    (void)state;
    struct bench *bench = bench_new(KEPT_MS);
    add_letter(bench, NOW_MS - 9000);
    ingest_tend_letters(bench->ingest, NOW_MS);
    bench->database.unwell_tends = 1;
    ingest_tend_letters(bench->ingest, NOW_MS + 60000);
    assert_true(metrics_text_has("dlq_oldest_seconds 9\n"));
    bench_free(bench);
}

static void ingest_looks_at_them_by_itself_once_it_runs(void **state)
{
    (void)state;
    struct bench *bench = bench_new(KEPT_MS);
    struct err err;
    for (int i = 0; i < 100 && bench->database.tends == 0; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    assert_int_equal(bench->database.tends, 1);
    assert_true(ingest_status(bench->ingest).is_running);
    for (int i = 0; i < 20; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    assert_int_equal(bench->database.tends, 1); /* not at every step */
    bench_free(bench);
}

/* Looking at headers is not for free: those of dead letters alone are looked at. */
static void the_line_of_a_dead_letter_names_its_trace(void **state)
{
    (void)state;
    struct bench *bench = bench_new(KEPT_MS);
    struct err err;
    char text[8192];
    const struct event event = {.id = {1}, .bot_id = 9, .kind = EVENT_AD_COUNTED, .subject_id = 7};
    (void)fake_log_put(&bench->log, 0, &event);
    (void)fake_log_put_raw(&bench->log, 0, "9:7", BYTES_LITERAL("\xff\xff"));
    bench->log.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct capture capture = capture_begin();
    for (int i = 0; i < 100 && bench->database.letter_count == 0; i++)
        assert_true(ingest_step(bench->ingest, 1, &err));
    size_t len = capture_end(&capture, text, sizeof(text) - 1);
    text[len] = '\0';
    assert_non_null(strstr(text, " where=record code=malformed partition=0 offset=1 "));
    assert_non_null(strstr(text, " trace_id=0af7651916cd43dd8448eb211c80319c\n"));
    assert_int_equal(bench->log.headers_read, 1);
    bench_free(bench);
}

int main(void)
{
    ingest_metrics_add();
    ingest_refusals_add();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_lose_their_bytes_at_the_age_that_is_set),
        cmocka_unit_test(open_letters_and_the_oldest_are_told),
        cmocka_unit_test(a_database_that_does_not_answer_changes_nothing),
        cmocka_unit_test(ingest_looks_at_them_by_itself_once_it_runs),
        cmocka_unit_test(the_line_of_a_dead_letter_names_its_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
