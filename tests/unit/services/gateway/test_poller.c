#include "services/gateway/poller.h"

#include "tests/support/capture.h"
#include "tests/support/metrics_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UPDATES_MAX 16
#define NO_WEBHOOK "{\"ok\":true,\"result\":{\"url\":\"\",\"pending_update_count\":0}}"
#define WEBHOOK "{\"ok\":true,\"result\":{\"url\":\"https://a/b\",\"pending_update_count\":0}}"
#define THREE "{\"ok\":true,\"result\":[{\"update_id\":41},{\"update_id\":42},{\"update_id\":43}]}"
#define NONE "{\"ok\":true,\"result\":[]}"

struct handed {
    update_done_fn fn; /* NULL: answered */
    void *arg;
    struct bytes body;
};

struct fixture {
    struct poller *poller;
    int64_t now_ms;
    /* The Bot API's side. */
    char method[32];
    char json[2048];
    bot_answer_fn answer; /* NULL: nothing is on its way */
    void *arg;
    int calls;
    int cancels;
    /* The intake's side. */
    struct handed updates[UPDATES_MAX];
    size_t count;
    size_t released;
    size_t busy_from; /* updates with this number and later ones are refused at once */
};

static void call(void *self, const struct bot_question *question, bot_answer_fn fn, void *arg)
{
    struct fixture *fixture = self;
    assert_null(fixture->answer);
    (void)snprintf(fixture->method, sizeof(fixture->method), "%s", question->method);
    (void)snprintf(fixture->json, sizeof(fixture->json), "%s", question->json);
    fixture->answer = fn;
    fixture->arg = arg;
    fixture->calls++;
}

static void cancel(void *self)
{
    struct fixture *fixture = self;
    fixture->cancels += fixture->answer != NULL ? 1 : 0;
    fixture->answer = NULL;
}

static void submit(void *self, struct bytes body, const struct trace *trace, update_done_fn fn,
                   void *arg)
{
    struct fixture *fixture = self;
    assert_int_equal(strlen(trace->parent), TRACE_PARENT_LEN);
    assert_true(fixture->count < UPDATES_MAX);
    fixture->updates[fixture->count++] = (struct handed){fn, arg, body};
    if (fixture->count > fixture->busy_from) {
        fixture->updates[fixture->count - 1].fn = NULL;
        fn(arg, INTAKE_BUSY, "");
    }
}

static void release(void *self, size_t bytes)
{
    struct fixture *fixture = self;
    (void)bytes;
    fixture->released++;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct poller_options options = {.poll_s = 50};
    struct bot_line bot = {.call = call, .cancel = cancel, .self = fixture};
    struct update_intake intake = {.submit = submit, .release = release, .self = fixture};
    fixture->busy_from = SIZE_MAX;
    fixture->now_ms = 1000;
    fixture->poller = poller_new(&options, &bot, &intake);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    poller_free(fixture->poller);
    free(fixture);
    return 0;
}

static void step(struct fixture *fixture)
{
    poller_step(fixture->poller, fixture->now_ms);
}

static void answer(struct fixture *fixture, const char *text)
{
    bot_answer_fn fn = fixture->answer;
    fixture->answer = NULL;
    if (fn == NULL)
        fail_msg("nothing was asked");
    else
        fn(fixture->arg, text == NULL ? (struct bytes){0} : bytes_of_text(text));
    step(fixture);
}

static void finish(struct fixture *fixture, size_t number, enum intake_outcome outcome)
{
    update_done_fn fn = fixture->updates[number].fn;
    assert_non_null(fn);
    fixture->updates[number].fn = NULL;
    fn(fixture->updates[number].arg, outcome, "");
}

/* The milliseconds until the next call, found by stepping; the caller knows that one comes. */
static int64_t wait_for_call(struct fixture *fixture)
{
    int64_t began_ms = fixture->now_ms;
    int calls = fixture->calls;
    step(fixture);
    while (fixture->calls == calls) {
        int64_t next_ms = poller_next_ms(fixture->poller);
        assert_true(next_ms != INT64_MAX);
        if (next_ms > fixture->now_ms) {
            fixture->now_ms = next_ms - 1;
            step(fixture);
            assert_int_equal(fixture->calls, calls);
        }
        fixture->now_ms = next_ms;
        step(fixture);
    }
    return fixture->now_ms - began_ms;
}

static void begin(struct fixture *fixture)
{
    poller_lead(fixture->poller, true);
    step(fixture);
    assert_string_equal(fixture->method, "getWebhookInfo");
    answer(fixture, NO_WEBHOOK);
    assert_string_equal(fixture->method, "getUpdates");
}

