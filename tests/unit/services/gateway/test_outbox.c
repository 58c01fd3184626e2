#include "services/gateway/outbox.h"

#include "libs/base/now.h"
#include "tests/support/fake_record_sink.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define EVENTS_MAX 8
#define WAIT_MS 1000

struct answer {
    int calls;
    size_t count;
    struct event_result results[EVENTS_MAX];
};

struct fixture {
    bool is_sequence; /* what is sent from now on */
    struct fake_record_sink sink;
    struct record_sink port;
    struct outbox *outbox;
};

static const struct outbox_points POINTS = {"publish.before_produce", "publish.after_produce",
                                            "publish.delivered"};

static const size_t LOAD = 0;

static void on_done(void *arg, const struct event_result *results, size_t count)
{
    struct answer *answer = arg;
    answer->calls++;
    answer->count = count;
    memcpy(answer->results, results, count * sizeof(*results));
}

/* AdCounted events, one for each subject. */
static void send(struct fixture *fixture, const int64_t *subjects, size_t count,
                 struct answer *answer)
{
    struct event events[EVENTS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        events[i].bot_id = 42;
        events[i].kind = EVENT_AD_COUNTED;
        events[i].subject_id = subjects[i];
    }
    *answer = (struct answer){0};
    struct outbox_batch batch = {
        .events = events,
        .count = count,
        .is_sequence = fixture->is_sequence,
        .points = &POINTS,
        .load = &LOAD,
        .done = on_done,
        .arg = answer,
    };
    outbox_send(fixture->outbox, &batch);
}

#define SEND(fixture, answer, ...) \
    send((fixture), (const int64_t[]){__VA_ARGS__}, \
         sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (answer))

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fake_record_sink_init(&fixture->sink);
    fixture->port = fake_record_sink_port(&fixture->sink);
    struct outbox_limits limits = {.max_count = 4, .max_bytes = 100, .wait_ms = WAIT_MS};
    fixture->outbox = outbox_new(&fixture->port, &limits);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    outbox_free(fixture->outbox);
    fake_record_sink_done(&fixture->sink);
    free(fixture);
    return 0;
}

static void a_batch_is_done_when_all_is_delivered(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    SEND(fixture, &answer, 1, 2);
    assert_int_equal(fixture->sink.count, 2);
    assert_string_equal(fake_record_sink_key(&fixture->sink, 0), "42:1");
    fake_record_sink_deliver(&fixture->sink, 1, 10);
    assert_int_equal(answer.calls, 0);
    fake_record_sink_deliver(&fixture->sink, 0, 11);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.results[0].state, EVENT_STATE_DURABLE);
    assert_int_equal(answer.results[0].partition, 3);
    assert_int_equal(answer.results[0].offset, 11);
    assert_int_equal(answer.results[1].offset, 10);
}

