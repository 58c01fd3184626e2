#include "libs/base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MODE_WEBHOOK, MODE_POLLING };

struct example {
    char *listen;
    char *token;
    char *url;
    int64_t limit;
    bool is_quiet;
    int mode;
    uint32_t roles;
};

static const char *const MODES[] = {"webhook", "polling", NULL};
static const char *const ROLES[] = {"ingest", "rpc", "worker", NULL};
static const char *const REFUSED[] = {"acks", NULL};

static const struct setting ROWS[] = {
    {.name = "APP_LISTEN",
     .type = SETTING_TEXT,
     .offset = offsetof(struct example, listen),
     .standard = "127.0.0.1:8080",
     .doc = "Where to listen."},
    {.name = "APP_TOKEN",
     .type = SETTING_SECRET,
     .offset = offsetof(struct example, token),
     .required = true,
     .doc = "The bot's token."},
    {.name = "APP_DATABASE_URL",
     .type = SETTING_SECRET,
     .offset = offsetof(struct example, url),
     .alias = "DB_URL",
     .doc = "Which database."},
    {.name = "APP_LIMIT",
     .type = SETTING_INT,
     .offset = offsetof(struct example, limit),
     .standard = "10",
     .min = 1,
     .max = 100,
     .doc = "How many | at once."},
    {.name = "APP_QUIET",
     .type = SETTING_BOOL,
     .offset = offsetof(struct example, is_quiet),
     .standard = "false",
     .doc = "Say less."},
    {.name = "APP_MODE",
     .type = SETTING_CHOICE,
     .offset = offsetof(struct example, mode),
     .standard = "webhook",
     .choices = MODES,
     .doc = "How updates come."},
    {.name = "APP_ROLES",
     .type = SETTING_SET,
     .offset = offsetof(struct example, roles),
     .standard = "ingest,rpc",
     .choices = ROLES,
     .doc = "What to do."},
};

static const struct settings_table TABLE = {
    .prefix = "APP_",
    .pass_prefix = "APP_KAFKA_",
    .pass_refused = REFUSED,
    .rows = ROWS,
    .count = sizeof(ROWS) / sizeof(*ROWS),
};

struct result {
    struct example settings;
    struct settings_pairs pairs;
    struct err err;
    bool is_good;
    char *report;
    size_t report_len;
};

static struct result load(const char *const *entries)
{
    char *environ_list[16] = {0};
    for (size_t i = 0; entries[i] != NULL; i++)
        environ_list[i] = strdup(entries[i]);
    struct result result = {0};
    FILE *report = open_memstream(&result.report, &result.report_len);
    result.is_good =
        settings_load(&TABLE, environ_list, &result.settings, &result.pairs, report, &result.err);
    (void)fclose(report);
    for (size_t i = 0; environ_list[i] != NULL; i++)
        free(environ_list[i]);
    return result;
}

static void done(struct result *result)
{
    settings_done(&TABLE, &result->settings, &result->pairs);
    free(result->report);
}

#define LOAD(...) load((const char *const[]){__VA_ARGS__, NULL})

static void assert_faults(const char *const *entries, const char *report)
{
    struct result result = load(entries);
    assert_false(result.is_good);
    assert_int_equal(result.err.kind, ERR_REJECT);
    assert_string_equal(result.report, report);
    done(&result);
}

#define ASSERT_FAULTS(report, ...) assert_faults((const char *const[]){__VA_ARGS__, NULL}, report)

static void defaults_hold_where_nothing_is_set(void **state)
{
    (void)state;
    struct result result = LOAD("APP_TOKEN=t", "PATH=/bin", "APP_LIMIT=", "NOEQUALS");
    assert_true(result.is_good);
    assert_string_equal(result.settings.listen, "127.0.0.1:8080");
    assert_string_equal(result.settings.token, "t");
    assert_string_equal(result.settings.url, "");
    assert_int_equal(result.settings.limit, 10);
    assert_false(result.settings.is_quiet);
    assert_int_equal(result.settings.mode, MODE_WEBHOOK);
    assert_int_equal(result.settings.roles, 3);
    assert_int_equal(result.pairs.count, 0);
    assert_int_equal(result.report_len, 0);
    done(&result);
}

static void values_of_every_type_are_read(void **state)
{
    (void)state;
    struct result result =
        LOAD("APP_LISTEN=:1", "APP_TOKEN=a=b", "DB_URL=postgresql://x", "APP_LIMIT=100",
             "APP_QUIET=on", "APP_MODE=polling", "APP_ROLES=worker, ingest");
    assert_true(result.is_good);
    assert_string_equal(result.settings.listen, ":1");
    assert_string_equal(result.settings.token, "a=b");
    assert_string_equal(result.settings.url, "postgresql://x");
    assert_int_equal(result.settings.limit, 100);
    assert_true(result.settings.is_quiet);
    assert_int_equal(result.settings.mode, MODE_POLLING);
    assert_int_equal(result.settings.roles, 5);
    done(&result);
}

