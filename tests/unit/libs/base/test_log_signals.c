#include "libs/base/log_signals.h"

#include "tests/support/capture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* How many of three lines, of levels warn to debug, are written. */
static int lines(void)
{
    char text[2048];
    int count = 0;
    struct capture capture = capture_begin();
    log_warn("line");
    log_info("line");
    log_debug("line");
    size_t len = capture_end(&capture, text, sizeof(text) - 1);
    text[len] = '\0';
    for (const char *at = text; (at = strstr(at, "msg=line")) != NULL; at++)
        count++;
    return count;
}

static void usr1_adds_a_level_and_usr2_goes_back(void **state)
{
    (void)state;
    log_init("t", "v", LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    log_signals_take(LOG_LEVEL_WARN);
    assert_int_equal(lines(), 1);
    static const int numbers[] = {SIGUSR1, SIGUSR1, SIGUSR1, SIGUSR2, SIGUSR1, SIGUSR2, SIGUSR2};
    static const int wanted[] = {2, 3, 3, 1, 2, 1, 1};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        assert_int_equal(raise(numbers[i]), 0);
        assert_int_equal(lines(), wanted[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usr1_adds_a_level_and_usr2_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
