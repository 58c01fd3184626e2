#include "libs/http/connection.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Beyond the head's limit, so that chunks find room behind a head of full size. */
#define INPUT_SLACK 1024
#define BODY_STEP 65536
#define LINGER_STEP 16384
#define LINGER_BYTES_MAX (1 << 20)

static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";

void connection_read_on(struct http_exchange *exchange, bool is_on)
{
    if (exchange->is_reading == is_on)
        return;
    exchange->is_reading = is_on;
    int failed = is_on ? event_add(&exchange->read_event, NULL) : event_del(&exchange->read_event);
    if (failed != 0)
        mem_exhausted();
}

void connection_enter(struct http_exchange *exchange, enum connection_state state,
                      struct deadlines *list)
{
    exchange->state = state;
    deadlines_set(list, &exchange->deadline, now_monotonic_ms());
}

void connection_end(struct http_exchange *exchange)
{
    if (exchange->state == CONNECTION_CLOSED)
        return;
    connection_read_on(exchange, false);
    if (exchange->state == CONNECTION_ANSWER)
        (void)event_del(&exchange->write_event);
    deadlines_lift(&exchange->deadline);
    (void)close(exchange->fd);
    exchange->state = CONNECTION_CLOSED;
}

void connection_next_request(struct http_exchange *exchange)
{
    size_t used = exchange->parser.head_len;
    if (!exchange->body_is_apart)
        used += (size_t)exchange->parser.head.length;
    exchange->in_len -= used;
    if (exchange->in_len > 0)
        memmove(exchange->in, exchange->in + used, exchange->in_len);
    buf_done(&exchange->body);
    exchange->body_is_apart = false;
    exchange->is_complete = false;
    http_parser_init(&exchange->parser);
    connection_enter(exchange, CONNECTION_IDLE, &exchange->server->idle);
    connection_read_on(exchange, true);
}

static bool complete(struct http_exchange *exchange)
{
    const struct http_handler *handler = &exchange->server->handler;
    exchange->is_complete = true;
    exchange->owes_answer = true;
    connection_enter(exchange, CONNECTION_HANDLED, &exchange->server->handled);
    handler->on_request(handler->self, exchange);
    return true;
}

static bool step_chunks(struct http_exchange *exchange)
{
    char *start = exchange->in + exchange->parser.head_len;
    struct bytes data = {start, exchange->in_len - exchange->parser.head_len};
    size_t used = 0;
    enum http_parse result = http_chunks_run(&exchange->chunks, data, &exchange->body, &used);
    if (result == HTTP_PARSE_REFUSED) {
        connection_refuse(exchange, exchange->chunks.status);
        return false;
    }
    exchange->in_len -= used;
    if (used < data.len)
        memmove(start, start + used, data.len - used);
    return result == HTTP_PARSE_DONE && complete(exchange);
}

static bool step_body(struct http_exchange *exchange)
{
    const struct http_parser *parser = &exchange->parser;
    if (parser->head.is_chunked)
        return step_chunks(exchange);
    size_t len = exchange->body_is_apart ? exchange->body.len : exchange->in_len - parser->head_len;
    return len >= parser->head.length && complete(exchange);
}

/* Choose where the body goes; what came with the head is moved there. */
static bool place_body(struct http_exchange *exchange)
{
    const struct http_parser *parser = &exchange->parser;
    http_chunks_init(&exchange->chunks);
    exchange->body_is_apart =
        parser->head.is_chunked ||
        parser->head.length > (uint64_t)(exchange->in_capacity - parser->head_len);
    if (!exchange->body_is_apart)
        return true;
    buf_init(&exchange->body, exchange->server->limits.body_max);
    if (parser->head.is_chunked)
        return true;
    size_t len = exchange->in_len - parser->head_len;
    exchange->in_len = parser->head_len;
    return buf_append(&exchange->body, exchange->in + parser->head_len, len);
}

static bool start_body(struct http_exchange *exchange)
{
    exchange->state = CONNECTION_BODY;
    bool has_body_bytes = exchange->in_len > exchange->parser.head_len;
    bool is_good = place_body(exchange);
    bool wants_continue = exchange->parser.head.expects_continue && !has_body_bytes &&
                          (exchange->parser.head.is_chunked || exchange->parser.head.length > 0);
    if (is_good && wants_continue) {
        ssize_t len = (ssize_t)sizeof(CONTINUE) - 1;
        is_good = send(exchange->fd, CONTINUE, (size_t)len, MSG_NOSIGNAL) == len;
    }
    if (!is_good)
        connection_end(exchange);
    return is_good;
}

static bool offer_head(struct http_exchange *exchange)
{
    const struct http_handler *handler = &exchange->server->handler;
    exchange->state = CONNECTION_HANDLED;
    exchange->owes_answer = true;
    exchange->is_in_head = true;
    bool is_wanted = handler->on_head(handler->self, exchange);
    exchange->is_in_head = false;
    assert(is_wanted == exchange->owes_answer);
    if (!is_wanted)
        return false;
    exchange->owes_answer = false; /* until the request is complete */
    return start_body(exchange);
}

