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

static struct {
    char *point; /* NULL: no crash wanted */
    int64_t load_min;
    const char *bug; /* NULL: none planted */
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

static void read_crash(const char *const *points)
{
    const char *value = getenv("TELEFACT_CRASH_AT");
    if (value == NULL)
        return;
    const char *colon = strchr(value, ':');
    size_t len = colon == NULL ? strlen(value) : (size_t)(colon - value);
    int64_t load_min = INT64_MIN;
    bool load_is_good = colon == NULL || bytes_get_int64(bytes_of_text(colon + 1), &load_min);
    if (!load_is_good || !is_listed(points, (struct bytes){value, len}))
        refuse("TELEFACT_CRASH_AT", value);

    free(wanted.point);
    wanted.point = strndup(value, len);
    wanted.load_min = load_min;
}

void fault_init(const char *const *points, const char *const *bugs)
{
    read_crash(points);
    wanted.bug = getenv("TELEFACT_PLANT");
    if (wanted.bug != NULL && !is_listed(bugs, bytes_of_text(wanted.bug)))
        refuse("TELEFACT_PLANT", wanted.bug);
}

static void note_crash(const char *point, int64_t load)
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

void fault_point(const char *point, int64_t load)
{
    if (wanted.point == NULL || load < wanted.load_min || strcmp(point, wanted.point) != 0)
        return;
    note_crash(point, load);
    (void)kill(getpid(), SIGKILL);
    (void)pause(); /* SIGKILL ends the process before this returns */
}

bool fault_planted(const char *bug)
{
    return wanted.bug != NULL && strcmp(bug, wanted.bug) == 0;
}

#endif
