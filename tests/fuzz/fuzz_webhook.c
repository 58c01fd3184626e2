/*
 * fuzz_webhook: any bytes from a client of the webhook's listener, over a real connection.
 *
 * The first byte chooses the pieces and what becomes of updates. Nothing reaches the core that did
 * not bring the path and a secret; what is sent back is a sequence of whole answers, with a 200 for
 * exactly the updates that are durable; and once the client is gone nothing is left of it.
 */
#include "services/gateway/telegram/webhook.h"

#include "libs/base/log.h"
#include "tests/fuzz/fuzz.h"

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH "/t"
#define SECRET "s3cr3t"
#define PREVIOUS "0ld"
#define BODY_MAX 256
#define WAITING_MAX 64
#define OUTPUT_MAX (256 << 10)
#define TURNS_MAX 8

struct waiting {
    update_done_fn fn;
    void *arg;
};

/* The core, and what it was given for the current input. */
static struct core {
    bool is_authorized; /* the input holds the path and a secret at all */
    bool is_durable;
    bool is_late; /* updates are done when the client has sent everything, else at once */
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    size_t submits;
    size_t in_flight; /* bytes to be released */
    size_t in_flight_count;
} core;

static void finish(update_done_fn fn, void *arg)
{
    fn(arg, core.is_durable ? INTAKE_DONE : INTAKE_UNAVAILABLE, core.is_durable ? "3:17" : "");
}

/* NOLINTNEXTLINE(readability-function-size): the port's signature */
static void submit(void *self, struct bytes body, const struct trace *trace, update_done_fn fn,
                   void *arg)
{
    (void)self;
    DEMAND(strlen(trace->parent) == TRACE_PARENT_LEN);
    DEMAND(core.is_authorized && body.len <= BODY_MAX);
    core.submits++;
    core.in_flight += body.len;
    core.in_flight_count++;
    if (core.is_late && core.waiting_count < WAITING_MAX)
        core.waiting[core.waiting_count++] = (struct waiting){fn, arg};
    else
        finish(fn, arg);
}

static void release(void *self, size_t bytes)
{
    (void)self;
    DEMAND(core.in_flight >= bytes && core.in_flight_count > 0);
    core.in_flight -= bytes;
    core.in_flight_count--;
}

static struct webhook *open_webhook(struct loop *loop)
{
    static const struct update_intake intake = {.submit = submit, .release = release};
    static const struct webhook_options options = {
        .listen = "127.0.0.1:0",
        .path = PATH,
        .secret = SECRET,
        .secret_previous = PREVIOUS,
        .max_connections = 4,
        .body_max = BODY_MAX,
        .request_deadline_ms = 60000,
        .idle_ms = 60000,
        .forward_url = "",
    };
    struct webhook *webhook = NULL;
    struct err err;
    log_init("fuzz", "1", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    DEMAND(webhook_open(loop, &options, &intake, &webhook, &err));
    return webhook;
}

/* Each from an address of its own: what the server closes first keeps its pair of addresses and
 * ports for a minute, and there are not enough ports for millions. */
static void bind_client(int fd)
{
    static uint32_t count;
    const int late = 1; /* the port is chosen when the pair is known */
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + count++ % 65000)};
    DEMAND(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) == 0);
    DEMAND(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
}

static int open_client(const struct webhook *webhook)
{
    const struct linger no_trace = {1, 0}; /* else millions of ports would wait for their end */
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)webhook_port(webhook)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    DEMAND(fd >= 0);
    bind_client(fd);
    DEMAND(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    DEMAND(setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_trace, sizeof(no_trace)) == 0);
    DEMAND(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static void turn(struct loop *loop, int fd, struct buf *output)
{
    (void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
    for (ssize_t got = 1; got > 0;) {
        char *room = buf_reserve(output, 16384);
        DEMAND(room != NULL);
        got = recv(fd, room, 16384, 0);
        output->len += got > 0 ? (size_t)got : 0;
    }
}

static void converse(struct loop *loop, int fd, struct bytes input, struct buf *output)
{
    size_t turns = 1 + fuzz_byte(&input) / 4 % TURNS_MAX;
    size_t step = input.len / turns + 1;
    turn(loop, fd, output);
    while (input.len > 0) {
        size_t len = input.len < step ? input.len : step;
        (void)!send(fd, input.data, len, MSG_NOSIGNAL); /* the server may have closed it */
        input = (struct bytes){input.data + len, input.len - len};
        turn(loop, fd, output);
    }
    while (core.waiting_count > 0) {
        struct waiting waiting = core.waiting[--core.waiting_count];
        finish(waiting.fn, waiting.arg);
        turn(loop, fd, output);
    }
}

/* One answer; returns its status. */
static int take_answer(struct bytes *output)
{
    static const char length_name[] = "Content-Length: ";
    size_t length = 0;
    struct bytes line = fuzz_cut(output, '\n');
    DEMAND(line.len > 14 && memcmp(line.data, "HTTP/1.1 ", 9) == 0);
    int status = (int)strtol(line.data + 9, NULL, 10);
    DEMAND(status >= 100 && status <= 599);
    for (;;) {
        line = fuzz_cut(output, '\n');
        DEMAND(line.len > 0 && line.data[line.len - 1] == '\r');
        if (line.len == 1)
            break;
        if (line.len > sizeof(length_name) &&
            memcmp(line.data, length_name, sizeof(length_name) - 1) == 0)
            length = (size_t)strtoul(line.data + sizeof(length_name) - 1, NULL, 10);
    }
    DEMAND(length <= output->len);
    *output = (struct bytes){output->data + length, output->len - length};
    return status;
}

static void check_output(struct bytes output)
{
    size_t durable = 0;
    size_t unavailable = 0;
    while (output.len > 0) {
        int status = take_answer(&output);
        durable += status == 200 ? 1 : 0;
        unavailable += status == 503 ? 1 : 0;
    }
    DEMAND(durable == (core.is_durable ? core.submits : 0));
    DEMAND(unavailable == (core.is_durable ? 0 : core.submits));
}

static bool holds(struct bytes text, const char *part)
{
    return text.len > 0 && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    static struct webhook *webhook;
    struct bytes input = fuzz_bytes(data, size);
    struct buf output;
    if (size == 0)
        return -1;
    if (loop == NULL) {
        loop = loop_new();
        webhook = open_webhook(loop);
    }
    core = (struct core){.is_durable = data[0] % 2 == 0, .is_late = data[0] / 2 % 2 == 0};
    core.is_authorized = holds(input, PATH) && (holds(input, SECRET) || holds(input, PREVIOUS));
    buf_init(&output, OUTPUT_MAX);
    int fd = open_client(webhook);
    converse(loop, fd, input, &output);
    check_output(buf_bytes(&output));
    DEMAND(core.in_flight == 0 && core.in_flight_count == 0);
    (void)close(fd);
    for (int i = 0; i < 4 && !webhook_is_idle(webhook); i++)
        (void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
    DEMAND(webhook_is_idle(webhook));
    buf_done(&output);
    return 0;
}
