#include "libs/rpc/connection.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/rpc/call.h"
#include "libs/rpc/state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_BYTES_FULL \
    (64U << 10) /* no more frames are made while this much waits for the socket */
#define OUT_BYTES_MAX (256U << 10) /* one frame above it at most */
#define OUT_BYTES_KEPT (16U << 10)
#define ROUNDS_MAX 16 /* of making and sending frames before others get their turn */
#define GREETING_MS 10000
#define NOTICE_MS 1000 /* for calls that were on their way when the first GOAWAY went out */
#define CLOSE_MS 1000

enum push_result {
    PUSH_DONE,    /* nothing is left */
    PUSH_MORE,    /* there is more, but it is the turn of others */
    PUSH_BLOCKED, /* the socket is full */
    PUSH_BROKEN,  /* socket or session are beyond repair */
};

bool rpc_connection_is_unsent(const struct rpc_connection *connection)
{
    bool has_bytes = connection->out.len > connection->out_sent;
    return has_bytes || connection->drain == RPC_DRAIN_CLOSED;
}

static void untouch(struct rpc_connection *connection)
{
    if (connection->touched_link == NULL)
        return;
    *connection->touched_link = connection->touched_next;
    if (connection->touched_next != NULL)
        connection->touched_next->touched_link = connection->touched_link;
    connection->touched_link = NULL;
}

void rpc_connection_touch(struct rpc_connection *connection)
{
    struct rpc_server *server = connection->server;
    if (connection->is_busy || connection->touched_link != NULL)
        return;
    if (server->touched == NULL)
        loop_timer_arm(server->flush_timer, 0);
    connection->touched_next = server->touched;
    connection->touched_link = &server->touched;
    if (server->touched != NULL)
        server->touched->touched_link = &connection->touched_next;
    server->touched = connection;
}

void rpc_connection_free(struct rpc_connection *connection)
{
    struct rpc_server *server = connection->server;
    connection->is_busy = true; /* nothing is sent any more */
    while (connection->calls != NULL)
        rpc_call_stream_gone(connection->calls);
    untouch(connection);
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    server->connection_count--;
    loop_watch_free(connection->watch);
    loop_timer_free(connection->timer);
    nghttp2_session_del(connection->session);
    (void)close(connection->fd);
    buf_done(&connection->out);
    free(connection);
}

/* Turn what nghttp2 has to send into bytes of `out`. False: the session is beyond repair. */
static bool fill(struct rpc_connection *connection)
{
    while (connection->out.len < OUT_BYTES_FULL) {
        const uint8_t *data = NULL;
        ssize_t len = nghttp2_session_mem_send(connection->session, &data);
        if (len <= 0)
            return len == 0;
        if (!buf_append(&connection->out, data, (size_t)len))
            return false;
    }
    return true;
}

static enum push_result push(struct rpc_connection *connection)
{
    struct buf *out = &connection->out;
    while (connection->out_sent < out->len) {
        ssize_t sent = send(connection->fd, out->data + connection->out_sent,
                            out->len - connection->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? PUSH_BLOCKED : PUSH_BROKEN;
        connection->out_sent += (size_t)sent;
        connection->blocked_since_ms = 0;
    }
    buf_clear(out);
    if (out->capacity > OUT_BYTES_KEPT)
        buf_done(out);
    connection->out_sent = 0;
    return PUSH_DONE;
}

/* Let handlers that wait write. True when one did. */
static bool notify_writers(struct rpc_connection *connection)
{
    if (!connection->has_writers)
        return false;
    connection->has_writers = false;
    bool has_told = false;
    for (struct rpc_call *call = connection->calls; call != NULL; call = call->next) {
        has_told = rpc_call_notify_writable(call) || has_told;
        connection->has_writers = connection->has_writers || call->writable_fn != NULL;
    }
    return has_told;
}

/* Make and send frames until there are no more or the socket is full. */
static enum push_result send_all(struct rpc_connection *connection)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!fill(connection))
            return PUSH_BROKEN;
        enum push_result result = push(connection);
        if (result != PUSH_DONE)
            return result;
        bool is_more = notify_writers(connection);
        if (!is_more && nghttp2_session_want_write(connection->session) == 0)
            return PUSH_DONE;
    }
    return PUSH_MORE;
}

static void want(struct rpc_connection *connection, bool readable, bool writable)
{
    if (connection->wants_read == readable && connection->wants_write == writable)
        return;
    connection->wants_read = readable;
    connection->wants_write = writable;
    loop_watch_want(connection->watch, readable, writable);
}

