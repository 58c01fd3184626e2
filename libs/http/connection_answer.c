#include "libs/base/mem.h"
#include "libs/http/answer.h"
#include "libs/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Closing while unread bytes are in the kernel makes it send a reset, which may overtake the
 * answer. */
static bool may_have_unread_input(const struct http_exchange *exchange)
{
    const struct http_parser *parser = &exchange->parser;
    if (exchange->is_complete)
        return false;
    bool has_whole_body = parser->head_len > 0 && !parser->head.is_chunked &&
                          exchange->in_len - parser->head_len >= parser->head.length;
    return !has_whole_body;
}

static void answer_sent(struct http_exchange *exchange)
{
    if (!exchange->closes && !exchange->server->is_draining) {
        connection_next_request(exchange);
        return;
    }
    if (!may_have_unread_input(exchange) || shutdown(exchange->fd, SHUT_WR) != 0) {
        connection_end(exchange);
        return;
    }
    connection_enter(exchange, CONNECTION_LINGER, &exchange->server->linger);
    connection_read_on(exchange, true);
}

static bool is_later(int error)
{
    return error == EAGAIN || error == EINTR;
}

static void send_more(struct http_exchange *exchange)
{
    const char *rest = exchange->out.data + exchange->out_done;
    ssize_t sent = send(exchange->fd, rest, exchange->out.len - exchange->out_done, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!is_later(errno))
            connection_end(exchange);
        return;
    }
    exchange->out_done += (size_t)sent;
    if (exchange->out_done < exchange->out.len)
        return;
    (void)event_del(&exchange->write_event);
    exchange->state = CONNECTION_HANDLED;
    buf_done(&exchange->out);
    answer_sent(exchange);
}

static void on_writable(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    struct http_exchange *exchange = self;
    send_more(exchange);
    connection_run(exchange);
}

/* Keep what the kernel did not take: the caller's bytes live only until http_answer returns. */
static void send_later(struct http_exchange *exchange, struct bytes head, struct bytes body,
                       size_t sent)
{
    size_t head_sent = sent < head.len ? sent : head.len;
    size_t body_sent = sent - head_sent;
    buf_init(&exchange->out, head.len + body.len - sent);
    exchange->out_done = 0;
    if (!buf_append(&exchange->out, head.data + head_sent, head.len - head_sent) ||
        !buf_append(&exchange->out, body.data + body_sent, body.len - body_sent)) {
        connection_end(exchange);
        return;
    }
    (void)event_assign(&exchange->write_event, loop_base(exchange->server->loop), exchange->fd,
                       EV_WRITE | EV_PERSIST, on_writable, exchange);
    connection_enter(exchange, CONNECTION_ANSWER, &exchange->server->answer);
    if (event_add(&exchange->write_event, NULL) != 0)
        mem_exhausted();
}

static void send_answer(struct http_exchange *exchange, struct bytes head, struct bytes body)
{
    /* sendmsg does not write through iov_base, but its type cannot say so. */
    struct iovec parts[2] = {{(void *)(uintptr_t)head.data, head.len},
                             {(void *)(uintptr_t)body.data, body.len}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = body.len == 0 ? 1 : 2};
    ssize_t sent = sendmsg(exchange->fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && !is_later(errno)) {
        connection_end(exchange);
        return;
    }
    size_t done = sent < 0 ? 0 : (size_t)sent;
    if (done == head.len + body.len)
        answer_sent(exchange);
    else
        send_later(exchange, head, body, done);
}

static void answer_now(struct http_exchange *exchange, int status, const struct http_field *fields,
                       size_t count, struct bytes body)
{
    struct http_server *server = exchange->server;
    struct answer answer = {.status = status,
                            .fields = fields,
                            .field_count = count,
                            .body_len = body.len,
                            .closes = exchange->closes,
                            .date = {server->date, sizeof(server->date) - 1}};
    buf_clear(&server->scratch);
    if (!answer_format(&answer, &server->scratch)) {
        connection_end(exchange);
        return;
    }
    bool is_head_request = bytes_equal(exchange->parser.head.method, BYTES_LITERAL("HEAD"));
    if (answer_is_bodyless(status) || is_head_request)
        body.len = 0;
    send_answer(exchange, buf_bytes(&server->scratch), body);
}

void connection_refuse(struct http_exchange *exchange, int status)
{
    server_refused(exchange->server, status);
    exchange->closes = true;
    answer_now(exchange, status, NULL, 0, (struct bytes){0});
    if (!exchange->is_running)
        connection_run(exchange);
}

void http_answer(struct http_exchange *exchange, int status, const struct http_field *fields,
                 size_t count, struct bytes body)
{
    assert(exchange->owes_answer);
    exchange->owes_answer = false;
    exchange->closes |= exchange->is_in_head || !exchange->parser.head.is_keep_alive;
    if (exchange->state != CONNECTION_CLOSED) {
        exchange->closes |= exchange->server->is_draining;
        answer_now(exchange, status, fields, count, body);
    }
    if (!exchange->is_running) /* else connection_run called us and goes on by itself */
        connection_run(exchange);
}
