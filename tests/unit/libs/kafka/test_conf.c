#include "libs/kafka/conf.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char found[100];
    size_t len = sizeof(found);
    assert_int_equal(rd_kafka_conf_get(conf, name, found, &len), RD_KAFKA_CONF_OK);
    assert_string_equal(found, value);
}

static void what_is_set_later_wins(void **state)
{
    static const struct kafka_property standard[] = {{"client.id", "one"},
                                                     {"socket.timeout.ms", "1000"}};
    struct setting_pair pairs[] = {{.key = (char[]){"client.id"}, .value = (char[]){"two"}}};
    struct settings_pairs passed = {.items = pairs, .count = 1};
    struct err err;
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    (void)state;
    assert_true(kafka_conf_set_all(conf, standard, 2, &err));
    expect(conf, "client.id", "one");
    assert_true(kafka_conf_set_passed(conf, &passed, &err));
    assert_true(kafka_conf_set_number(conf, "socket.timeout.ms", 2500, &err));
    expect(conf, "client.id", "two");
    expect(conf, "socket.timeout.ms", "2500");
}

static void a_refusal_names_the_property_and_hides_its_value(void **state)
{
    static const struct kafka_property wrong[] = {{"socket.timeout.ms", "canary"}};
    struct err err;
    AUTO(kafka_conf) rd_kafka_conf_t *conf = kafka_conf_new();
    (void)state;
    assert_false(kafka_conf_set_all(conf, wrong, 1, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "socket.timeout.ms"));
    assert_null(strstr(err.text, "canary"));
    assert_false(kafka_conf_set(conf, "no.such.property", "1", &err));
    assert_non_null(strstr(err.text, "no.such.property"));
}

static void none_is_freed_too(void **state)
{
    (void)state;
    kafka_conf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_later_wins),
        cmocka_unit_test(a_refusal_names_the_property_and_hides_its_value),
        cmocka_unit_test(none_is_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
