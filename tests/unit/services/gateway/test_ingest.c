#include "services/gateway/ingest.h"

#include "libs/base/now.h"
#include "tests/support/fake_record_sink.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define TEXT_UPDATE(chat) \
    "{\"update_id\":1001,\"message\":{\"message_id\":5,\"date\":1700000000,\"from\":{\"id\":77," \
    "\"is_bot\":false,\"first_name\":\"A\"},\"chat\":{\"id\":" chat \
    ",\"type\":\"private\",\"first_name\":\"A\"},\"text\":\"hello\"}}"

#define LONG_BYTES (100 << 10)

struct answer {
    struct ingest *ingest;
    size_t bytes;
    bool is_forwarded; /* the sender is not answered yet */
    int calls;
    enum intake_outcome outcome;
    char position[64];
};

struct fixture {
    struct fake_record_sink sink;
    struct record_sink port;
    struct outbox *outbox;
    struct ingest *ingest;
};

static void on_done(void *arg, enum intake_outcome outcome, const char *position)
{
    struct answer *answer = arg;
    struct update_intake intake = ingest_port(answer->ingest);
    answer->calls++;
    answer->outcome = outcome;
    if (outcome != INTAKE_BUSY && !answer->is_forwarded)
        intake.release(intake.self, answer->bytes);
    strncpy(answer->position, position, sizeof(answer->position) - 1);
}

static void submit(struct fixture *fixture, const char *body, struct answer *answer)
{
    struct update_intake intake = ingest_port(fixture->ingest);
    *answer = (struct answer){.ingest = fixture->ingest, .bytes = strlen(body)};
    static const struct trace trace = {.parent = TRACEPARENT};
    intake.submit(intake.self, bytes_of_text(body), &trace, on_done, answer);
}

static char *make_long_update(void)
{
    char *body = calloc(1, LONG_BYTES + 64);
    memset(body, 'x', LONG_BYTES);
    return body;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fake_record_sink_init(&fixture->sink);
    fixture->port = fake_record_sink_port(&fixture->sink);
    struct outbox_limits limits = {.max_count = 2, .max_bytes = 1 << 20, .wait_ms = 1000};
    fixture->outbox = outbox_new(&fixture->port, &limits);
    struct ingest_options options = {.bot_id = 42, .producer = "test/1", .deadline_ms = 1000};
    fixture->ingest = ingest_new(fixture->outbox, &options);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(outbox_in_flight(fixture->outbox), 0);
    assert_int_equal(outbox_in_flight_bytes(fixture->outbox), 0);
    ingest_free(fixture->ingest);
    outbox_free(fixture->outbox);
    fake_record_sink_done(&fixture->sink);
    free(fixture);
    return 0;
}

static void an_update_is_done_when_its_event_is_durable(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    submit(fixture, TEXT_UPDATE("77"), &answer);
    assert_int_equal(answer.calls, 0);
    assert_int_equal(fixture->sink.count, 1);
    assert_int_equal(fixture->sink.records[0].topic, SINK_EVENTS);
    assert_string_equal(fake_record_sink_key(&fixture->sink, 0), "42:77");
    fake_record_sink_deliver(&fixture->sink, 0, 99);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.outcome, INTAKE_DONE);
    assert_string_equal(answer.position, "3:100");
}

static const char *traceparent_of(const struct record *record)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, "traceparent") == 0)
            return record->headers[i].value;
    return NULL;
}

static void what_an_update_makes_carries_its_trace(void **state)
{
    struct fixture *fixture = *state;
    struct answer event;
    struct answer raw;
    submit(fixture, TEXT_UPDATE("77"), &event);
    submit(fixture, "no json", &raw);
    assert_int_equal(fixture->sink.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(traceparent_of(&fixture->sink.records[i].record), TRACEPARENT);
        fake_record_sink_deliver(&fixture->sink, i, 99);
    }
}

static void a_failed_delivery_asks_to_send_again(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    submit(fixture, TEXT_UPDATE("77"), &answer);
    fake_record_sink_fail(&fixture->sink, 0, false);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
}

static void a_full_queue_asks_to_send_again_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    fixture->sink.refuse_from = 0;
    submit(fixture, TEXT_UPDATE("77"), &answer);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
    submit(fixture, "no json", &answer);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
}

static void what_cannot_be_read_is_kept_raw(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    submit(fixture, "{\"update_id\":", &answer);
    assert_int_equal(fixture->sink.count, 1);
    assert_int_equal(fixture->sink.records[0].topic, SINK_RAW);
    assert_int_equal(answer.calls, 0);
    fake_record_sink_deliver(&fixture->sink, 0, 7);
    assert_int_equal(answer.outcome, INTAKE_DONE);
    assert_string_equal(answer.position, ""); /* the raw topic has no place in a position */
}

static void what_makes_no_event_is_kept_raw(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    submit(fixture, "{\"update_id\":5,\"poll\":{\"id\":\"1\"}}", &answer);
    assert_int_equal(fixture->sink.records[0].topic, SINK_RAW);
    assert_string_equal(fake_record_sink_key(&fixture->sink, 0), "42:5");
    fake_record_sink_fail(&fixture->sink, 0, false);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
}

