#include "libs/base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef TELEFACT_FAULTS

static const char *const POINTS[] = {"store.before_commit", "store.after_commit", NULL};
static const char *const BUGS[] = {"store.no_fence", NULL};
static char log_path[] = "/tmp/telefact-fault-XXXXXX";

static void pass_points(void)
{
    fault_init(POINTS, BUGS);
    fault_point("store.before_commit", 500);
    fault_point("store.after_commit", 99);
    fault_point("store.after_commit", 100);
    _exit(0);
}

static void ask_for_bug(void)
{
    fault_init(POINTS, BUGS);
    _exit(fault_planted("store.no_fence") && !fault_planted("store.other") ? 7 : 0);
}

/* The wait status of a child that runs with one variable set. */
static int status_of_child(const char *name, const char *value, void (*run)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)close(STDERR_FILENO);
        (void)setenv(name, value, 1);
        (void)setenv("TELEFACT_CRASH_LOG", log_path, 1);
        run();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void crash_comes_at_the_point_with_the_load(void **state)
{
    (void)state;
    int fd = mkstemp(log_path);
    assert_true(fd >= 0);
    int status = status_of_child("TELEFACT_CRASH_AT", "store.after_commit:100", pass_points);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);

    char line[64] = {0};
    assert_true(read(fd, line, sizeof(line) - 1) > 0);
    assert_string_equal(line, "store.after_commit 100\n");
    (void)close(fd);
    (void)unlink(log_path);
}

static void stop_comes_once_and_the_process_goes_on(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("TELEFACT_STOP_AT", "store.after_commit:99", 1);
        pass_points();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_crash_below_the_load(void **state)
{
    (void)state;
    int status = status_of_child("TELEFACT_CRASH_AT", "store.after_commit:101", pass_points);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void planted_bug_is_on(void **state)
{
    (void)state;
    int status = status_of_child("TELEFACT_PLANT", "store.no_fence", ask_for_bug);
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void typos_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"store.after_comit", "store.after_commit:x", "", ":1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int status = status_of_child("TELEFACT_CRASH_AT", bad[i], pass_points);
        assert_int_equal(WEXITSTATUS(status), 78);
    }
    int status = status_of_child("TELEFACT_PLANT", "store.nofence", ask_for_bug);
    assert_int_equal(WEXITSTATUS(status), 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_comes_at_the_point_with_the_load),
        cmocka_unit_test(stop_comes_once_and_the_process_goes_on),
        cmocka_unit_test(no_crash_below_the_load),
        cmocka_unit_test(planted_bug_is_on),
        cmocka_unit_test(typos_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void nothing_is_planted_without_faults(void **state)
{
    (void)state;
    fault_init(NULL, NULL);
    fault_point("any", 1);
    assert_false(fault_planted("any"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_planted_without_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
