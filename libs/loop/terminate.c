#include "libs/loop/terminate.h"

#include "libs/base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct terminate {
    struct loop_watch *watch;
    int fd;
    loop_fn fn;
    void *self;
    struct sigaction old_term;
    struct sigaction old_int;
    struct sigaction old_hup;
};

/* A signal handler can reach nothing but globals. */
static volatile sig_atomic_t signal_fd = -1;
static volatile sig_atomic_t signal_count;

/* In the handler, not on the loop: the second signal must also end a loop that hangs. */
static void on_signal(int number)
{
    (void)number;
    if (signal_count > 0)
        _exit(EXIT_FAILURE);
    signal_count = 1;
    int kept = errno;
    const uint64_t one = 1;
    ssize_t done = write((int)signal_fd, &one, sizeof(one));
    (void)done;
    errno = kept;
}

static void on_readable(void *self, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct terminate *terminate = self;
    uint64_t count;
    ssize_t done = read(terminate->fd, &count, sizeof(count));
    (void)done;
    terminate->fn(terminate->self);
}

/* Who starts a program with SIGHUP ignored (nohup) wants it to outlive the terminal. */
static void take_hangup(struct terminate *terminate, const struct sigaction *action)
{
    (void)sigaction(SIGHUP, NULL, &terminate->old_hup);
    if (terminate->old_hup.sa_handler != SIG_IGN)
        (void)sigaction(SIGHUP, action, NULL);
}

struct terminate *terminate_new(struct loop *loop, loop_fn fn, void *self)
{
    struct terminate *terminate = mem_alloc(sizeof(*terminate));
    terminate->fn = fn;
    terminate->self = self;
    terminate->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (terminate->fd < 0)
        mem_exhausted();
    terminate->watch = loop_watch_new(loop, terminate->fd, on_readable, terminate);
    loop_watch_want(terminate->watch, true, false);

    signal_count = 0;
    signal_fd = terminate->fd;
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = on_signal;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaddset(&action.sa_mask, SIGTERM);
    (void)sigaddset(&action.sa_mask, SIGINT);
    (void)sigaddset(&action.sa_mask, SIGHUP);
    (void)sigaction(SIGTERM, &action, &terminate->old_term);
    (void)sigaction(SIGINT, &action, &terminate->old_int);
    take_hangup(terminate, &action);
    (void)signal(SIGPIPE, SIG_IGN);
    return terminate;
}

void terminate_free(struct terminate *terminate)
{
    if (terminate == NULL)
        return;
    (void)sigaction(SIGTERM, &terminate->old_term, NULL);
    (void)sigaction(SIGINT, &terminate->old_int, NULL);
    (void)sigaction(SIGHUP, &terminate->old_hup, NULL);
    signal_fd = -1;
    loop_watch_free(terminate->watch);
    (void)close(terminate->fd);
    free(terminate);
}