static void assert_offset(const struct fixture *fixture, const char *text)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "{\"offset\":%s,", text);
    assert_memory_equal(fixture->json, wanted, strlen(wanted));
}

/* ---- */

static void without_the_lease_nothing_is_asked(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    step(fixture);
    assert_int_equal(fixture->calls, 0);
    assert_true(poller_is_idle(fixture->poller));
    assert_true(poller_check(fixture->poller, &err));
}

static void every_kind_of_update_is_asked_for(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    assert_non_null(strstr(fixture->json, "\"limit\":100,\"timeout\":50,"));
    assert_non_null(strstr(fixture->json, "\"message_reaction\""));
    assert_non_null(strstr(fixture->json, "\"chat_member\""));
    assert_null(strstr(fixture->json, "\"other\""));
    cancel(fixture);
}

static void while_a_webhook_is_set_nothing_is_asked(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    poller_lead(fixture->poller, true);
    step(fixture);
    answer(fixture, WEBHOOK);
    assert_false(poller_check(fixture->poller, &err));
    assert_non_null(strstr(err.text, "webhook delete"));
    assert_true(wait_for_call(fixture) >= 10000);
    assert_string_equal(fixture->method, "getWebhookInfo");
    answer(fixture, NO_WEBHOOK);
    assert_string_equal(fixture->method, "getUpdates");
    answer(fixture, NONE);
    assert_true(poller_check(fixture->poller, &err));
}

static void all_durable_updates_are_confirmed(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    assert_offset(fixture, "0");
    answer(fixture, THREE);
    assert_int_equal(fixture->count, 3);
    step(fixture);
    assert_int_equal(fixture->calls, 2);
    for (size_t i = 3; i > 0; i--)
        finish(fixture, i - 1, INTAKE_DONE);
    assert_int_equal(wait_for_call(fixture), 0);
    assert_offset(fixture, "44");
    assert_int_equal(fixture->released, 3);
    cancel(fixture);
}

static void t06_only_the_durable_beginning_is_confirmed(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    answer(fixture, THREE);
    finish(fixture, 0, INTAKE_DONE);
    finish(fixture, 1, INTAKE_UNAVAILABLE);
    finish(fixture, 2, INTAKE_DONE);
    assert_true(wait_for_call(fixture) > 0);
    assert_offset(fixture, "42");
    cancel(fixture);
}

static void after_a_refusal_at_once_no_further_update_is_handed_in(void **state)
{
    struct fixture *fixture = *state;
    fixture->busy_from = 1;
    begin(fixture);
    answer(fixture, THREE);
    assert_int_equal(fixture->count, 2);
    finish(fixture, 0, INTAKE_DONE);
    (void)wait_for_call(fixture);
    assert_offset(fixture, "42");
    assert_int_equal(fixture->released, 1);
    cancel(fixture);
}

static void t01_retry_after_is_waited_for_exactly(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    answer(fixture, "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":17}}");
    assert_int_equal(wait_for_call(fixture), 17000);
    assert_string_equal(fixture->method, "getUpdates");
    cancel(fixture);
}

static void t02_a_useless_answer_moves_nothing_and_is_waited_out(void **state)
{
    static const char *const useless[] = {NULL, "", "<html>", "{\"ok\":true,\"result\":[{}]}",
                                          "{\"ok\":false,\"error_code\":502}"};
    struct fixture *fixture = *state;
    begin(fixture);
    answer(fixture, THREE);
    for (size_t i = 0; i < 3; i++)
        finish(fixture, i, INTAKE_DONE);
    (void)wait_for_call(fixture);
    int64_t waited_ms = 0;
    for (size_t i = 0; i < 40; i++) {
        answer(fixture, useless[i % (sizeof(useless) / sizeof(*useless))]);
        waited_ms = wait_for_call(fixture);
        assert_in_range(waited_ms, 1, 30000);
        assert_offset(fixture, "44");
    }
    assert_true(waited_ms >= 10000);
    cancel(fixture);
}

static void t03_a_token_that_is_not_known_is_an_alarm_and_no_storm(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    begin(fixture);
    answer(fixture, "{\"ok\":false,\"error_code\":401}");
    assert_false(poller_check(fixture->poller, &err));
    for (int i = 0; i < 3; i++) {
        assert_true(wait_for_call(fixture) >= 10000);
        assert_string_equal(fixture->method, "getWebhookInfo");
        answer(fixture, "{\"ok\":false,\"error_code\":401}");
    }
}