/* Everything was sent and nothing may come: let the client close, or it might lose the end of what
 * we sent. */
static void begin_close(struct rpc_connection *connection)
{
    connection->drain = RPC_DRAIN_CLOSED;
    connection->drain_since_ms = now_monotonic_ms();
    (void)shutdown(connection->fd, SHUT_WR);
    want(connection, true, false);
    rpc_connection_wake_at(connection, connection->drain_since_ms + CLOSE_MS);
}

static void after_block(struct rpc_connection *connection)
{
    if (connection->blocked_since_ms == 0) {
        connection->blocked_since_ms = now_monotonic_ms();
        rpc_connection_wake_at(connection, connection->blocked_since_ms +
                                               connection->server->limits.write_deadline_ms);
    }
    /* A peer that does not take answers may not ask for more. */
    want(connection, false, true);
}

void rpc_connection_flush(struct rpc_connection *connection)
{
    untouch(connection);
    if (connection->drain == RPC_DRAIN_CLOSED)
        return;
    connection->is_busy = true;
    enum push_result result = send_all(connection);
    connection->is_busy = false;
    switch (result) {
    case PUSH_DONE:
        if (nghttp2_session_want_read(connection->session) == 0)
            begin_close(connection);
        else
            want(connection, true, false);
        return;
    case PUSH_MORE:
        want(connection, true, false);
        rpc_connection_touch(connection);
        return;
    case PUSH_BLOCKED:
        after_block(connection);
        return;
    case PUSH_BROKEN:
        rpc_connection_free(connection);
        return;
    }
}

