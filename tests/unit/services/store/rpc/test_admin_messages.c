/* admin_messages: requests of AdminService as orders, progress as its message. */
#include "services/store/rpc/admin_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef Telefact__Store__V1__StartRebuildRequest start_request;

static void a_start_is_an_order(void **state)
{
    static char differences[] = "users.lang,music";
    static char position[] = "0:3,1:5";
    start_request request = TELEFACT__STORE__V1__START_REBUILD_REQUEST__INIT;
    struct rebuild_order order;
    struct err err;
    (void)state;
    assert_true(admin_messages_start(&request, &order, &err));
    assert_false(order.has_as_of_time || order.has_as_of_position || order.is_forced);
    assert_string_equal(order.expected_differences, "");
    rebuild_order_done(&order);

    request.expected_differences = differences;
    request.force = true;
    request.end_case = TELEFACT__STORE__V1__START_REBUILD_REQUEST__END_AS_OF_POSITION;
    request.as_of_position = position;
    assert_true(admin_messages_start(&request, &order, &err));
    assert_true(order.has_as_of_position && order.is_forced);
    assert_int_equal(order.as_of_position.count, 2);
    assert_string_equal(order.expected_differences, "users.lang,music");
    rebuild_order_done(&order);

    request.end_case = TELEFACT__STORE__V1__START_REBUILD_REQUEST__END_AS_OF_TIME;
    request.as_of_time = 1764504000;
    assert_true(admin_messages_start(&request, &order, &err));
    assert_true(order.has_as_of_time && !order.has_as_of_position);
    assert_true(order.as_of_ms == 1764504000000);
    rebuild_order_done(&order);
}

static void assert_refused(const start_request *request, const char *field)
{
    struct rebuild_order order;
    struct err err;
    assert_false(admin_messages_start(request, &order, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_ptr_equal(strstr(err.text, field), err.text);
    rebuild_order_done(&order);
}

static void wrong_fields_are_named(void **state)
{
    static char wrong[] = "users lang";
    static char nothing[] = "";
    start_request request = TELEFACT__STORE__V1__START_REBUILD_REQUEST__INIT;
    (void)state;
    request.end_case = TELEFACT__STORE__V1__START_REBUILD_REQUEST__END_AS_OF_TIME;
    request.as_of_time = -1;
    assert_refused(&request, "as_of_time: ");
    request.as_of_time = INT64_MAX;
    assert_refused(&request, "as_of_time: ");
    request.end_case = TELEFACT__STORE__V1__START_REBUILD_REQUEST__END_AS_OF_POSITION;
    request.as_of_position = nothing;
    assert_refused(&request, "as_of_position: ");
    request.as_of_position = wrong;
    assert_refused(&request, "as_of_position: ");
    request.expected_differences = wrong;
    assert_refused(&request, "expected_differences: ");
}

static void a_speed_is_told_when_it_is_known(void **state)
{
    struct replay_view view = {.state = GENERATION_BUILDING, .done = 500, .total = 1000};
    struct replay_speed speed = {.is_known = true, .per_s = 4.0};
    Telefact__Store__V1__RebuildProgress progress;
    (void)state;
    admin_messages_progress(2, &view, &speed, &progress);
    assert_int_equal(progress.state, TELEFACT__STORE__V1__REBUILD_STATE__REBUILD_STATE_BUILDING);
    assert_int_equal(progress.generation, 2);
    assert_int_equal(progress.events_done, 500);
    assert_int_equal(progress.events_per_second_presence_case, 8);
    assert_int_equal(progress.events_per_second, 4);
    assert_int_equal(progress.seconds_left, 125);
    view.state = GENERATION_DROPPING;
    admin_messages_progress(2, &view, &speed, &progress);
    assert_int_equal(progress.state, TELEFACT__STORE__V1__REBUILD_STATE__REBUILD_STATE_DROPPING);
    assert_int_equal(progress.seconds_left_presence_case, 0);
    admin_messages_progress(2, &view, NULL, &progress);
    assert_int_equal(progress.events_per_second_presence_case, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_is_an_order),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(a_speed_is_told_when_it_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
