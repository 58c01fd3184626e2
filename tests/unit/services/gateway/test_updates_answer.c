#include "services/gateway/updates_answer.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct updates_answer read_text(const char *text)
{
    struct updates_answer answer;
    updates_answer_read(bytes_of_text(text), &answer);
    return answer;
}

static void assert_body(const struct updates_answer *answer, size_t index, const char *text)
{
    assert_true(bytes_equal(answer->updates[index].body, bytes_of_text(text)));
}

static void updates_keep_the_bytes_that_telegram_sent(void **state)
{
    (void)state;
    struct updates_answer answer =
        read_text(" { \"ok\" : true , \"result\" : [ {\"update_id\": 7, \"a\":\"]}\\\"[{\\\\\"} ,\n"
                  "{ \"b\":[[1,{}],2.50e1] ,\"update_id\":8 }\t] } ");
    assert_int_equal(answer.verdict, BOT_DONE);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.updates[0].id, 7);
    assert_body(&answer, 0, "{\"update_id\": 7, \"a\":\"]}\\\"[{\\\\\"}");
    assert_int_equal(answer.updates[1].id, 8);
    assert_body(&answer, 1, "{ \"b\":[[1,{}],2.50e1] ,\"update_id\":8 }");
}

static void an_empty_list_brings_nothing(void **state)
{
    (void)state;
    struct updates_answer answer = read_text("{\"ok\":true,\"result\":[]}");
    assert_int_equal(answer.verdict, BOT_DONE);
    assert_int_equal(answer.count, 0);
}

static void other_members_before_the_result_do_not_matter(void **state)
{
    (void)state;
    struct updates_answer answer = read_text("{\"x\":{\"result\":[1]},\"y\":\"result\",\"ok\":true,"
                                             "\"result\":[{\"update_id\":1}],\"z\":null}");
    assert_int_equal(answer.count, 1);
    assert_body(&answer, 0, "{\"update_id\":1}");
}

static void a_deep_update_does_not_hold_up_the_others(void **state)
{
    (void)state;
    enum { LEVELS = 5000 };
    static const char head[] = "{\"ok\":true,\"result\":[{\"update_id\":1,\"a\":";
    static const char tail[] = "},{\"update_id\":2}]}";
    static char text[sizeof(head) + sizeof(tail) + 2 * LEVELS];
    char *nested = text + sizeof(head) - 1;
    memcpy(text, head, sizeof(head) - 1);
    memset(nested, '[', LEVELS);
    memset(nested + LEVELS, ']', LEVELS);
    memcpy(nested + (size_t)2 * LEVELS, tail, sizeof(tail));
    struct updates_answer answer = read_text(text);
    assert_int_equal(answer.count, 2);
    assert_body(&answer, 1, "{\"update_id\":2}");
}

static void what_is_not_whole_brings_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "<html>502</html>",
        "[]",
        "{\"ok\":true}",
        "{\"ok\":true,\"result\":{}}",
        "{\"ok\":true,\"result\":[{\"update_id\":1}",
        "{\"ok\":true,\"result\":[1]}",
        "{\"ok\":true,\"result\":[{\"update_id\":1},{}]}",
        "{\"ok\":true,\"result\":[{\"update_id\":\"1\"}]}",
        "{\"ok\":true,\"result\":[{\"update_id\":1,\"update_id\":2}]}",
        "{\"ok\":true,\"result\":[],\"result\":[]}",
        "{\"ok\":true,\"r\\u0065sult\":[{\"update_id\":1}]}",
        "{\"ok\":1,\"result\":[]}",
        "{\"ok\":false}",
        "{\"ok\":false,\"error_code\":500}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct updates_answer answer = read_text(texts[i]);
        assert_int_equal(answer.verdict, BOT_TROUBLE);
        assert_int_equal(answer.count, 0);
    }
}

static void refusals_have_their_verdicts(void **state)
{
    (void)state;
    struct updates_answer answer = read_text("{\"ok\":false,\"error_code\":429,\"description\":"
                                             "\"x\",\"parameters\":{\"retry_after\":7}}");
    assert_int_equal(answer.verdict, BOT_WAIT);
    assert_int_equal(answer.wait_s, 7);
    assert_int_equal(read_text("{\"ok\":false,\"error_code\":409}").verdict, BOT_CONFLICT);
    assert_int_equal(read_text("{\"ok\":false,\"error_code\":401}").verdict, BOT_NO_ACCESS);
    assert_int_equal(read_text("{\"ok\":false,\"error_code\":404}").verdict, BOT_NO_ACCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_keep_the_bytes_that_telegram_sent),
        cmocka_unit_test(an_empty_list_brings_nothing),
        cmocka_unit_test(other_members_before_the_result_do_not_matter),
        cmocka_unit_test(a_deep_update_does_not_hold_up_the_others),
        cmocka_unit_test(what_is_not_whole_brings_nothing),
        cmocka_unit_test(refusals_have_their_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
