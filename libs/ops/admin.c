#include "libs/ops/admin.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/ops/accept.h"
#include "libs/ops/http_refusals.h"
#include "libs/ops/metrics.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (1 << 20)
#define LOOP_SILENCE_MAX_MS 10000

static const struct http_limits LIMITS = {
    .max_connections = 32,
    .head_max = 8192,
    .body_max = 0,
    .request_deadline_ms = 5000,
    .idle_ms = 90000, /* longer than Prometheus' usual interval, so that it keeps its connection */
    .write_deadline_ms = 5000,
};

struct admin {
    struct http_server *server;
    const struct admin_check *checks;
    size_t count;
    bool is_draining;
    admin_serve_fn serve; /* NULL: nothing else */
    void *serve_self;
};

struct page {
    const char *path;
    const char *name;
    enum admin_probe probe;
};

static const struct page PROBES[] = {
    {"/livez", "livez", ADMIN_LIVE},
    {"/readyz", "readyz", ADMIN_READY},
    {"/startupz", "startupz", ADMIN_STARTED},
};

static struct metric_series ready[] = {{.labels = ""}};
static struct metric ready_metric = {
    .name = "service_ready",
    .help = "1: /readyz answers 200.",
    .kind = METRIC_GAUGE,
    .series = ready,
    .count = 1,
};

static struct http_refusals refusals;

void admin_add_metrics(void)
{
    metrics_add(&ready_metric);
    http_refusals_add(&refusals, "admin", "admin request refused");
}

static void on_refused(void *self, int status)
{
    (void)self;
    http_refusals_tell(&refusals, status);
}

static void answer_text(struct http_exchange *exchange, int status, const char *type,
                        struct bytes text)
{
    const struct http_field fields[] = {
        {"Content-Type", bytes_of_text(type)},
        {"Cache-Control", BYTES_LITERAL("no-store")},
    };
    http_answer(exchange, status, fields, sizeof(fields) / sizeof(*fields), text);
}

static void answer_plain(struct http_exchange *exchange, int status, struct bytes text)
{
    answer_text(exchange, status, "text/plain; charset=utf-8", text);
}

static bool append_check(const char *name, bool holds, const char *why, struct buf *out)
{
    if (holds)
        return buf_appendf(out, "[+]%s ok\n", name);
    return buf_appendf(out, "[-]%s failed: %s\n", name, why);
}

/* True: all checks of the probe hold. Each is a line of `out`. */
static bool run_checks(const struct admin *admin, enum admin_probe probe, struct buf *out)
{
    bool all_hold = true;
    bool fits = true;
    for (size_t i = 0; i < admin->count; i++) {
        const struct admin_check *check = &admin->checks[i];
        if (check->probe != probe)
            continue;
        struct err err = {0};
        bool holds = check->holds(check->self, &err);
        all_hold = all_hold && holds;
        fits = fits && append_check(check->name, holds, err.text, out);
    }
    if (probe == ADMIN_READY && admin->is_draining) {
        all_hold = false;
        fits = fits && append_check("drain", false, "shutting down", out);
    }
    return all_hold && fits;
}

static void answer_probe(const struct admin *admin, const struct page *page,
                         struct http_exchange *exchange)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    bool holds = run_checks(admin, page->probe, &text);
    bool is_verbose = bytes_equal(http_query(exchange), BYTES_LITERAL("verbose"));
    bool is_whole = buf_appendf(&text, "%s %s\n", page->name, holds ? "ok" : "failed");
    if ((holds && !is_verbose) || !is_whole)
        answer_plain(exchange, holds ? 200 : 503,
                     holds ? BYTES_LITERAL("ok\n") : (struct bytes){0});
    else
        answer_plain(exchange, holds ? 200 : 503, buf_bytes(&text));
    buf_done(&text);
}

static void answer_metrics(const struct admin *admin, struct http_exchange *exchange)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    metric_set(&ready[0], run_checks(admin, ADMIN_READY, &text) ? 1 : 0);
    buf_clear(&text);
    bool is_openmetrics = accept_prefers_openmetrics(http_header(exchange, "accept"));
    const char *type = is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                      : "text/plain; version=0.0.4; charset=utf-8";
    if (is_openmetrics ? metrics_render_openmetrics(&text) : metrics_render(&text))
        answer_text(exchange, 200, type, buf_bytes(&text));
    else
        answer_plain(exchange, 500, BYTES_LITERAL("the metrics pass their maximum\n"));
    buf_done(&text);
}

static bool on_head(void *self, struct http_exchange *exchange)
{
    (void)self;
    struct bytes method = http_method(exchange);
    if (bytes_equal(method, BYTES_LITERAL("GET")) || bytes_equal(method, BYTES_LITERAL("HEAD")))
        return true;
    const struct http_field allow = {"Allow", BYTES_LITERAL("GET, HEAD")};
    http_refusals_tell(&refusals, 405);
    http_answer(exchange, 405, &allow, 1, (struct bytes){0});
    return false;
}

static void on_request(void *self, struct http_exchange *exchange)
{
    const struct admin *admin = self;
    struct bytes path = http_path(exchange);
    for (size_t i = 0; i < sizeof(PROBES) / sizeof(*PROBES); i++)
        if (bytes_equal(path, bytes_of_text(PROBES[i].path))) {
            answer_probe(admin, &PROBES[i], exchange);
            return;
        }
    if (bytes_equal(path, BYTES_LITERAL("/metrics"))) {
        answer_metrics(admin, exchange);
        return;
    }
    if (admin->serve != NULL && admin->serve(admin->serve_self, exchange))
        return;
    http_refusals_tell(&refusals, 404);
    answer_plain(exchange, 404, BYTES_LITERAL("not found\n"));
}

/* NOLINTNEXTLINE(readability-function-size): a constructor takes all that it depends on */
bool admin_open(struct loop *loop, const char *listen, const struct admin_check *checks,
                size_t count, struct admin **out, struct err *err)
{
    struct admin *admin = mem_alloc(sizeof(*admin));
    admin->checks = checks;
    admin->count = count;
    const struct http_handler handler = {
        .on_head = on_head, .on_request = on_request, .on_refused = on_refused, .self = admin};
    if (!http_server_open(loop, listen, &LIMITS, &handler, &admin->server, err)) {
        free(admin);
        return err_prefix(err, "admin");
    }
    *out = admin;
    return true;
}

void admin_serve(struct admin *admin, admin_serve_fn fn, void *self)
{
    admin->serve = fn;
    admin->serve_self = self;
}

void admin_drain(struct admin *admin)
{
    admin->is_draining = true; /* it goes on answering, so that the probes see the drain */
}

void admin_free(struct admin *admin)
{
    if (admin == NULL)
        return;
    http_server_free(admin->server);
    free(admin);
}

int admin_port(const struct admin *admin)
{
    return http_server_port(admin->server);
}

bool admin_loop_holds(void *loop, struct err *err)
{
    int64_t silence_ms = now_monotonic_ms() - loop_last_tick_ms(loop);
    if (silence_ms > LOOP_SILENCE_MAX_MS)
        return err_set(err, ERR_RETRY, "the loop has not gone round for %lld ms",
                       (long long)silence_ms);
    return true;
}