static void name_wins_over_its_alias(void **state)
{
    (void)state;
    struct result result = LOAD("DB_URL=other", "APP_DATABASE_URL=mine", "APP_TOKEN=t");
    assert_string_equal(result.settings.url, "mine");
    done(&result);
}

static void all_faults_are_told_together(void **state)
{
    (void)state;
    struct result result = LOAD("APP_LIMIT=many", "APP_QUIET=maybe", "APP_MODE=push",
                                "APP_ROLES=ingest,cook", "APP_LIMT=5", "APP_KAFKA_ACKS=1");
    assert_false(result.is_good);
    assert_string_equal(result.err.text, "7 of the settings are wrong");
    assert_string_equal(
        result.report,
        "APP_TOKEN: is required; set it: The bot's token.\n"
        "APP_LIMIT: \"many\" is not a whole number; give 1 to 100\n"
        "APP_QUIET: \"maybe\" is not a truth value; give true or false\n"
        "APP_MODE: \"push\" is unknown; give one of webhook, polling\n"
        "APP_ROLES: \"cook\" is unknown; give any of ingest, rpc, worker\n"
        "APP_LIMT: is unknown; did you mean APP_LIMIT?\n"
        "APP_KAFKA_ACKS: acks is chosen by the service and may not be changed; remove it\n");
    done(&result);
}

static void numbers_outside_their_range_are_refused(void **state)
{
    (void)state;
    ASSERT_FAULTS("APP_LIMIT: 0 is out of range; give 1 to 100\n", "APP_TOKEN=t", "APP_LIMIT=0");
    ASSERT_FAULTS("APP_LIMIT: 101 is out of range; give 1 to 100\n", "APP_TOKEN=t",
                  "APP_LIMIT=101");
}

static void unknown_names_with_our_prefix_are_refused(void **state)
{
    (void)state;
    ASSERT_FAULTS("APP_SOMETHING_ELSE: is unknown; remove it or see --print-settings\n",
                  "APP_TOKEN=t", "APP_SOMETHING_ELSE=1");
    ASSERT_FAULTS("APP_LISTEN_FILE: is unknown; remove it or see --print-settings\n", "APP_TOKEN=t",
                  "APP_LISTEN_FILE=/x");
    ASSERT_FAULTS("APP_TOKN: is unknown; did you mean APP_TOKEN?\n", "APP_TOKEN=t", "APP_TOKN=x");
}

static void service_links_of_kubernetes_are_ignored(void **state)
{
    (void)state;
    struct result result =
        LOAD("APP_TOKEN=t", "APP_SERVICE_HOST=10.0.0.1", "APP_SERVICE_PORT=80",
             "APP_SERVICE_PORT_GRPC=80", "APP_PORT=tcp://10.0.0.1:80",
             "APP_PORT_80_TCP=tcp://10.0.0.1:80", "APP_PORT_80_TCP_ADDR=10.0.0.1",
             "APP_KAFKA_SERVICE_HOST=10.0.0.2", "APP_KAFKA_PORT=tcp://10.0.0.2:9092");
    assert_true(result.is_good);
    assert_int_equal(result.pairs.count, 0);
    done(&result);
    ASSERT_FAULTS("APP_PORT: is unknown; remove it or see --print-settings\n", "APP_TOKEN=t",
                  "APP_PORT=80");
}

static void properties_pass_with_their_dots(void **state)
{
    (void)state;
    struct result result = LOAD("APP_TOKEN=t", "APP_KAFKA_QUEUED_MIN_MESSAGES=5",
                                "APP_KAFKA_DEBUG=", "APP_KAFKA_CLIENT_ID=MixedCase");
    assert_true(result.is_good);
    assert_int_equal(result.pairs.count, 2);
    assert_string_equal(result.pairs.items[0].key, "queued.min.messages");
    assert_string_equal(result.pairs.items[0].value, "5");
    assert_string_equal(result.pairs.items[1].key, "client.id");
    assert_string_equal(result.pairs.items[1].value, "MixedCase");
    done(&result);
}

/* A file that holds `text`; the entry is "<name>=<path>". */
static char *file_entry(const char *name, const char *text, char *out, size_t size)
{
    char path[] = "/tmp/telefact-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    (void)snprintf(out, size, "%s=%s", name, path);
    return out;
}

static void secrets_come_from_files(void **state)
{
    (void)state;
    char token[80];
    char password[80];
    file_entry("APP_TOKEN_FILE", "secret\n", token, sizeof(token));
    file_entry("APP_KAFKA_SASL_PASSWORD_FILE", "p w", password, sizeof(password));
    struct result result = LOAD(token, password);
    assert_true(result.is_good);
    assert_string_equal(result.settings.token, "secret");
    assert_string_equal(result.pairs.items[0].key, "sasl.password");
    assert_string_equal(result.pairs.items[0].value, "p w");
    done(&result);
    (void)unlink(strchr(token, '=') + 1);
    (void)unlink(strchr(password, '=') + 1);
}

