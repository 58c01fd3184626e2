#include "services/store/page/page.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/page/page_answer.h"
#include "services/store/page/page_routes.h"

#include <stdlib.h>

#define API "/api/v1/"

static const struct {
    const char *name;
    void (*get)(struct page_call *call, struct page_query *query);
    bool needs_reads;
} ROUTES[] = {
    {"status.json", page_get_status, false},
    {"rebuild.json", page_get_rebuild, false},
    {"bot-stats.json", page_get_bot_stats, true},
    {"time-series.json", page_get_time_series, true},
    {"other-stats.json", page_get_other_stats, true},
    {"referral-stats.json", page_get_referral_stats, true},
};

void page_add_metrics(void)
{
    page_refusals_add();
}

struct page *page_new(struct loop *loop, const struct page_options *options)
{
    struct page *page = mem_alloc(sizeof(*page));
    page->loop = loop;
    page->options = *options;
    page->started_ms = now_unix_ms();
    return page;
}

static bool may_see(const struct page *page, struct http_exchange *exchange)
{
    const char *header = page->options.access.proxy_header;
    struct page_caller caller = {
        .host = http_header(exchange, "Host"),
        .authorization = http_header(exchange, "Authorization"),
    };
    if (header[0] != '\0')
        caller.proxy = http_header(exchange, header);
    enum page_verdict verdict = page_access_judge(&page->options.access, &caller);
    if (verdict == PAGE_UNAUTHENTICATED)
        page_answer_refusal(exchange, PAGE_NO_TOKEN, "no or a wrong bearer token");
    else if (verdict == PAGE_FOREIGN_HOST)
        page_answer_refusal(exchange, PAGE_WRONG_HOST,
                            "asked for by another name than this machine's; use 127.0.0.1, or set "
                            "STORE_PAGE_TOKENS_FILE");
    return verdict == PAGE_OPEN;
}

static void begin(struct page *page, struct http_exchange *exchange, size_t route)
{
    struct page_query query;
    struct err err;
    if (page->is_draining) {
        page_answer_refusal(exchange, PAGE_UNAVAILABLE, "the store is shutting down");
        return;
    }
    if (ROUTES[route].needs_reads && page->options.reads.ask == NULL) {
        page_answer_refusal(exchange, PAGE_NOT_SERVED, "this process has not the role rpc");
        return;
    }
    if (!page_query_parse(http_query(exchange), &query, &err)) {
        page_answer_refusal(exchange, PAGE_WRONG_ARGUMENT, err.text);
        return;
    }
    struct page_call *call = page_call_new(page, exchange);
    if (call != NULL)
        ROUTES[route].get(call, &query);
}

static bool serve_api(struct page *page, struct http_exchange *exchange)
{
    struct bytes path = http_path(exchange);
    struct bytes base = BYTES_LITERAL(API);
    if (path.len < base.len || memcmp(path.data, base.data, base.len) != 0)
        return false;
    struct bytes name = {path.data + base.len, path.len - base.len};
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(*ROUTES); i++)
        if (bytes_equal(name, bytes_of_text(ROUTES[i].name))) {
            if (may_see(page, exchange))
                begin(page, exchange, i);
            return true;
        }
    return false;
}

bool page_serve(void *self, struct http_exchange *exchange)
{
    struct page *page = self;
    return page_access_is_on(&page->options.access) &&
           (serve_api(page, exchange) || page_answer_asset(exchange));
}

void page_drain(struct page *page)
{
    page->is_draining = true;
}

bool page_is_idle(const struct page *page)
{
    return page->call_count == 0;
}

void page_free(struct page *page)
{
    if (page == NULL)
        return;
    while (page->calls != NULL)
        page_call_refuse(page->calls, PAGE_UNAVAILABLE, "the store is shutting down");
    free(page);
}
