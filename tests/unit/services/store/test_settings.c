#include "services/store/settings.h"

#include "libs/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Load these variables; *out_report is what a person reads, to be freed. */
static bool load(const char *const *variables, struct store_settings *out, char **out_report)
{
    struct err err;
    size_t len = 0;
    FILE *report = open_memstream(out_report, &len);
    bool is_loaded = store_settings_load((char *const *)(uintptr_t)variables, report, out, &err);
    (void)fclose(report);
    return is_loaded;
}

static void the_standard_is_complete(void **state)
{
    (void)state;
    static const char *const variables[] = {"STORE_BOT_ID=5", "DB_URL=postgresql://u:secret@h/d",
                                            "STORE_KAFKA_BOOTSTRAP_SERVERS=k:1",
                                            "STORE_KAFKA_FETCH_WAIT_MAX_MS=10", NULL};
    struct store_settings settings = {0};
    char *report = NULL;
    assert_true(load(variables, &settings, &report));
    assert_int_equal(settings.bot_id, 5);
    assert_int_equal(settings.roles, STORE_ROLE_INGEST | STORE_ROLE_RPC);
    assert_string_equal(settings.kafka_group_id, "telefact-store-g1");
    assert_string_equal(settings.rpc_listen, "127.0.0.1:9091");
    assert_int_equal(settings.kafka.count, 1);
    assert_string_equal(settings.kafka.items[0].key, "fetch.wait.max.ms");

    char *shown = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&shown, &len);
    store_settings_show(&settings, out);
    store_settings_print_reference(out);
    (void)fclose(out);
    assert_null(strstr(shown, "secret@"));
    assert_non_null(strstr(shown, "STORE_BATCH_MAX_EVENTS"));
    free(shown);
    free(report);
    store_settings_done(&settings);
}

static void faults_are_reported_together(void **state)
{
    (void)state;
    static const char *const variables[] = {"STORE_BOT_ID=5", "DB_URL=postgresql://h/d",
                                            "STORE_RPC_POOL_MIN=11", NULL};
    struct store_settings settings = {0};
    char *report = NULL;
    assert_false(load(variables, &settings, &report));
    assert_non_null(strstr(report, "STORE_KAFKA_BOOTSTRAP_SERVERS: missing"));
    assert_non_null(strstr(report, "STORE_RPC_POOL_MIN: larger"));
    free(report);
    store_settings_done(&settings);
}

static void what_exactly_once_stands_on_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"AUTO_OFFSET_RESET", "ENABLE_AUTO_COMMIT", "CHECK_CRCS",
                                        "GROUP_PROTOCOL", "ENABLE_AUTO_OFFSET_STORE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char passed[64];
        (void)snprintf(passed, sizeof(passed), "STORE_KAFKA_%s=x", names[i]);
        const char *const variables[] = {"STORE_BOT_ID=5", "DB_URL=postgresql://h/d",
                                         "STORE_KAFKA_BOOTSTRAP_SERVERS=k:1", passed, NULL};
        struct store_settings settings = {0};
        char *report = NULL;
        assert_false(load(variables, &settings, &report));
        assert_non_null(strstr(report, names[i]));
        free(report);
        store_settings_done(&settings);
    }
}

static void migrating_needs_no_kafka(void **state)
{
    (void)state;
    static const char *const variables[] = {"STORE_BOT_ID=5", "DB_URL=postgresql://h/d", NULL};
    struct store_settings settings = {0};
    struct err err;
    assert_true(
        store_settings_load_database((char *const *)(uintptr_t)variables, stderr, &settings, &err));
    store_settings_done(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standard_is_complete),
        cmocka_unit_test(faults_are_reported_together),
        cmocka_unit_test(what_exactly_once_stands_on_is_refused),
        cmocka_unit_test(migrating_needs_no_kafka),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
