/*
 * page_routes: what each path of /api/v1 asks and how the answer is written. Each takes the call
 * and its arguments, and ends it now or later.
 */
#ifndef SERVICES_STORE_PAGE_PAGE_ROUTES_H
#define SERVICES_STORE_PAGE_PAGE_ROUTES_H

#include "services/store/page/page_call.h"

/* page_status: this process, and what stands between the log and the tables */
void page_get_status(struct page_call *call, struct page_query *query);
void page_get_rebuild(struct page_call *call, struct page_query *query);

/* page_figures: the statistics */
void page_get_bot_stats(struct page_call *call, struct page_query *query);
void page_get_time_series(struct page_call *call, struct page_query *query);
void page_get_other_stats(struct page_call *call, struct page_query *query);
void page_get_referral_stats(struct page_call *call, struct page_query *query);

#endif
