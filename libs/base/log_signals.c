#include "libs/base/log_signals.h"

#include <signal.h>

/* A signal handler can reach nothing but globals. */
static volatile sig_atomic_t first_level;
static volatile sig_atomic_t present_level;

static void on_signal(int number)
{
    if (number == SIGUSR2)
        present_level = first_level;
    else if (present_level < LOG_LEVEL_DEBUG)
        present_level = present_level + 1;
    log_set_level((enum log_level)present_level); /* one atomic store */
}

void log_signals_take(enum log_level level)
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    first_level = (sig_atomic_t)level;
    present_level = first_level;
    action.sa_handler = on_signal;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaddset(&action.sa_mask, SIGUSR1);
    (void)sigaddset(&action.sa_mask, SIGUSR2);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGUSR2, &action, NULL);
}