static void too_much_in_flight_is_refused_before_any_work(void **state)
{
    struct fixture *fixture = *state;
    struct answer answers[3];
    submit(fixture, TEXT_UPDATE("1"), &answers[0]);
    submit(fixture, TEXT_UPDATE("2"), &answers[1]);
    submit(fixture, TEXT_UPDATE("3"), &answers[2]);
    assert_int_equal(answers[2].calls, 1);
    assert_int_equal(answers[2].outcome, INTAKE_BUSY);
    assert_int_equal(fixture->sink.count, 2);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    submit(fixture, TEXT_UPDATE("3"), &answers[2]);
    assert_int_equal(answers[2].calls, 0);
    fake_record_sink_deliver(&fixture->sink, 1, 0);
    fake_record_sink_deliver(&fixture->sink, 2, 0);
}

static void what_is_forwarded_stays_in_flight_until_it_is_answered(void **state)
{
    struct fixture *fixture = *state;
    struct update_intake intake = ingest_port(fixture->ingest);
    struct answer answer;
    submit(fixture, TEXT_UPDATE("1"), &answer);
    answer.is_forwarded = true;
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    assert_int_equal(answer.outcome, INTAKE_DONE);
    assert_int_equal(outbox_in_flight(fixture->outbox), 1);
    assert_int_equal(outbox_in_flight_bytes(fixture->outbox), answer.bytes);
    assert_true(outbox_is_empty(fixture->outbox));
    intake.release(intake.self, answer.bytes);
    assert_int_equal(outbox_in_flight(fixture->outbox), 0);
}

/* The same chat again while the first update is on its way: a retry must not overtake. */
static void an_update_waits_for_the_earlier_one_of_its_chat(void **state)
{
    struct fixture *fixture = *state;
    struct answer first;
    struct answer second;
    submit(fixture, TEXT_UPDATE("77"), &first);
    submit(fixture, TEXT_UPDATE("77"), &second);
    assert_int_equal(fixture->sink.count, 1);
    fake_record_sink_fail(&fixture->sink, 0, false);
    assert_int_equal(first.outcome, INTAKE_UNAVAILABLE);
    assert_int_equal(fixture->sink.count, 2);
    fake_record_sink_deliver(&fixture->sink, 1, 0);
    assert_int_equal(second.outcome, INTAKE_DONE);
}

static void an_update_is_given_up_at_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct answer answers[2];
    int64_t started_ms = now_monotonic_ms();
    submit(fixture, TEXT_UPDATE("77"), &answers[0]);
    submit(fixture, TEXT_UPDATE("78"), &answers[1]);
    ingest_sweep(fixture->ingest, started_ms + 900);
    assert_int_equal(answers[0].calls, 0);
    fake_record_sink_deliver(&fixture->sink, 0, 0);
    ingest_sweep(fixture->ingest, started_ms + 2000);
    assert_int_equal(answers[0].outcome, INTAKE_DONE);
    assert_int_equal(answers[1].outcome, INTAKE_UNAVAILABLE);
    fake_record_sink_deliver(&fixture->sink, 1, 1);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[1].calls, 1);
}

static void an_update_out_of_time_is_not_tried_in_another_form(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    char *body = make_long_update();
    submit(fixture, body, &answer);
    ingest_sweep(fixture->ingest, INT64_MAX);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
    free(body);
    fake_record_sink_fail(&fixture->sink, 0, true);
    assert_int_equal(fixture->sink.count, 1);
}

static void what_the_topic_never_takes_is_kept_cut(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    char *body = make_long_update();
    submit(fixture, body, &answer);
    assert_true(fixture->sink.records[0].record.value.len > LONG_BYTES);
    fake_record_sink_fail(&fixture->sink, 0, true);
    assert_int_equal(fixture->sink.count, 2);
    assert_int_equal(fixture->sink.records[1].topic, SINK_RAW);
    assert_in_range(fixture->sink.records[1].record.value.len, 64 << 10, (64 << 10) + 100);
    fake_record_sink_deliver(&fixture->sink, 1, 0);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.outcome, INTAKE_DONE);

    submit(fixture, body, &answer);
    fake_record_sink_fail(&fixture->sink, 2, true);
    fake_record_sink_fail(&fixture->sink, 3, true); /* even cut: there is nothing more to try */
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
    free(body);
}

static void a_small_update_is_never_cut(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    submit(fixture, TEXT_UPDATE("77"), &answer);
    fake_record_sink_fail(&fixture->sink, 0, true);
    assert_int_equal(fixture->sink.count, 1);
    assert_int_equal(answer.outcome, INTAKE_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_update_is_done_when_its_event_is_durable, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_an_update_makes_carries_its_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_delivery_asks_to_send_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_asks_to_send_again_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_kept_raw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_makes_no_event_is_kept_raw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_much_in_flight_is_refused_before_any_work, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_forwarded_stays_in_flight_until_it_is_answered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_update_waits_for_the_earlier_one_of_its_chat, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_update_is_given_up_at_its_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_update_out_of_time_is_not_tried_in_another_form, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_topic_never_takes_is_kept_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_small_update_is_never_cut, set_up, tear_down),
    };
    ingest_add_metrics("webhook");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
