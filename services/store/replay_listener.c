#include "services/store/replay_listener.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/loop/loop.h"
#include "libs/ops/admin.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct replay_listener {
    struct loop *loop;
    struct admin *admin;
    struct admin_check check;
    pthread_t thread;
    bool has_thread;
};

static void *run(void *self)
{
    struct replay_listener *listener = self;
    loop_run(listener->loop);
    return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(struct replay_listener *listener, struct err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&listener->thread, NULL, run, listener);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    listener->has_thread = error == 0;
    return error == 0 || err_set(err, ERR_FATAL, "cannot start a thread");
}

bool replay_listener_open(const char *listen, struct replay_listener **out, struct err *err)
{
    struct replay_listener *listener = mem_alloc(sizeof(*listener));
    listener->loop = loop_new();
    listener->check = (struct admin_check){"loop", ADMIN_LIVE, admin_loop_holds, listener->loop};
    if (!admin_open(listener->loop, listen, &listener->check, 1, &listener->admin, err) ||
        !start_thread(listener, err)) {
        replay_listener_free(listener);
        return false;
    }
    log_info("metrics are served", LOG_TEXT("listen", listen),
             LOG_INT("port", admin_port(listener->admin)));
    *out = listener;
    return true;
}

void replay_listener_free(struct replay_listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->has_thread) {
        loop_stop(listener->loop);
        (void)pthread_join(listener->thread, NULL);
    }
    admin_free(listener->admin);
    loop_free(listener->loop);
    free(listener);
}