static void t04_a_conflict_is_waited_out_for_three_seconds_and_more(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    begin(fixture);
    answer(fixture, "{\"ok\":false,\"error_code\":409}");
    assert_false(poller_check(fixture->poller, &err));
    assert_in_range(wait_for_call(fixture), 3000, 5000);
    assert_string_equal(fixture->method, "getWebhookInfo");
    cancel(fixture);
}

static void an_empty_answer_that_comes_at_once_does_not_make_it_spin(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    answer(fixture, NONE);
    assert_int_equal(wait_for_call(fixture), 500);
    fixture->now_ms += 50000;
    answer(fixture, NONE);
    assert_int_equal(wait_for_call(fixture), 0);
    cancel(fixture);
}

static void without_the_lease_an_alarm_ends_and_nothing_works_again(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char said[1024];
    begin(fixture);
    answer(fixture, "{\"ok\":false,\"error_code\":409}");
    struct capture capture = capture_begin();
    poller_lead(fixture->poller, false);
    step(fixture);
    (void)capture_end(&capture, said, sizeof(said));
    assert_true(poller_check(fixture->poller, &err));
    assert_string_equal(said, "");
}

static void losing_the_lease_gives_up_the_call(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    poller_lead(fixture->poller, false);
    step(fixture);
    assert_int_equal(fixture->cancels, 1);
    assert_true(poller_is_idle(fixture->poller));
}

static void updates_in_hand_are_finished_without_the_lease_and_not_confirmed(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    answer(fixture, THREE);
    poller_lead(fixture->poller, false);
    step(fixture);
    assert_false(poller_is_idle(fixture->poller));
    for (size_t i = 0; i < 3; i++)
        finish(fixture, i, INTAKE_DONE);
    step(fixture);
    assert_true(poller_is_idle(fixture->poller));
    assert_int_equal(fixture->calls, 2);
    poller_lead(fixture->poller, true);
    step(fixture);
    answer(fixture, NO_WEBHOOK);
    assert_offset(fixture, "0");
    cancel(fixture);
}

static void stopping_finishes_what_is_in_hand(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    answer(fixture, THREE);
    poller_stop(fixture->poller);
    step(fixture);
    for (size_t i = 0; i < 3; i++)
        finish(fixture, i, i == 0 ? INTAKE_UNAVAILABLE : INTAKE_DONE);
    step(fixture);
    assert_true(poller_is_idle(fixture->poller));
    assert_int_equal(poller_next_ms(fixture->poller), INT64_MAX);
}

/* The first test: it sees its own poll alone. */
static void the_time_of_a_poll_is_told(void **state)
{
    struct fixture *fixture = *state;
    poller_add_metrics();
    begin(fixture);
    assert_true(metrics_text_has("\npoll_duration_seconds_count 0\n"));
    fixture->now_ms += 50000;
    answer(fixture, NONE);
    assert_true(metrics_text_has("\npoll_duration_seconds_bucket{le=\"32.768\"} 0\n"));
    assert_true(metrics_text_has("\npoll_duration_seconds_bucket{le=\"65.536\"} 1\n"));
    assert_true(metrics_text_has("\npoll_duration_seconds_sum 50.000000\n"));
    assert_true(metrics_text_has("\npolls_total{outcome=\"done\"} 1\n"));
    cancel(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_time_of_a_poll_is_told),
        TEST(without_the_lease_nothing_is_asked),
        TEST(every_kind_of_update_is_asked_for),
        TEST(while_a_webhook_is_set_nothing_is_asked),
        TEST(all_durable_updates_are_confirmed),
        TEST(t06_only_the_durable_beginning_is_confirmed),
        TEST(after_a_refusal_at_once_no_further_update_is_handed_in),
        TEST(t01_retry_after_is_waited_for_exactly),
        TEST(t02_a_useless_answer_moves_nothing_and_is_waited_out),
        TEST(t03_a_token_that_is_not_known_is_an_alarm_and_no_storm),
        TEST(t04_a_conflict_is_waited_out_for_three_seconds_and_more),
        TEST(an_empty_answer_that_comes_at_once_does_not_make_it_spin),
        TEST(without_the_lease_an_alarm_ends_and_nothing_works_again),
        TEST(losing_the_lease_gives_up_the_call),
        TEST(updates_in_hand_are_finished_without_the_lease_and_not_confirmed),
        TEST(stopping_finishes_what_is_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