static void waits_can_all_be_given_up(void **state)
{
    struct fixture *fixture = *state;
    struct answer first;
    struct answer second;
    struct answer third;
    SEND(fixture, &first, 7);
    SEND(fixture, &second, 7, 8);
    SEND(fixture, &third, 7);
    outbox_give_up_waits(fixture->outbox);
    assert_int_equal(outbox_waiting(fixture->outbox), 0);
    assert_int_equal(third.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(second.calls, 0);
    fake_record_sink_deliver(&fixture->sink, 1, 0);
    assert_int_equal(second.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(second.results[1].state, EVENT_STATE_DURABLE);
    assert_int_equal(first.calls, 0);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    assert_int_equal(first.results[0].state, EVENT_STATE_DURABLE);
    assert_int_equal(fixture->sink.count, 2);
    assert_true(outbox_is_empty(fixture->outbox));
}

static void an_event_waits_for_the_earlier_one_of_its_key(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    SEND(fixture, &answer, 7, 7, 8);
    assert_int_equal(fixture->sink.count, 2);
    assert_string_equal(fake_record_sink_key(&fixture->sink, 1), "42:8");
    assert_int_equal(outbox_waiting(fixture->outbox), 1);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    assert_int_equal(fixture->sink.count, 3);
    assert_string_equal(fake_record_sink_key(&fixture->sink, 2), "42:7");
    fake_record_sink_deliver(&fixture->sink, 1, 0);
    fake_record_sink_deliver(&fixture->sink, 2, 1);
    assert_int_equal(answer.calls, 1);
}

static void batches_of_one_key_follow_each_other(void **state)
{
    struct fixture *fixture = *state;
    struct answer first;
    struct answer second;
    SEND(fixture, &first, 7);
    SEND(fixture, &second, 7);
    assert_int_equal(fixture->sink.count, 1);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    assert_int_equal(first.calls, 1);
    assert_int_equal(fixture->sink.count, 2);
    fake_record_sink_deliver(&fixture->sink, 1, 1);
    assert_int_equal(second.calls, 1);
}

static void after_a_failure_the_rest_of_the_key_fails_unsent(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    struct answer other;
    SEND(fixture, &answer, 7, 8, 7, 7);
    SEND(fixture, &other, 7);
    fake_record_sink_fail(&fixture->sink, 0, false);
    assert_int_equal(fixture->sink.count, 3); /* 7, 8, and the other batch's 7 */
    fake_record_sink_deliver(&fixture->sink, 1, 5);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(answer.results[1].state, EVENT_STATE_DURABLE);
    assert_int_equal(answer.results[2].state, EVENT_STATE_EARLIER_FAILED);
    assert_int_equal(answer.results[3].state, EVENT_STATE_EARLIER_FAILED);
    fake_record_sink_deliver(&fixture->sink, 2, 6);
    assert_int_equal(other.results[0].state, EVENT_STATE_DURABLE);
}

static void in_a_sequence_a_failure_takes_what_waits_for_its_key_along(void **state)
{
    struct fixture *fixture = *state;
    struct answer first, second, apart, third, other;
    fixture->is_sequence = true;
    SEND(fixture, &first, 7);
    SEND(fixture, &second, 7);
    SEND(fixture, &other, 8);
    fixture->is_sequence = false;
    SEND(fixture, &apart, 7);
    fixture->is_sequence = true;
    SEND(fixture, &third, 7);
    fake_record_sink_fail(&fixture->sink, 0, false);
    assert_int_equal(first.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(second.results[0].state, EVENT_STATE_EARLIER_FAILED);
    assert_int_equal(third.results[0].state, EVENT_STATE_EARLIER_FAILED);
    assert_int_equal(other.calls, 0);
    assert_int_equal(apart.calls, 0);
    assert_string_equal(fake_record_sink_key(&fixture->sink, 2), "42:7");
    fake_record_sink_deliver(&fixture->sink, 1, 5);
    fake_record_sink_deliver(&fixture->sink, 2, 6);
    assert_int_equal(other.results[0].state, EVENT_STATE_DURABLE);
    assert_int_equal(apart.results[0].state, EVENT_STATE_DURABLE);
    assert_true(outbox_is_empty(fixture->outbox));
}

static void what_the_sink_refuses_fails_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    fixture->sink.refuse_from = 0;
    SEND(fixture, &answer, 1, 1, 2);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(answer.results[1].state, EVENT_STATE_EARLIER_FAILED);
    assert_int_equal(answer.results[2].state, EVENT_STATE_UNACKNOWLEDGED);
    fixture->sink.refuse_kind = ERR_REJECT;
    SEND(fixture, &answer, 1);
    assert_int_equal(answer.results[0].state, EVENT_STATE_TOO_LARGE);
}

static void a_refused_waiter_gives_the_key_on(void **state)
{
    struct fixture *fixture = *state;
    struct answer answers[4];
    for (size_t i = 0; i < 4; i++)
        SEND(fixture, &answers[i], 7);
    fixture->sink.refuse_from = 1;
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    }
    assert_int_equal(outbox_waiting(fixture->outbox), 0);
}

static void a_wait_for_a_key_ends(void **state)
{
    struct fixture *fixture = *state;
    struct answer first;
    struct answer second;
    SEND(fixture, &first, 7);
    SEND(fixture, &second, 7, 7);
    outbox_sweep(fixture->outbox, now_monotonic_ms());
    assert_int_equal(second.calls, 0);
    outbox_sweep(fixture->outbox, now_monotonic_ms() + WAIT_MS + 1);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(second.results[1].state, EVENT_STATE_EARLIER_FAILED);
    assert_int_equal(first.calls, 0); /* what was sent is waited for */
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    assert_int_equal(first.calls, 1);
    assert_int_equal(fixture->sink.count, 1);
}

static void a_raw_update_waits_for_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = {0};
    struct raw_update raw = {.bot_id = 42, .update_id = 9, .reason = RAW_NO_EVENT};
    raw.body = BYTES_LITERAL("{}");
    struct outbox_batch batch = {.points = &POINTS, .load = &LOAD, .done = on_done, .arg = &answer};
    outbox_send_raw(fixture->outbox, &raw, &batch);
    outbox_send_raw(fixture->outbox, &raw, &batch);
    assert_int_equal(fixture->sink.count, 2);
    assert_int_equal(fixture->sink.records[0].topic, SINK_RAW);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    fake_record_sink_fail(&fixture->sink, 1, true);
    assert_int_equal(answer.calls, 2);
    assert_int_equal(answer.results[0].state, EVENT_STATE_TOO_LARGE);
}

static void count_and_bytes_bound_what_is_in_flight(void **state)
{
    struct fixture *fixture = *state;
    struct outbox *outbox = fixture->outbox;
    assert_true(outbox_admit(outbox, 3, 60));
    assert_false(outbox_admit(outbox, 2, 1));
    assert_false(outbox_admit(outbox, 1, 41));
    assert_true(outbox_admit(outbox, 1, 40));
    assert_int_equal(outbox_in_flight(outbox), 4);
    assert_int_equal(outbox_in_flight_bytes(outbox), 100);
    outbox_release(outbox, 3, 60);
    assert_false(outbox_admit(outbox, SIZE_MAX, 0));
    assert_true(outbox_admit(outbox, 3, 60));
    outbox_release(outbox, 3, 60);
    outbox_release(outbox, 1, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_is_done_when_all_is_delivered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_can_all_be_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_waits_for_the_earlier_one_of_its_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(batches_of_one_key_follow_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_failure_the_rest_of_the_key_fails_unsent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(in_a_sequence_a_failure_takes_what_waits_for_its_key_along,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_sink_refuses_fails_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_waiter_gives_the_key_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wait_for_a_key_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_raw_update_waits_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(count_and_bytes_bound_what_is_in_flight, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