static void bad_secret_files_are_refused(void **state)
{
    (void)state;
    ASSERT_FAULTS("APP_TOKEN_FILE: cannot open /nonexistent: No such file or directory\n",
                  "APP_TOKEN_FILE=/nonexistent");
    char entry[80];
    char expected[200];
    file_entry("APP_TOKEN_FILE", "\n", entry, sizeof(entry));
    (void)snprintf(expected, sizeof(expected),
                   "APP_TOKEN_FILE: %s is empty, unreadable, longer than 65536 bytes or no text\n",
                   strchr(entry, '=') + 1);
    ASSERT_FAULTS(expected, entry);
    ASSERT_FAULTS("APP_TOKEN: is set and so is APP_TOKEN_FILE; keep one of them\n", "APP_TOKEN=t",
                  entry);
    (void)unlink(strchr(entry, '=') + 1);
}

static void secrets_are_never_printed(void **state)
{
    (void)state;
    struct result result =
        LOAD("APP_TOKEN=hidden", "APP_KAFKA_SASL_PASSWORD=hidden", "APP_KAFKA_CLIENT_ID=me",
             "APP_KAFKA_CLIENT_RACK=123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9",
             "APP_LISTEN=123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9");
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    settings_show(&TABLE, &result.settings, &result.pairs, out);
    (void)fclose(out);
    assert_string_equal(text, "APP_LISTEN=***\nAPP_TOKEN=***\nAPP_DATABASE_URL=\nAPP_LIMIT=10\n"
                              "APP_QUIET=false\nAPP_MODE=webhook\nAPP_ROLES=ingest,rpc\n"
                              "APP_KAFKA_SASL_PASSWORD=***\nAPP_KAFKA_CLIENT_ID=me\n"
                              "APP_KAFKA_CLIENT_RACK=***\n");
    free(text);
    done(&result);
}

static void token_in_a_wrong_variable_is_not_reported(void **state)
{
    (void)state;
    ASSERT_FAULTS("APP_LIMIT: \"(a long value)\" is not a whole number; give 1 to 100\n",
                  "APP_TOKEN=t", "APP_LIMIT=123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9");
}

static void a_property_in_lower_case_is_a_typo(void **state)
{
    (void)state;
    ASSERT_FAULTS("APP_KAFKA_linger.ms: is unknown; remove it or see --print-settings\n"
                  "APP_KAFKA_CLIENT_Id: is unknown; remove it or see --print-settings\n",
                  "APP_TOKEN=t", "APP_KAFKA_linger.ms=5", "APP_KAFKA_CLIENT_Id=me");
}

static void token_or_line_break_in_a_name_is_not_reported(void **state)
{
    (void)state;
    ASSERT_FAULTS("APP_***: is unknown; remove it or see --print-settings\n", "APP_TOKEN=t",
                  "APP_123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9=1");
    ASSERT_FAULTS("APP_?LEVEL?3: is unknown; remove it or see --print-settings\n", "APP_TOKEN=t",
                  "APP_\nLEVEL\x1b"
                  "3=1");
}

static void reference_lists_every_row(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    settings_print_reference(&TABLE, "app", out);
    (void)fclose(out);
    assert_string_equal(
        text,
        "## app\n\n"
        "| variable | value | default | meaning |\n|---|---|---|---|\n"
        "| `APP_LISTEN` | text | `127.0.0.1:8080` | Where to listen. |\n"
        "| `APP_TOKEN` | secret, or a file's path in `APP_TOKEN_FILE` | required | The bot's "
        "token. |\n"
        "| `APP_DATABASE_URL` (or `DB_URL`) | secret, or a file's path in "
        "`APP_DATABASE_URL_FILE` | none | Which database. |\n"
        "| `APP_LIMIT` | 1 to 100 | `10` | How many \\| at once. |\n"
        "| `APP_QUIET` | `true` or `false` | `false` | Say less. |\n"
        "| `APP_MODE` | one of `webhook`, `polling` | `webhook` | How updates come. |\n"
        "| `APP_ROLES` | any of, comma separated: `ingest`, `rpc`, `worker` | `ingest,rpc` | "
        "What to do. |\n"
        "\nEvery other `APP_KAFKA_<PROPERTY>` sets the librdkafka property of that name, with "
        "`.` for `_`, in lower case.\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_where_nothing_is_set),
        cmocka_unit_test(values_of_every_type_are_read),
        cmocka_unit_test(name_wins_over_its_alias),
        cmocka_unit_test(all_faults_are_told_together),
        cmocka_unit_test(numbers_outside_their_range_are_refused),
        cmocka_unit_test(unknown_names_with_our_prefix_are_refused),
        cmocka_unit_test(service_links_of_kubernetes_are_ignored),
        cmocka_unit_test(properties_pass_with_their_dots),
        cmocka_unit_test(secrets_come_from_files),
        cmocka_unit_test(bad_secret_files_are_refused),
        cmocka_unit_test(secrets_are_never_printed),
        cmocka_unit_test(token_in_a_wrong_variable_is_not_reported),
        cmocka_unit_test(a_property_in_lower_case_is_a_typo),
        cmocka_unit_test(token_or_line_break_in_a_name_is_not_reported),
        cmocka_unit_test(reference_lists_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
