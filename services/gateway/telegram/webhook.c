#include "services/gateway/telegram/webhook.h"

#include "libs/base/fault.h"
#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/random.h"
#include "libs/http/server.h"
#include "libs/ops/http_refusals.h"
#include "libs/ops/metrics.h"
#include "services/gateway/telegram/forward.h"
#include "services/gateway/telegram/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define HEAD_MAX (8 << 10)
#define RETRY_AFTER_MAX_S 5     /* short: a button press lives 150 s at Telegram */
#define POSITION_HEADER_MAX 256 /* longer tokens do not come from one update */

#define SECRET_HEADER "x-telegram-bot-api-secret-token"

enum code {
    CODE_200,
    CODE_400,
    CODE_401,
    CODE_404,
    CODE_405,
    CODE_408,
    CODE_413,
    CODE_417,
    CODE_431,
    CODE_501,
    CODE_503,
    CODE_505,
    CODE_OTHER,
    CODES, /* how many there are */
};

struct webhook {
    struct http_server *server;
    struct forward *forward; /* NULL: no forwarding */
    const struct update_intake *intake;
    struct secrets *secrets;
    struct bytes path;
    size_t in_hand;
};

/* One update that is not answered yet. */
struct request {
    struct webhook *webhook;
    struct http_exchange *exchange;
    bool is_in_flight; /* the intake waits for its release */
    int64_t started_us;
    struct trace trace;                 /* its state is the exchange's */
    char position[POSITION_HEADER_MAX]; /* kept while the bot is asked */
};

static const int STATUS_OF[CODES] = {
    [CODE_200] = 200, [CODE_400] = 400, [CODE_401] = 401, [CODE_404] = 404,
    [CODE_405] = 405, [CODE_408] = 408, [CODE_413] = 413, [CODE_417] = 417,
    [CODE_431] = 431, [CODE_501] = 501, [CODE_503] = 503, [CODE_505] = 505,
};

/* 503 is told by whoever decided it. */
#define REFUSED "webhook request refused"
static struct http_refusals refusals;
enum { WRONG_SECRET, BOT_SILENT, OWN_REFUSALS };
static struct refusal own_refusals[OWN_REFUSALS] = {
    [WRONG_SECRET] = {.code = "wrong_secret", .msg = REFUSED},
    [BOT_SILENT] = {.code = "bot_silent",
                    .msg = "forwarded bot gave no answer, asking Telegram to send the update "
                           "again"},
};

static struct metric_series requests[CODES] = {
    [CODE_200] = {.labels = "code=\"200\""},     [CODE_400] = {.labels = "code=\"400\""},
    [CODE_401] = {.labels = "code=\"401\""},     [CODE_404] = {.labels = "code=\"404\""},
    [CODE_405] = {.labels = "code=\"405\""},     [CODE_408] = {.labels = "code=\"408\""},
    [CODE_413] = {.labels = "code=\"413\""},     [CODE_417] = {.labels = "code=\"417\""},
    [CODE_431] = {.labels = "code=\"431\""},     [CODE_501] = {.labels = "code=\"501\""},
    [CODE_503] = {.labels = "code=\"503\""},     [CODE_505] = {.labels = "code=\"505\""},
    [CODE_OTHER] = {.labels = "code=\"other\""},
};
static struct metric requests_metric = {
    .name = "webhook_requests_total",
    .help = "Webhook requests by status of the answer; other: what a forwarded bot answered.",
    .kind = METRIC_COUNTER,
    .series = requests,
    .count = CODES,
};
static struct metric_series duration[] = {{.labels = ""}};
static struct metric duration_metric = {
    .name = "webhook_duration_seconds",
    .help = "From the end of a webhook request to its answer.",
    .kind = METRIC_HISTOGRAM,
    .series = duration,
    .count = 1,
};
static struct metric_series refused[] = {{.labels = ""}};
static struct metric refused_metric = {
    .name = "webhook_refused_total",
    .help = "Webhook requests that broke the protocol, a limit or a deadline.",
    .kind = METRIC_COUNTER,
    .series = refused,
    .count = 1,
};
static struct metric_series connections[] = {{.labels = ""}};
static struct metric connections_metric = {
    .name = "webhook_connections",
    .help = "Open webhook connections.",
    .kind = METRIC_GAUGE,
    .series = connections,
    .count = 1,
};
static struct metric_series forward_errors[] = {{.labels = ""}};
static struct metric forward_errors_metric = {
    .name = "webhook_forward_failures_total",
    .help = "Updates that the bot behind GATEWAY_FORWARD_URL did not answer.",
    .kind = METRIC_COUNTER,
    .series = forward_errors,
    .count = 1,
};

