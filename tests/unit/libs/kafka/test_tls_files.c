#include "libs/kafka/tls_files.h"

#include "libs/base/log.h"
#include "libs/base/now.h"
#include "tests/support/capture.h"
#include "tests/support/certificates.h"
#include "tests/support/metrics_text.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GOOD_S INT64_C(4000000000)
#define BETTER_S INT64_C(4100000000)
#define AGAIN_MS 30000
#define OF_NO_USE "refusals_total{where=\"kafka\",code=\"certificates_of_no_use\"}"

static struct certificates certificates;
static char ca[2 * CERTIFICATES_PATH_MAX];
static char certificate[2 * CERTIFICATES_PATH_MAX];
static char key[2 * CERTIFICATES_PATH_MAX];
static struct setting_pair pairs[] = {
    {(char[]){"ssl.ca.location"}, ca},
    {(char[]){"ssl.certificate.location"}, certificate},
    {(char[]){"ssl.key.location"}, key},
    {(char[]){"client.id"}, (char[]){"not a file"}},
};
static const struct settings_pairs passed = {pairs, sizeof(pairs) / sizeof(*pairs)};

static void write_all(int64_t expires_s)
{
    certificates_write_pem(&certificates, "ca.pem", (const int64_t[]){expires_s, BETTER_S}, 2);
    certificates_write_pem(&certificates, "own.pem", &expires_s, 1);
    certificates_write_pem(&certificates, "own.key", NULL, 0);
}

static int set_up_all(void **state)
{
    (void)state;
    certificates_init(&certificates);
    certificates_path(&certificates, "ca.pem", ca);
    certificates_path(&certificates, "own.pem", certificate);
    certificates_path(&certificates, "own.key", key);
    write_all(GOOD_S);
    log_init("telefact-test", "1", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    tls_files_add_metrics(&passed);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    certificates_done(&certificates);
    return 0;
}

static int set_up(void **state)
{
    write_all(GOOD_S);
    *state = tls_files_new(&passed);
    return *state == NULL ? 1 : 0;
}

static int tear_down(void **state)
{
    tls_files_free(*state);
    return 0;
}

static void without_files_there_is_nothing_to_look_at(void **state)
{
    (void)state;
    struct setting_pair probe[] = {{(char[]){"ssl.ca.location"}, (char[]){"probe"}},
                                   {(char[]){"ssl.key.location"}, (char[]){""}}};
    const struct settings_pairs none = {0};
    const struct settings_pairs no_file = {probe, 2};
    assert_null(tls_files_new(&none));
    assert_null(tls_files_new(&no_file));
    assert_false(tls_files_look(NULL, 0));
    tls_files_free(NULL);
}

static void files_that_stay_tell_nothing(void **state)
{
    for (int i = 0; i < 5; i++)
        assert_false(tls_files_look(*state, (int64_t)i * TLS_FILES_LOOK_MS));
}

static void a_change_is_told_when_it_stands_still(void **state)
{
    struct tls_files *files = *state;
    certificates_write_pem(&certificates, "own.pem", (const int64_t[]){BETTER_S}, 1);
    assert_false(tls_files_look(files, 1000)); /* the key may follow */
    certificates_write_pem(&certificates, "own.key", NULL, 0);
    assert_false(tls_files_look(files, 2000));
    assert_true(tls_files_look(files, 3000));
    tls_files_taken(files);
    assert_false(tls_files_look(files, 4000));
    assert_false(tls_files_look(files, 3000 + 2 * AGAIN_MS));
}

static void every_file_counts(void **state)
{
    struct tls_files *files = *state;
    static const char *const names[] = {"ca.pem", "own.pem", "own.key"};
    int64_t now_ms = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        certificates_write_pem(&certificates, names[i], (const int64_t[]){BETTER_S}, 1);
        assert_false(tls_files_look(files, ++now_ms));
        assert_true(tls_files_look(files, ++now_ms));
        tls_files_taken(files);
    }
}

static void a_file_written_in_place_has_changed_too(void **state)
{
    struct tls_files *files = *state;
    certificates_write_text(&certificates, "own.key", "shorter\n");
    assert_false(tls_files_look(files, 1));
    assert_true(tls_files_look(files, 2));
}

static void what_is_not_taken_is_told_again_after_a_while(void **state)
{
    struct tls_files *files = *state;
    certificates_write_text(&certificates, "own.pem", "no certificate\n");
    assert_false(tls_files_look(files, 1000));
    assert_true(tls_files_look(files, 2000));
    tls_files_refused("of no use");
    assert_false(tls_files_look(files, 3000));
    assert_false(tls_files_look(files, 1999 + AGAIN_MS));
    assert_true(tls_files_look(files, 2000 + AGAIN_MS));
    /* Another change is told at once. */
    certificates_remove(&certificates, "own.pem");
    assert_false(tls_files_look(files, 2001 + AGAIN_MS));
    assert_true(tls_files_look(files, 2002 + AGAIN_MS));
}

