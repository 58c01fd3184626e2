/*
 * page: the status page of the store, for people: a static page, and the figures it shows as JSON.
 *
 *   /, /page.css, /page.js …         compiled in (assets); they hold no figure
 *   /api/v1/status.json             this process: partitions, lag; letters, generations
 *   /api/v1/rebuild.json            how far the rebuild is (AdminService's GetRebuild)
 *   /api/v1/bot-stats.json          GetBotStats: class, seconds
 *   /api/v1/time-series.json        GetTimeSeries: series, bucket, from, to, class
 *   /api/v1/other-stats.json        GetOtherStats
 *   /api/v1/referral-stats.json     GetReferralStats: limit
 *
 * The figures are the RPCs' own: the same requests to the same read_store, each answer one snapshot
 * with its generation and position. Read-only: GET and HEAD. Nothing blocks: a question waits in
 * the pool of the reads or on the rebuild desk, at most PAGE_CALLS_MAX at a time (fewer than the
 * admin listener has connections, so that the probes have room) and PAGE_DEADLINE_MS long; what is
 * more or later is 503. A process without the role rpc answers status.json alone, the rest is 404.
 * Who may see it: page_access. Runs on the admin listener's loop.
 */
#ifndef SERVICES_STORE_PAGE_PAGE_H
#define SERVICES_STORE_PAGE_PAGE_H

#include "libs/http/server.h"
#include "libs/loop/loop.h"
#include "services/store/ingest.h"
#include "services/store/page/page_access.h"
#include "services/store/read_ports.h"
#include "services/store/rebuild_desk.h"

#define PAGE_CALLS_MAX 16
#define PAGE_DEADLINE_MS 5000

struct page;

struct page_options {
    struct page_access access; /* its parts are borrowed, as are all texts */
    const char *version;
    const char *topic;
    int64_t bot_id;
    struct read_store reads; /* ask NULL: not this process's role */
    struct ingest *ingest;   /* NULL: not this process's role */
    /* Where rebuilds are asked for; made when it is first wanted. NULL: it cannot be had, *err says
     * why. */
    struct rebuild_desk *(*desk)(void *self, struct err *err);
    void *desk_self;
};

void page_add_metrics(void); /* once, before threads start */

struct page *page_new(struct loop *loop, const struct page_options *options);

/* True: the request is the page's, and is answered now or later. For admin_serve. */
bool page_serve(void *page, struct http_exchange *exchange);

void page_drain(struct page *page); /* figures are refused from now on */
bool page_is_idle(const struct page *page);

/* Before the reads, the desk and the listener end: open requests are answered with 503. NULL is
 * fine. */
void page_free(struct page *page);

#endif
