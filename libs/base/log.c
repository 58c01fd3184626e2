#include "libs/base/log.h"

#include "libs/base/log_line.h"
#include "libs/base/now.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TIMESTAMP_BYTES sizeof("2026-01-02T03:04:05.678Z")

static struct {
    const char *service;
    const char *version;
    enum log_format format;
    _Atomic int level;
    _Atomic uint64_t dropped;
    pthread_mutex_t writing;
} state = {
    .service = "",
    .version = "",
    .level = LOG_LEVEL_INFO,
    .writing = PTHREAD_MUTEX_INITIALIZER,
};

static const char *const LEVELS[] = {"error", "warn", "info", "debug"};

void log_init(const char *service, const char *version, enum log_level level,
              enum log_format format)
{
    state.service = service;
    state.version = version;
    state.format = format;
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
}

const char *log_service(void)
{
    return state.service;
}

const char *log_version(void)
{
    return state.version;
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&state.dropped, memory_order_relaxed);
}

static void format_now(char out[TIMESTAMP_BYTES])
{
    int64_t now_ms = now_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc = {0};
    (void)gmtime_r(&seconds, &utc);
    char date[sizeof("2026-01-02T03:04:05")];
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, TIMESTAMP_BYTES, "%s.%03dZ", date, (int)(now_ms % 1000));
}

/* Waiting for room would stop the work that is being logged. A pipe that polls writable takes
 * PIPE_BUF bytes at once, which a line never exceeds; the lock keeps a second thread from taking
 * the room. */
static bool write_now(struct bytes line)
{
    struct pollfd target = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&target, 1, 0) != 1 || (target.revents & POLLOUT) == 0)
        return false;
    ssize_t done;
    do
        done = write(STDERR_FILENO, line.data, line.len);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)line.len;
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t count)
{
    if ((int)level > atomic_load_explicit(&state.level, memory_order_relaxed))
        return;
    char now[TIMESTAMP_BYTES];
    format_now(now);

    struct log_line line;
    log_line_begin(&line, state.format);
    log_line_text(&line, "ts", now);
    log_line_text(&line, "level", LEVELS[level]);
    log_line_text(&line, "service", state.service);
    log_line_text(&line, "version", state.version);
    log_line_text(&line, "msg", msg);
    for (size_t i = 0; i < count; i++)
        if (fields[i].kind == LOG_FIELD_INT)
            log_line_int(&line, fields[i].key, fields[i].number);
        else if (fields[i].kind == LOG_FIELD_TEXT)
            log_line_text(&line, fields[i].key, fields[i].text);
    struct bytes text = log_line_end(&line);

    int errno_kept = errno;
    (void)pthread_mutex_lock(&state.writing);
    bool is_written = write_now(text);
    (void)pthread_mutex_unlock(&state.writing);
    if (!is_written)
        (void)atomic_fetch_add_explicit(&state.dropped, 1, memory_order_relaxed);
    errno = errno_kept;
}
