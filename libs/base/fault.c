#include "libs/base/fault.h"

#ifdef TELEFACT_FAULTS

#include "libs/base/bytes.h"
#include "libs/base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_CONFIGURATION 78

struct wanted_signal {
    char *point; /* NULL: nothing wanted */
    int64_t load_min;
};

static struct {
    struct wanted_signal crash;
    struct wanted_signal stop; /* once */
    const char *bug;           /* NULL: none planted */
} wanted;

static bool is_listed(const char *const *names, struct bytes name)
{
    for (; *names != NULL; names++)
        if (bytes_equal(bytes_of_text(*names), name))
            return true;
    return false;
}

static void refuse(const char *variable, const char *value)
{
    log_error("unknown name for a fault", LOG_TEXT("variable", variable), LOG_TEXT("value", value));
    exit(EXIT_CONFIGURATION);
}

static void read_signal(const char *variable, const char *const *points, struct wanted_signal *out)
{
    const char *value = getenv(variable);
    if (value == NULL)
        return;
    const char *colon = strchr(value, ':');
    size_t len = colon == NULL ? strlen(value) : (size_t)(colon - value);
    int64_t load_min = INT64_MIN;
    bool load_is_good = colon == NULL || bytes_get_int64(bytes_of_text(colon + 1), &load_min);
    if (!load_is_good || !is_listed(points, (struct bytes){value, len}))
        refuse(variable, value);

    free(out->point);
    *out = (struct wanted_signal){strndup(value, len), load_min};
}

void fault_init(const char *const *points, const char *const *bugs)
{
    read_signal("TELEFACT_CRASH_AT", points, &wanted.crash);
    read_signal("TELEFACT_STOP_AT", points, &wanted.stop);
    wanted.bug = getenv("TELEFACT_PLANT");
    if (wanted.bug != NULL && !is_listed(bugs, bytes_of_text(wanted.bug)))
        refuse("TELEFACT_PLANT", wanted.bug);
}

static void note_signal(const char *point, int64_t load)
{
    const char *path = getenv("TELEFACT_CRASH_LOG");
    if (path == NULL)
        return;
    char line[256];
    int len = snprintf(line, sizeof(line), "%s %" PRId64 "\n", point, load);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || len < 0 || write(fd, line, (size_t)len) != len)
        log_error("crash log not written", LOG_TEXT("path", path));
    if (fd >= 0)
        (void)close(fd);
}

static bool is_due(const struct wanted_signal *wanted_signal, const char *point, int64_t load)
{
    return wanted_signal->point != NULL && load >= wanted_signal->load_min &&
           strcmp(point, wanted_signal->point) == 0;
}

void fault_point(const char *point, int64_t load)
{
    if (is_due(&wanted.crash, point, load)) {
        note_signal(point, load);
        (void)kill(getpid(), SIGKILL);
        (void)pause(); /* SIGKILL ends the process before this returns */
    }
    if (is_due(&wanted.stop, point, load)) {
        note_signal(point, load);
        wanted.stop.load_min = INT64_MAX;
        (void)raise(SIGSTOP); /* to this thread: it takes no further step, whatever others do */
    }
}

bool fault_planted(const char *bug)
{
    return wanted.bug != NULL && strcmp(bug, wanted.bug) == 0;
}

int64_t fault_clock_skew_ms(void)
{
    const char *path = getenv("TELEFACT_CLOCK_FILE");
    if (path == NULL)
        return 0;
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        (void)close(fd);
    int64_t skew_ms = 0;
    bool is_number = len > 0 && bytes_get_int64((struct bytes){text, (size_t)len}, &skew_ms);
    return is_number ? skew_ms : 0;
}

#endif
