#include "services/gateway/publish.h"

#include "tests/support/fake_record_sink.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

struct answer {
    int calls;
    enum intake_outcome outcome;
    struct event_result results[4];
};

struct fixture {
    struct fake_record_sink sink;
    struct record_sink port;
    struct outbox *outbox;
    struct publish *publish;
};

static void on_done(void *arg, enum intake_outcome outcome, const struct event_result *results)
{
    struct answer *answer = arg;
    answer->calls++;
    answer->outcome = outcome;
    if (results != NULL)
        memcpy(answer->results, results, 2 * sizeof(*results));
}

/* Two events of two chats. */
static void submit(struct fixture *fixture, size_t bytes, struct answer *answer)
{
    struct event events[2] = {
        {.bot_id = 42, .kind = EVENT_AD_COUNTED, .subject_id = 1},
        {.bot_id = 42, .kind = EVENT_MUSIC_EXTRACTED, .subject_id = 2, .music_video_id = 5},
    };
    static const struct trace trace = {.parent = TRACEPARENT};
    struct events_request request = {.events = events, .count = 2, .bytes = bytes, .trace = &trace};
    struct event_intake intake = publish_port(fixture->publish);
    *answer = (struct answer){0};
    intake.submit(intake.self, &request, on_done, answer);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fake_record_sink_init(&fixture->sink);
    fixture->port = fake_record_sink_port(&fixture->sink);
    struct outbox_limits limits = {.max_count = 3, .max_bytes = 100, .wait_ms = 1000};
    fixture->outbox = outbox_new(&fixture->port, &limits);
    fixture->publish = publish_new(fixture->outbox);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(outbox_in_flight(fixture->outbox), 0);
    publish_free(fixture->publish);
    outbox_free(fixture->outbox);
    fake_record_sink_done(&fixture->sink);
    free(fixture);
    return 0;
}

static void every_event_has_its_result(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    submit(fixture, 10, &answer);
    fake_record_sink_fail(&fixture->sink, 0, false);
    assert_int_equal(answer.calls, 0);
    fake_record_sink_deliver(&fixture->sink, 1, 9);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.outcome, INTAKE_DONE);
    assert_int_equal(answer.results[0].state, EVENT_STATE_UNACKNOWLEDGED);
    assert_int_equal(answer.results[1].state, EVENT_STATE_DURABLE);
    assert_int_equal(answer.results[1].offset, 9);
}

static void nothing_accepted_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    fixture->sink.refuse_from = 0;
    submit(fixture, 10, &answer);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
}

static void too_much_in_flight_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct answer first;
    struct answer second;
    submit(fixture, 101, &second);
    assert_int_equal(second.outcome, INTAKE_BUSY);
    submit(fixture, 10, &first);
    submit(fixture, 10, &second);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.outcome, INTAKE_BUSY);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    fake_record_sink_deliver(&fixture->sink, 1, 0);
    assert_int_equal(first.outcome, INTAKE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_event_has_its_result, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_accepted_is_unavailable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_much_in_flight_is_refused, set_up, tear_down),
    };
    publish_add_metrics();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