/* The socket has bytes that nobody wants; false once the client closed it. */
static bool discard(struct rpc_connection *connection)
{
    ssize_t len = recv(connection->fd, connection->server->read_buffer, RPC_READ_BYTES, 0);
    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

void rpc_connection_refused(struct rpc_connection *connection, enum rpc_refusal refusal,
                            const char *detail)
{
    unsigned bit = 1U << (unsigned)refusal;
    if ((connection->refusals & bit) == 0)
        rpc_server_refused(connection->server,
                           &(struct rpc_refused){refusal, "unknown", detail, ""});
    connection->refusals |= bit;
}

static bool calm_down(struct rpc_connection *connection)
{
    rpc_connection_refused(connection, RPC_FLOOD, "frames without use");
    return nghttp2_session_terminate_session(connection->session, NGHTTP2_ENHANCE_YOUR_CALM) == 0;
}

/* False: the connection cannot go on. */
static bool receive(struct rpc_connection *connection)
{
    uint8_t *buffer = connection->server->read_buffer;
    ssize_t len = recv(connection->fd, buffer, RPC_READ_BYTES, 0);
    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    if (len == 0)
        return false;
    connection->is_busy = true;
    ssize_t taken = nghttp2_session_mem_recv(connection->session, buffer, (size_t)len);
    connection->is_busy = false;
    if (taken == NGHTTP2_ERR_FLOODED)
        return calm_down(connection);
    if (taken < 0)
        rpc_connection_refused(connection, RPC_WRONG_HTTP2, nghttp2_strerror((int)taken));
    return taken >= 0;
}

static void on_ready(void *self, bool readable, bool writable)
{
    struct rpc_connection *connection = self;
    (void)writable;
    bool is_alive = true;
    if (connection->drain == RPC_DRAIN_CLOSED) {
        if (!discard(connection))
            rpc_connection_free(connection);
        return;
    }
    if (readable)
        is_alive = receive(connection);
    if (is_alive)
        rpc_connection_flush(connection);
    else
        rpc_connection_free(connection);
}

void rpc_connection_wake_at(struct rpc_connection *connection, int64_t at_ms)
{
    if (at_ms >= connection->wake_at_ms)
        return;
    int64_t delay_ms = at_ms - now_monotonic_ms();
    connection->wake_at_ms = at_ms;
    loop_timer_arm(connection->timer, delay_ms > 0 ? delay_ms : 0);
}

/* Take the step of draining that time brings; when the next one is due. */
static int64_t step_drain(struct rpc_connection *connection, int64_t now_ms)
{
    int64_t idle_due_ms = connection->idle_since_ms + connection->server->limits.idle_ms;
    int64_t step_due_ms = connection->drain_since_ms + NOTICE_MS;
    switch (connection->drain) {
    case RPC_DRAIN_NONE:
        if (connection->calls != NULL)
            return INT64_MAX;
        if (now_ms < idle_due_ms)
            return idle_due_ms;
        rpc_connection_drain(connection);
        return now_ms + NOTICE_MS;
    case RPC_DRAIN_NOTICED:
        if (now_ms < step_due_ms)
            return step_due_ms;
        rpc_connection_drain_acknowledged(connection);
        return INT64_MAX;
    case RPC_DRAIN_CLOSED:
        return connection->drain_since_ms + CLOSE_MS;
    case RPC_DRAIN_FINAL:
        break;
    }
    return INT64_MAX;
}

static bool is_stuck(const struct rpc_connection *connection, int64_t now_ms)
{
    if (!connection->is_greeted && now_ms >= connection->opened_ms + GREETING_MS)
        return true;
    if (connection->drain == RPC_DRAIN_CLOSED)
        return now_ms >= connection->drain_since_ms + CLOSE_MS;
    int64_t since_ms = connection->blocked_since_ms;
    return since_ms != 0 && now_ms >= since_ms + connection->server->limits.write_deadline_ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t check_calls(struct rpc_connection *connection, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (struct rpc_call *call = connection->calls; call != NULL; call = call->next) {
        rpc_call_check_deadline(call, now_ms);
        next_ms = earlier(next_ms, rpc_call_wake_at(call));
    }
    return next_ms;
}

static void on_timer(void *self)
{
    struct rpc_connection *connection = self;
    int64_t now_ms = now_monotonic_ms();
    if (is_stuck(connection, now_ms)) {
        rpc_connection_free(connection);
        return;
    }
    connection->wake_at_ms = INT64_MAX;
    int64_t next_ms = connection->is_greeted ? now_ms + connection->server->limits.idle_ms
                                             : connection->opened_ms + GREETING_MS;
    if (connection->blocked_since_ms != 0)
        next_ms = earlier(next_ms, connection->blocked_since_ms +
                                       connection->server->limits.write_deadline_ms);
    next_ms = earlier(next_ms, check_calls(connection, now_ms));
    next_ms = earlier(next_ms, step_drain(connection, now_ms));
    rpc_connection_wake_at(connection, next_ms);
    rpc_connection_flush(connection);
}

void rpc_connection_open(struct rpc_server *server, int fd)
{
    struct rpc_connection *connection = mem_alloc(sizeof(*connection));
    connection->server = server;
    connection->fd = fd;
    connection->opened_ms = now_monotonic_ms();
    connection->idle_since_ms = connection->opened_ms;
    connection->wake_at_ms = INT64_MAX;
    buf_init(&connection->out, OUT_BYTES_MAX);
    rpc_credit_init(&connection->credit, connection->opened_ms);
    connection->watch = loop_watch_new(server->loop, fd, on_ready, connection);
    connection->timer = loop_timer_new(server->loop, on_timer, connection);
    connection->session = rpc_session_new(&server->setup, connection);

    connection->next = server->connections;
    connection->link = &server->connections;
    if (server->connections != NULL)
        server->connections->link = &connection->next;
    server->connections = connection;
    server->connection_count++;
    rpc_connection_wake_at(connection, connection->opened_ms + GREETING_MS);
    rpc_connection_flush(connection);
}

void rpc_connection_drain(struct rpc_connection *connection)
{
    if (connection->drain != RPC_DRAIN_NONE)
        return;
    connection->drain = RPC_DRAIN_NOTICED;
    connection->drain_since_ms = now_monotonic_ms();
    (void)nghttp2_submit_shutdown_notice(connection->session);
    rpc_connection_wake_at(connection, connection->drain_since_ms + NOTICE_MS);
    rpc_connection_touch(connection);
}

void rpc_connection_goaway_sent(struct rpc_connection *connection)
{
    static const uint8_t MARK[8] = {'t', 'e', 'l', 'e', 'f', 'a', 'c', 't'};
    if (connection->drain == RPC_DRAIN_NOTICED)
        (void)nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, MARK);
}

void rpc_connection_drain_acknowledged(struct rpc_connection *connection)
{
    if (connection->drain != RPC_DRAIN_NOTICED)
        return;
    connection->drain = RPC_DRAIN_FINAL;
    nghttp2_session *session = connection->session;
    (void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
                                NULL, 0);
    rpc_connection_touch(connection);
}

void rpc_connection_charge(struct rpc_connection *connection, int cost)
{
    if (!rpc_credit_spend(&connection->credit, cost, now_monotonic_ms()))
        (void)calm_down(connection);
}
