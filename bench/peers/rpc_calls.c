/*
 * rpc_calls: how long does a unary gRPC call take?
 *
 *   rpc_calls PORT PATH FILE CALLERS CALLS
 *
 * FILE holds requests, each a length of 32 bits in host order and a protobuf message. CALLERS
 * connections to 127.0.0.1:PORT ask PATH one question at a time, with the requests in turn, CALLS
 * in all. Prints the microseconds of each call, a line each. Ends with 1 when a call has another
 * grpc-status than 0.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALLERS_MAX 256

struct request {
    const uint8_t *message;
    uint32_t len;
};

struct work {
    const char *path;
    struct request *requests;
    size_t request_count;
    long left;
    long asked;
};

struct caller {
    int socket;
    nghttp2_session *session;
    struct work *work;
    const struct request *request;
    int64_t began_us;
    bool is_good;
    bool is_waiting;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "rpc_calls: %s\n", what);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(path);
    long size = ftell(file);
    char *data = malloc((size_t)size + 1);
    rewind(file);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        fail(path);
    (void)fclose(file);
    *out_size = (size_t)size;
    return data;
}

static void split(struct work *work, const char *data, size_t size)
{
    work->requests = calloc(size / 4 + 1, sizeof(*work->requests));
    if (work->requests == NULL)
        fail("memory");
    for (size_t at = 0; at + 4 <= size;) {
        struct request *request = &work->requests[work->request_count++];
        memcpy(&request->len, data + at, 4);
        request->message = (const uint8_t *)data + at + 4;
        at += 4 + request->len;
    }
    if (work->request_count == 0)
        fail("no requests");
}

/* gRPC's frame: a flag, the length in network order, the message. */
static ssize_t read_frame(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
                          uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct caller *caller = source->ptr;
    const struct request *request = caller->request;
    uint32_t len = htonl(request->len);
    uint8_t head[5] = {0};
    (void)session, (void)stream, (void)arg;
    memcpy(head + 1, &len, 4);
    if (room < sizeof(head) + request->len)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), request->message, request->len);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)(sizeof(head) + request->len);
}

#define HEADER(name_, value_) \
    {(uint8_t *)(uintptr_t)(name_), (uint8_t *)(uintptr_t)(value_), strlen(name_), strlen(value_), \
     NGHTTP2_NV_FLAG_NONE}

static void ask(struct caller *caller)
{
    struct work *work = caller->work;
    if (work->left == 0)
        return;
    work->left--;
    caller->request = &work->requests[(size_t)work->asked++ % work->request_count];
    caller->is_good = false;
    caller->is_waiting = true;
    nghttp2_nv headers[] = {
        HEADER(":method", "POST"),
        HEADER(":scheme", "http"),
        HEADER(":path", work->path),
        HEADER(":authority", "localhost"),
        HEADER("content-type", "application/grpc"),
        HEADER("te", "trailers"),
        HEADER("grpc-timeout", "30S"),
    };
    nghttp2_data_provider body = {.source = {.ptr = caller}, .read_callback = read_frame};
    caller->began_us = now_us();
    if (nghttp2_submit_request(caller->session, NULL, headers, sizeof(headers) / sizeof(*headers),
                               &body, NULL) < 0 ||
        nghttp2_session_send(caller->session) != 0)
        fail("cannot ask");
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    struct caller *caller = arg;
    (void)session, (void)frame, (void)flags;
    if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
        caller->is_good = value_len == 1 && value[0] == '0';
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
    struct caller *caller = arg;
    (void)session, (void)stream;
    if (code != 0 || !caller->is_good)
        fail("a call failed");
    (void)printf("%lld\n", (long long)(now_us() - caller->began_us));
    caller->is_waiting = false;
    return 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
                       void *arg)
{
    struct caller *caller = arg;
    (void)session, (void)flags;
    ssize_t sent = send(caller->socket, data, len, MSG_NOSIGNAL);
    return sent < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : sent;
}

static void open_caller(struct caller *caller, uint16_t port, struct work *work)
{
    static nghttp2_session_callbacks *callbacks;
    if (callbacks == NULL) {
        if (nghttp2_session_callbacks_new(&callbacks) != 0)
            fail("memory");
        nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    caller->work = work;
    caller->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (caller->socket < 0 ||
        connect(caller->socket, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(caller->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        fail("cannot connect");
    nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4 << 20};
    if (nghttp2_session_client_new(&caller->session, callbacks, caller) != 0 ||
        nghttp2_submit_settings(caller->session, NGHTTP2_FLAG_NONE, &window, 1) != 0 ||
        nghttp2_session_set_local_window_size(caller->session, NGHTTP2_FLAG_NONE, 0, 64 << 20) != 0)
        fail("cannot begin");
}

static void receive(struct caller *caller)
{
    static uint8_t bytes[64 << 10];
    ssize_t len = recv(caller->socket, bytes, sizeof(bytes), 0);
    if (len <= 0)
        fail("the connection ended");
    if (nghttp2_session_mem_recv(caller->session, bytes, (size_t)len) != len ||
        nghttp2_session_send(caller->session) != 0)
        fail("the answer is no HTTP/2");
    if (!caller->is_waiting)
        ask(caller);
}

static bool is_anybody_waiting(const struct caller *callers, size_t count)
{
    bool is_waiting = false;
    for (size_t i = 0; i < count; i++)
        is_waiting = is_waiting || callers[i].is_waiting;
    return is_waiting;
}

static void run(struct caller *callers, size_t count)
{
    struct pollfd polled[CALLERS_MAX];
    for (size_t i = 0; i < count; i++) {
        polled[i] = (struct pollfd){.fd = callers[i].socket, .events = POLLIN};
        ask(&callers[i]);
    }
    while (is_anybody_waiting(callers, count)) {
        if (poll(polled, count, 60000) <= 0)
            fail("no answer for a minute");
        for (size_t i = 0; i < count; i++)
            if (polled[i].revents != 0)
                receive(&callers[i]);
    }
}

int main(int argc, char **argv)
{
    static struct caller callers[CALLERS_MAX];
    if (argc != 6) {
        (void)fputs("usage: rpc_calls PORT PATH FILE CALLERS CALLS\n", stderr);
        return 64;
    }
    size_t size = 0;
    char *data = read_file(argv[3], &size);
    struct work work = {.path = argv[2], .left = strtol(argv[5], NULL, 10)};
    split(&work, data, size);
    size_t count = strtoul(argv[4], NULL, 10);
    if (count == 0 || count > CALLERS_MAX)
        fail("CALLERS: 1 to 256");
    for (size_t i = 0; i < count; i++)
        open_caller(&callers[i], (uint16_t)strtoul(argv[1], NULL, 10), &work);
    run(callers, count);
    for (size_t i = 0; i < count; i++) {
        nghttp2_session_del(callers[i].session);
        (void)close(callers[i].socket);
    }
    free(work.requests);
    free(data);
    return 0;
}
