/* page_answer: how the status page answers: every answer carries the headers that keep a browser
 * from doing more with it than showing it. */
#ifndef SERVICES_STORE_PAGE_PAGE_ANSWER_H
#define SERVICES_STORE_PAGE_PAGE_ANSWER_H

#include "libs/http/server.h"
#include "services/store/page/page_refusals.h"

/* A static file; false: there is none at this path. */
bool page_answer_asset(struct http_exchange *exchange);

void page_answer_json(struct http_exchange *exchange, struct bytes json);

/* Tells and counts it, too. `why` is a line for a person. */
void page_answer_refusal(struct http_exchange *exchange, enum page_refusal refusal,
                         const char *why);

#endif