void webhook_add_metrics(void)
{
    metrics_add(&requests_metric);
    metrics_add(&duration_metric);
    metrics_add(&refused_metric);
    metrics_add(&connections_metric);
    metrics_add(&forward_errors_metric);
    http_refusals_add(&refusals, "webhook", REFUSED);
    refusals_add("webhook", own_refusals, OWN_REFUSALS);
}

void webhook_update_metrics(const struct webhook *webhook)
{
    metric_set(&refused[0], (int64_t)http_server_refused(webhook->server));
    metric_set(&connections[0], http_server_connections(webhook->server));
}

static enum code code_of(int status)
{
    size_t code = 0;
    while (code < CODE_OTHER && STATUS_OF[code] != status)
        code++;
    return (enum code)code;
}

static void tell(int status)
{
    if (status == 401)
        log_refusal(&own_refusals[WRONG_SECRET], LOG_INT("status", status));
    else
        http_refusals_tell(&refusals, status);
}

static void refuse(struct http_exchange *exchange, int status)
{
    const struct http_field allow = {"Allow", BYTES_LITERAL("POST")};
    metric_add(&requests[code_of(status)], 1);
    tell(status);
    http_answer(exchange, status, &allow, status == 405 ? 1 : 0, (struct bytes){0});
}

static void on_refused(void *self, int status)
{
    (void)self;
    if (status != 0) /* else it was answered, and counted then */
        metric_add(&requests[code_of(status)], 1);
    tell(status);
}

static bool on_head(void *self, struct http_exchange *exchange)
{
    struct webhook *webhook = self;
    if (!bytes_equal(http_path(exchange), webhook->path))
        refuse(exchange, 404);
    else if (!bytes_equal(http_method(exchange), BYTES_LITERAL("POST")))
        refuse(exchange, 405);
    else if (!secrets_match(webhook->secrets, http_header(exchange, SECRET_HEADER)))
        refuse(exchange, 401);
    else
        return true;
    return false;
}

static void end(struct request *request, int status, const struct http_field *fields, size_t count,
                struct bytes body)
{
    struct webhook *webhook = request->webhook;
    struct http_exchange *exchange = request->exchange;
    size_t bytes = http_body(exchange).len;
    bool is_in_flight = request->is_in_flight;
    metric_add(&requests[code_of(status)], 1);
    metric_observe_us(&duration[0], now_monotonic_us() - request->started_us);
    webhook->in_hand--;
    free(request);
    http_answer(exchange, status, fields, count, body);
    if (is_in_flight)
        webhook->intake->release(webhook->intake->self, bytes);
    fault_point("gateway.answered", (int64_t)webhook->in_hand);
}

static void end_unavailable(struct request *request)
{
    char seconds = (char)('1' + random_u32() % RETRY_AFTER_MAX_S);
    const struct http_field retry_after = {"Retry-After", {&seconds, 1}};
    end(request, 503, &retry_after, 1, (struct bytes){0});
}

/* The body stays empty: Telegram would execute a method that stands in it. */
static void end_durable(struct request *request, const char *position)
{
    const struct http_field field = {"telefact-position", bytes_of_text(position)};
    end(request, 200, &field, position[0] == '\0' ? 0 : 1, (struct bytes){0});
}

static void on_forwarded(void *arg, const struct forward_answer *answer)
{
    struct request *request = arg;
    fault_point("gateway.after_forward", (int64_t)request->webhook->in_hand);
    if (answer->status < 200) {
        metric_add(&forward_errors[0], 1);
        char id[TRACE_ID_LEN + 1];
        trace_id(&request->trace, id);
        log_refusal(&own_refusals[BOT_SILENT], LOG_TEXT("error", answer->error),
                    LOG_TEXT("trace_id", id));
        end_unavailable(request);
        return;
    }
    struct http_field fields[3];
    size_t count = 0;
    char seconds[24];
    char position[POSITION_HEADER_MAX];
    memcpy(position, request->position, sizeof(position));
    if (answer->content_type.data != NULL)
        fields[count++] = (struct http_field){"Content-Type", answer->content_type};
    if (answer->retry_after_s > 0) {
        (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)answer->retry_after_s);
        fields[count++] = (struct http_field){"Retry-After", bytes_of_text(seconds)};
    }
    if (position[0] != '\0')
        fields[count++] = (struct http_field){"telefact-position", bytes_of_text(position)};
    end(request, answer->status, fields, count, answer->body);
}