static void metrics_tell_of_what_is_in_use(void **state)
{
    struct tls_files *files = *state;
    static const char renewed[] = "kafka_certificate_expiry_timestamp_seconds{file=\"certificate\","
                                  "certificate=\"first\"} 4100000000\n";
    assert_false(metrics_text_has("file=\"key\""));
    assert_false(metrics_text_has("file=\"keystore\""));
    assert_true(metrics_text_has("kafka_certificate_expiry_timestamp_seconds{file=\"certificate\","
                                 "certificate=\"first\"} 4000000000\n"));
    assert_true(metrics_text_has("kafka_certificate_expiry_timestamp_seconds{file=\"ca\","
                                 "certificate=\"first\"} 4000000000\n"));
    assert_true(metrics_text_has("kafka_certificate_expiry_timestamp_seconds{file=\"ca\","
                                 "certificate=\"last\"} 4100000000\n"));

    certificates_write_pem(&certificates, "own.pem", (const int64_t[]){BETTER_S}, 1);
    assert_false(tls_files_look(files, 1));
    assert_true(tls_files_look(files, 2));
    assert_false(metrics_text_has(renewed));
    tls_files_taken(files);
    assert_true(metrics_text_has(renewed));
}

static void outcomes_are_counted_and_a_refusal_is_an_alarm(void **state)
{
    char text[2048];
    (void)state;
    assert_true(metrics_text_has("kafka_certificate_reloads_total "));
    assert_true(metrics_text_has(OF_NO_USE " "));
    struct capture capture = capture_begin();
    tls_files_refused("not a certificate");
    (void)capture_end(&capture, text, sizeof(text));
    assert_non_null(strstr(text, "level=error"));
    assert_non_null(
        strstr(text, "where=kafka code=certificates_of_no_use why=\"not a certificate\""));
    assert_false(metrics_text_has(OF_NO_USE " 0\n"));
}

/* The lines of a look at files that are in use. */
static void look_and_hear(struct tls_files *files, int64_t now_ms, char *text, size_t size)
{
    struct capture capture = capture_begin();
    bool has_changed = tls_files_look(files, now_ms);
    (void)capture_end(&capture, text, size);
    assert_false(has_changed);
}

static void what_has_expired_is_an_alarm_once_an_hour(void **state)
{
    char text[4096];
    (void)state;
    write_all(now_unix_ms() / 1000 - 10);
    struct tls_files *files = tls_files_new(&passed);
    look_and_hear(files, 1000, text, sizeof(text));
    assert_non_null(strstr(text, "level=error"));
    assert_non_null(strstr(text, "code=certificate_expired file=certificate path="));
    /* Of the authorities one is still good, and a key does not expire. */
    assert_null(strstr(text, "file=ca"));
    assert_null(strstr(text, "file=key"));
    look_and_hear(files, 2000, text, sizeof(text));
    assert_string_equal(text, "");
    look_and_hear(files, 3602000, text, sizeof(text));
    assert_non_null(strstr(text, "code=certificate_expired"));
    tls_files_free(files);
}

static void a_folder_of_authorities_is_watched_without_dates(void **state)
{
    (void)state;
    char folder[2 * CERTIFICATES_PATH_MAX];
    struct setting_pair pair[] = {{(char[]){"ssl.ca.location"}, folder}};
    const struct settings_pairs only = {pair, 1};
    (void)snprintf(folder, sizeof(folder), "%s", certificates.folder);
    struct tls_files *files = tls_files_new(&only);
    assert_false(tls_files_look(files, 1));
    certificates_write_pem(&certificates, "more.pem", (const int64_t[]){BETTER_S}, 1);
    assert_false(tls_files_look(files, 2));
    assert_true(tls_files_look(files, 3));
    tls_files_free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_files_there_is_nothing_to_look_at),
        cmocka_unit_test_setup_teardown(files_that_stay_tell_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_is_told_when_it_stands_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_file_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_written_in_place_has_changed_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_taken_is_told_again_after_a_while, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(metrics_tell_of_what_is_in_use, set_up, tear_down),
        cmocka_unit_test(outcomes_are_counted_and_a_refusal_is_an_alarm),
        cmocka_unit_test(what_has_expired_is_an_alarm_once_an_hour),
        cmocka_unit_test(a_folder_of_authorities_is_watched_without_dates),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
