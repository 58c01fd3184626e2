/*
 * page_call: one request for figures, from its arguments to its answer.
 *
 * Whoever takes it (page_routes) ends it exactly once: by page_call_end with what stands in its
 * JSON, by page_call_refuse, or by asking and doing so in the callback. Deadline, bound and the
 * end of the page are looked after here.
 */
#ifndef SERVICES_STORE_PAGE_PAGE_CALL_H
#define SERVICES_STORE_PAGE_PAGE_CALL_H

#include "services/store/page/json_text.h"
#include "services/store/page/page.h"
#include "services/store/page/page_query.h"
#include "services/store/page/page_refusals.h"
#include "services/store/time_range.h"

struct page_call;

/* answer NULL: it failed, *err says how. */
typedef void (*page_answer_fn)(struct page_call *call, const struct read_answer *answer,
                               const struct err *err);
typedef void (*page_rebuild_fn)(struct page_call *call, const struct rebuild_answer *answer);

struct page_call {
    struct page *page;
    const struct page_options *options;
    struct json_text json;
    struct time_range_series series; /* the route's own */
    /* page_call's own. At most one of the tickets is open. */
    struct http_exchange *exchange;
    struct read_ticket *read;
    struct rebuild_ticket *rebuild;
    page_answer_fn on_read;
    page_rebuild_fn on_rebuild;
    struct loop_timer *timer; /* of a rebuild's question; NULL: none */
    struct page_call *previous, *next;
};

struct page {
    struct loop *loop;
    struct page_options options;
    struct page_call *calls; /* open ones */
    int call_count;
    bool is_draining;
    int64_t started_ms; /* unix */
};

/* NULL: it was refused already, because there are too many. */
struct page_call *page_call_new(struct page *page, struct http_exchange *exchange);

/* One snapshot; fn is called later, once. */
void page_call_ask(struct page_call *call, const struct read_request *request, page_answer_fn fn);

/* About the newest rebuild. */
void page_call_ask_rebuild(struct page_call *call, page_rebuild_fn fn);

void page_call_end(struct page_call *call);
void page_call_refuse(struct page_call *call, enum page_refusal refusal, const char *why);

/* Generation and position of the snapshot, as the RPCs' metadata have them. */
void page_call_put_snapshot(struct page_call *call, const struct read_answer *answer);

#endif