static bool starts_with(struct bytes name, const char *prefix)
{
    size_t len = strlen(prefix);
    return name.len >= len && strncasecmp(name.data, prefix, len) == 0;
}

static bool is_forwarded(struct bytes name)
{
    static const char *const whole[] = {"content-type", "user-agent"};
    if (starts_with(name, "x-telegram-"))
        return true;
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        if (name.len == strlen(whole[i]) && starts_with(name, whole[i]))
            return true;
    return false;
}

static void add_header(struct forward_request *request, const char *name, struct bytes value)
{
    request->headers[request->header_count++] =
        (struct forward_header){.name = bytes_of_text(name), .value = value};
}

static void ask_bot(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct forward_request out = {.body = http_body(exchange)};
    struct trace child;
    trace_child(&request->trace, &child);
    add_header(&out, "traceparent", bytes_of_text(child.parent));
    if (child.state.len > 0)
        add_header(&out, "tracestate", child.state);
    size_t count = http_header_count(exchange);
    for (size_t i = 0; i < count && out.header_count < FORWARD_HEADERS_MAX; i++) {
        struct forward_header *header = &out.headers[out.header_count];
        http_header_at(exchange, i, &header->name, &header->value);
        if (is_forwarded(header->name))
            out.header_count++;
    }
    fault_point("gateway.before_forward", (int64_t)request->webhook->in_hand);
    forward_send(request->webhook->forward, &out, on_forwarded, request);
}

static void on_update_done(void *arg, enum intake_outcome outcome, const char *position)
{
    struct request *request = arg;
    request->is_in_flight = outcome != INTAKE_BUSY;
    if (outcome != INTAKE_DONE) {
        end_unavailable(request);
    } else if (request->webhook->forward == NULL) {
        end_durable(request, position);
    } else {
        if (strlen(position) < sizeof(request->position))
            (void)snprintf(request->position, sizeof(request->position), "%s", position);
        ask_bot(request);
    }
}

static void on_request(void *self, struct http_exchange *exchange)
{
    struct webhook *webhook = self;
    struct request *request = mem_alloc(sizeof(*request));
    request->webhook = webhook;
    request->exchange = exchange;
    request->started_us = now_monotonic_us();
    webhook->in_hand++;
    trace_take(http_header(exchange, "traceparent"), http_header(exchange, "tracestate"),
               &request->trace);
    webhook->intake->submit(webhook->intake->self, http_body(exchange), &request->trace,
                            on_update_done, request);
}

bool webhook_open(struct loop *loop, const struct webhook_options *options,
                  const struct update_intake *intake, struct webhook **out, struct err *err)
{
    struct webhook *webhook = mem_alloc(sizeof(*webhook));
    webhook->intake = intake;
    webhook->path = bytes_of_text(options->path);
    webhook->secrets = secrets_new(options->secret, options->secret_previous);
    struct http_limits limits = {
        .max_connections = options->max_connections,
        .head_max = HEAD_MAX,
        .body_max = options->body_max,
        .request_deadline_ms = options->request_deadline_ms,
        .idle_ms = options->idle_ms,
        .write_deadline_ms = options->request_deadline_ms,
    };
    struct http_handler handler = {
        .on_head = on_head,
        .on_request = on_request,
        .on_refused = on_refused,
        .self = webhook,
    };
    if ((options->forward_url[0] != '\0' &&
         !forward_open(loop, options->forward_url, options->forward_timeout_ms, &webhook->forward,
                       err)) ||
        !http_server_open(loop, options->listen, &limits, &handler, &webhook->server, err)) {
        webhook_free(webhook);
        return false;
    }
    *out = webhook;
    return true;
}

void webhook_drain(struct webhook *webhook)
{
    http_server_drain(webhook->server);
}

bool webhook_is_idle(const struct webhook *webhook)
{
    return webhook->in_hand == 0 && http_server_connections(webhook->server) == 0;
}

void webhook_free(struct webhook *webhook)
{
    if (webhook == NULL)
        return;
    http_server_free(webhook->server);
    forward_free(webhook->forward);
    secrets_free(webhook->secrets);
    free(webhook);
}

int webhook_port(const struct webhook *webhook)
{
    return http_server_port(webhook->server);
}
