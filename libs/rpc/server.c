#include "libs/rpc/server.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/loop/listen.h"
#include "libs/rpc/call.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCEPTS_MAX 64 /* of one wakeup, before connections get their turn */
#define ACCEPT_PAUSE_MS 100
#define WRITE_DEADLINE_MS 20000

struct rpc_limits rpc_limits_standard(void)
{
    return (struct rpc_limits){
        .max_connections = 1000,
        .max_streams = 100,
        .message_max = 1U << 20,
        .header_max = 8U << 10,
        .send_buffer_max = 256U << 10,
        .default_deadline_ms = 5000,
        .max_deadline_ms = 30000,
        .idle_ms = 300000,
        .write_deadline_ms = WRITE_DEADLINE_MS,
    };
}

void rpc_server_refused(const struct rpc_server *server, const struct rpc_refused *refused)
{
    if (server->hook.on_refused != NULL)
        server->hook.on_refused(server->hook.self, refused);
}

/* Somebody with nothing in hand makes room; without one the newcomer has to go. */
static bool make_room(struct rpc_server *server)
{
    struct rpc_connection *idlest = NULL;
    for (struct rpc_connection *c = server->connections; c != NULL; c = c->next) {
        bool is_idle = c->calls == NULL && !rpc_connection_is_unsent(c);
        if (is_idle && (idlest == NULL || c->idle_since_ms < idlest->idle_since_ms))
            idlest = c;
    }
    if (idlest == NULL)
        return false;
    rpc_connection_free(idlest);
    return true;
}

static void take(struct rpc_server *server, int fd)
{
    if (server->connection_count < server->limits.max_connections || make_room(server)) {
        rpc_connection_open(server, fd);
        return;
    }
    rpc_server_refused(server, &(struct rpc_refused){RPC_TOO_MANY_CONNECTIONS, "unknown",
                                                     "none of them is idle", ""});
    (void)close(fd);
}

/* Out of descriptors or memory: leave newcomers in the backlog for a while. */
static void pause_accepting(struct rpc_server *server, int error)
{
    if (!server->is_accept_paused)
        log_warn("cannot accept RPC connections, trying again", LOG_TEXT("error", strerror(error)));
    server->is_accept_paused = true;
    loop_watch_want(server->watch, false, false);
    loop_timer_arm(server->accept_timer, ACCEPT_PAUSE_MS);
}

static void on_accept_timer(void *self)
{
    struct rpc_server *server = self;
    if (server->watch != NULL)
        loop_watch_want(server->watch, true, false);
}

static void on_accept(void *self, bool readable, bool writable)
{
    struct rpc_server *server = self;
    (void)readable;
    (void)writable;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = listen_accept(server->fd);
        if (fd >= 0) {
            server->is_accept_paused = false;
            take(server, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(server, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void on_flush(void *self)
{
    struct rpc_server *server = self;
    struct rpc_connection *list = server->touched;
    server->touched = NULL; /* whoever is touched from here on has its turn next time */
    if (list != NULL)
        list->touched_link = &list;
    while (list != NULL)
        rpc_connection_flush(list);
}

static void init_auths(struct rpc_server *server, const struct rpc_options *options)
{
    server->auth_count = options->service_count + 1;
    server->auths = mem_array(server->auth_count, sizeof(*server->auths));
    rpc_auth_init(&server->auths[0], options->tokens, options->token_count);
    for (size_t i = 0; i < options->service_count; i++)
        rpc_auth_init(&server->auths[i + 1], options->services[i].tokens,
                      options->services[i].token_count);
}

bool rpc_server_open(struct loop *loop, const char *listen, const struct rpc_options *options,
                     struct rpc_server **out, struct err *err)
{
    struct rpc_server *server = mem_alloc(sizeof(*server));
    server->loop = loop;
    server->limits = options->limits;
    if (server->limits.write_deadline_ms == 0)
        server->limits.write_deadline_ms = WRITE_DEADLINE_MS;
    server->hook = options->hook;
    server->fd = -1;
    rpc_methods_init(&server->methods, options->services, options->service_count);
    server->health = rpc_health_new(&server->methods, options->services, options->service_count);
    init_auths(server, options);
    rpc_session_setup_init(&server->setup);
    server->flush_timer = loop_timer_new(loop, on_flush, server);
    server->accept_timer = loop_timer_new(loop, on_accept_timer, server);
    if (!listen_open(listen, &server->fd, &server->port, err)) {
        rpc_server_free(server);
        return false;
    }
    server->watch = loop_watch_new(loop, server->fd, on_accept, server);
    loop_watch_want(server->watch, true, false);
    *out = server;
    return true;
}

int rpc_server_port(const struct rpc_server *server)
{
    return server->port;
}

void rpc_server_set_serving(struct rpc_server *server, bool serving)
{
    rpc_health_set_serving(server->health, serving);
}

static void stop_listening(struct rpc_server *server)
{
    loop_watch_free(server->watch);
    server->watch = NULL;
    if (server->fd >= 0)
        (void)close(server->fd);
    server->fd = -1;
}

void rpc_server_drain(struct rpc_server *server)
{
    if (server->is_draining)
        return;
    server->is_draining = true;
    stop_listening(server);
    rpc_health_drain(server->health);
    for (struct rpc_connection *c = server->connections; c != NULL; c = c->next)
        rpc_connection_drain(c);
}

int rpc_server_calls(const struct rpc_server *server)
{
    int count = server->call_count;
    for (const struct rpc_connection *c = server->connections; c != NULL; c = c->next)
        count += rpc_connection_is_unsent(c);
    return count;
}

void rpc_server_free(struct rpc_server *server)
{
    if (server == NULL)
        return;
    stop_listening(server);
    while (server->connections != NULL)
        rpc_connection_free(server->connections);
    while (server->orphans != NULL)
        rpc_call_server_gone(server->orphans);
    loop_timer_free(server->flush_timer);
    loop_timer_free(server->accept_timer);
    rpc_health_free(server->health);
    rpc_session_setup_done(&server->setup);
    for (size_t i = 0; i < server->auth_count; i++)
        rpc_auth_done(&server->auths[i]);
    free(server->auths);
    rpc_methods_done(&server->methods);
    free(server);
}