static bool step_head(struct http_exchange *exchange)
{
    const struct http_limits *limits = &exchange->server->limits;
    struct http_parser *parser = &exchange->parser;
    enum http_parse result =
        http_parser_run(parser, (struct bytes){exchange->in, exchange->in_len});
    int status = 0;
    if (result == HTTP_PARSE_REFUSED)
        status = parser->status;
    else if (result == HTTP_PARSE_MORE)
        status = exchange->in_len > limits->head_max ? 431 : 0;
    else if (parser->head_len > limits->head_max)
        status = 431;
    else if (parser->head.length > limits->body_max)
        status = 413;

    if (status != 0)
        connection_refuse(exchange, status);
    return status == 0 && result == HTTP_PARSE_DONE && offer_head(exchange);
}

/* False: nothing more to do until something arrives, is sent or is answered. */
static bool step(struct http_exchange *exchange)
{
    switch (exchange->state) {
    case CONNECTION_IDLE:
        if (exchange->in_len == 0)
            return false;
        connection_enter(exchange, CONNECTION_HEAD, &exchange->server->request);
        return true;
    case CONNECTION_HEAD:
        return step_head(exchange);
    case CONNECTION_BODY:
        return step_body(exchange);
    case CONNECTION_HANDLED:
    case CONNECTION_ANSWER:
    case CONNECTION_LINGER:
    case CONNECTION_CLOSED:
        break;
    }
    return false;
}

static void free_exchange(struct http_exchange *exchange)
{
    struct http_server *server = exchange->server;
    buf_done(&exchange->body);
    buf_done(&exchange->out);
    free(exchange);
    if (server != NULL)
        server_connection_gone(server);
}

void connection_run(struct http_exchange *exchange)
{
    exchange->is_running = true;
    while (step(exchange))
        continue;
    exchange->is_running = false;
    if (exchange->state == CONNECTION_CLOSED && !exchange->owes_answer)
        free_exchange(exchange);
}

void connection_drop(struct http_exchange *exchange)
{
    connection_end(exchange);
    connection_run(exchange);
}

/* True: some bytes came. The connection ends when there will be none any more. */
static bool receive(struct http_exchange *exchange, char *to, size_t len, size_t *out_len)
{
    ssize_t got = recv(exchange->fd, to, len, 0);
    if (got > 0) {
        *out_len = (size_t)got;
        return true;
    }
    bool is_later = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (!is_later)
        connection_end(exchange);
    return false;
}

static void read_body_apart(struct http_exchange *exchange)
{
    size_t left = (size_t)exchange->parser.head.length - exchange->body.len;
    size_t step_len = left < BODY_STEP ? left : BODY_STEP;
    char *to = buf_reserve(&exchange->body, step_len);
    size_t len;
    if (to != NULL && receive(exchange, to, step_len, &len))
        exchange->body.len += len;
}

static void read_linger(struct http_exchange *exchange)
{
    char unwanted[LINGER_STEP];
    size_t len;
    if (!receive(exchange, unwanted, sizeof(unwanted), &len))
        return;
    exchange->lingered += len;
    if (exchange->lingered > LINGER_BYTES_MAX)
        connection_end(exchange);
}

static void read_input(struct http_exchange *exchange)
{
    size_t len;
    char *to = exchange->in + exchange->in_len;
    if (receive(exchange, to, exchange->in_capacity - exchange->in_len, &len))
        exchange->in_len += len;
}

static void on_readable(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    struct http_exchange *exchange = self;
    bool is_body = exchange->state == CONNECTION_BODY;
    if (exchange->state == CONNECTION_HANDLED || exchange->state == CONNECTION_ANSWER)
        connection_read_on(exchange, false); /* the next request has to wait */
    else if (exchange->state == CONNECTION_LINGER)
        read_linger(exchange);
    else if (is_body && exchange->body_is_apart && !exchange->parser.head.is_chunked)
        read_body_apart(exchange);
    else
        read_input(exchange);
    connection_run(exchange);
}

void connection_open(struct http_server *server, int fd)
{
    size_t in_capacity = server->limits.head_max + INPUT_SLACK;
    struct http_exchange *exchange = mem_alloc(sizeof(*exchange) + in_capacity);
    exchange->server = server;
    exchange->fd = fd;
    exchange->deadline.owner = exchange;
    exchange->in_capacity = in_capacity;
    http_parser_init(&exchange->parser);
    (void)event_assign(&exchange->read_event, loop_base(server->loop), fd, EV_READ | EV_PERSIST,
                       on_readable, exchange);
    connection_enter(exchange, CONNECTION_IDLE, &server->idle);
    connection_read_on(exchange, true);
}
