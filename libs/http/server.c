#include "libs/http/server.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/http/connection.h"
#include "libs/loop/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_MS 250
#define ACCEPTS_PER_ROUND 64
#define LINGER_MS 1000
#define ANSWER_HEAD_BYTES_MAX 16384

static void accept_on(struct http_server *server, bool is_on)
{
    if (server->is_accepting == is_on || server->listen_fd < 0)
        return;
    server->is_accepting = is_on;
    int failed = is_on ? event_add(&server->accept_event, NULL) : event_del(&server->accept_event);
    if (failed != 0)
        mem_exhausted();
}

/* Who holds a connection without asking anything must not keep out who has something to say. */
static bool make_room(struct http_server *server)
{
    struct http_exchange *idlest = deadlines_expired(&server->idle, INT64_MAX);
    if (idlest == NULL)
        return false;
    connection_drop(idlest);
    return server->connections < server->limits.max_connections;
}

static void on_connection(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    struct http_server *server = self;
    for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
        bool is_full = server->connections >= server->limits.max_connections;
        if (is_full && i > 0)
            return; /* whether another one waits is told by the next event */
        if (is_full && !make_room(server)) {
            accept_on(server, false);
            return;
        }
        int connection = listen_accept(fd);
        if (connection < 0) {
            /* Out of descriptors: the sweep tries again, asking at once would only spin. */
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                accept_on(server, false);
            return;
        }
        server->connections++;
        connection_open(server, connection);
    }
}

void server_refused(struct http_server *server, int status)
{
    server->refused++;
    if (server->handler.on_refused != NULL)
        server->handler.on_refused(server->handler.self, status);
}

void server_connection_gone(struct http_server *server)
{
    server->connections--;
    accept_on(server, true);
}

static void format_date(struct http_server *server)
{
    time_t now = (time_t)(now_unix_ms() / 1000);
    struct tm utc = {0};
    (void)gmtime_r(&now, &utc);
    (void)strftime(server->date, sizeof(server->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

static void end_expired(struct http_server *server, const struct deadlines *list, int64_t now_ms)
{
    struct http_exchange *exchange;
    while ((exchange = deadlines_expired(list, now_ms)) != NULL) {
        if (list == &server->answer)
            server_refused(server, 0);
        connection_drop(exchange);
    }
}

static void on_sweep(void *self)
{
    struct http_server *server = self;
    int64_t now_ms = now_monotonic_ms();
    struct http_exchange *exchange;
    while ((exchange = deadlines_expired(&server->request, now_ms)) != NULL)
        connection_refuse(exchange, 408);
    end_expired(server, &server->idle, now_ms);
    end_expired(server, &server->answer, now_ms);
    end_expired(server, &server->linger, now_ms);
    format_date(server);
    accept_on(server,
              server->connections < server->limits.max_connections || server->idle.first != NULL);
    loop_timer_arm(server->sweep, SWEEP_MS);
}

/* NOLINTNEXTLINE(readability-function-size): a constructor takes all that it depends on */
bool http_server_open(struct loop *loop, const char *listen, const struct http_limits *limits,
                      const struct http_handler *handler, struct http_server **out, struct err *err)
{
    int fd;
    int port;
    if (!listen_open(listen, &fd, &port, err))
        return false;
    struct http_server *server = mem_alloc(sizeof(*server));
    server->loop = loop;
    server->limits = *limits;
    server->handler = *handler;
    server->listen_fd = fd;
    server->port = port;
    server->idle.length_ms = limits->idle_ms;
    server->request.length_ms = limits->request_deadline_ms;
    server->handled.length_ms = INT64_MAX;
    server->answer.length_ms = limits->write_deadline_ms;
    server->linger.length_ms = LINGER_MS;
    buf_init(&server->scratch, ANSWER_HEAD_BYTES_MAX);
    (void)event_assign(&server->accept_event, loop_base(loop), fd, EV_READ | EV_PERSIST,
                       on_connection, server);
    accept_on(server, true);
    server->sweep = loop_timer_new(loop, on_sweep, server);
    loop_timer_arm(server->sweep, SWEEP_MS);
    format_date(server);
    *out = server;
    return true;
}

static void stop_listening(struct http_server *server)
{
    accept_on(server, false);
    if (server->listen_fd >= 0)
        (void)close(server->listen_fd);
    server->listen_fd = -1;
}

void http_server_drain(struct http_server *server)
{
    server->is_draining = true;
    stop_listening(server);
    while (server->idle.first != NULL)
        connection_drop(server->idle.first->owner);
}

static void abandon_all(const struct deadlines *list)
{
    while (list->first != NULL) {
        struct http_exchange *exchange = list->first->owner;
        exchange->server = NULL;
        connection_drop(exchange);
    }
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    stop_listening(server);
    abandon_all(&server->idle);
    abandon_all(&server->request);
    abandon_all(&server->handled);
    abandon_all(&server->answer);
    abandon_all(&server->linger);
    loop_timer_free(server->sweep);
    buf_done(&server->scratch);
    free(server);
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

int http_server_connections(const struct http_server *server)
{
    return server->connections;
}

uint64_t http_server_refused(const struct http_server *server)
{
    return server->refused;
}
