#include "libs/base/log.h"

#include "tests/support/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void line_has_time_level_service_and_fields(void **state)
{
    (void)state;
    char text[1024];
    log_init("telefact-test", "1.2.3", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    struct capture capture = capture_begin();
    log_warn("record not delivered", LOG_INT("update_id", 7), LOG_TEXT("error", "timed out"));
    log_error("bare");
    (void)capture_end(&capture, text, sizeof(text));

    int year = 0;
    int ms = 0;
    assert_int_equal(sscanf(text, "ts=%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ ", &year, &ms), 2);
    assert_true(year >= 2025);
    assert_non_null(strstr(text, "Z level=warn service=telefact-test version=1.2.3 "
                                 "msg=\"record not delivered\" update_id=7 error=\"timed out\"\n"));
    assert_non_null(strstr(text, "level=error service=telefact-test version=1.2.3 msg=bare\n"));
    assert_string_equal(log_service(), "telefact-test");
    assert_string_equal(log_version(), "1.2.3");
}

static void levels_below_are_silent(void **state)
{
    (void)state;
    char text[1024];
    log_init("t", "v", LOG_LEVEL_WARN, LOG_FORMAT_JSON);
    struct capture capture = capture_begin();
    log_info("no");
    log_debug("no");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("yes");
    (void)capture_end(&capture, text, sizeof(text));
    assert_null(strstr(text, "no"));
    assert_non_null(
        strstr(text, "\"level\":\"debug\",\"service\":\"t\",\"version\":\"v\",\"msg\":\"yes\"}\n"));
}

/* A log call that waited for room would hang here for ever. */
static void full_pipe_drops_and_counts(void **state)
{
    (void)state;
    static char text[1 << 20];
    static char value[2000];
    memset(value, 'x', sizeof(value) - 1);
    log_init("t", "v", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    uint64_t dropped = log_dropped();
    struct capture capture = capture_begin();
    for (int i = 0; i < 200; i++)
        log_info("long", LOG_TEXT("value", value));
    size_t len = capture_end(&capture, text, sizeof(text));

    size_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    assert_true(lines > 0);
    assert_true(log_dropped() > dropped);
    assert_int_equal(lines + (log_dropped() - dropped), 200);
}

static void closed_standard_error_is_survived(void **state)
{
    (void)state;
    uint64_t dropped = log_dropped();
    int kept = dup(STDERR_FILENO);
    (void)close(STDERR_FILENO);
    log_info("nobody hears this");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    assert_int_equal(log_dropped(), dropped + 1);
}

static void *log_many(void *self)
{
    for (int i = 0; i < 50; i++)
        log_info("from a thread", LOG_TEXT("who", self));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    static char text[1 << 16];
    log_init("t", "v", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    struct capture capture = capture_begin();
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)capture_end(&capture, text, sizeof(text));

    int lines = 0;
    char *rest = text;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_memory_equal(line, "ts=", 3);
        assert_non_null(strstr(line, " msg=\"from a thread\" who="));
        lines++;
    }
    assert_int_equal(lines, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_level_service_and_fields),
        cmocka_unit_test(levels_below_are_silent),
        cmocka_unit_test(full_pipe_drops_and_counts),
        cmocka_unit_test(closed_standard_error_is_survived),
        cmocka_unit_test(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
