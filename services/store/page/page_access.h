/*
 * page_access: who may see the figures of the status page.
 *
 * With STORE_PAGE_TOKENS_FILE a bearer token is needed, with STORE_PAGE_PROXY_HEADER that a proxy
 * in front has put this header on the request; with both, either does. With neither the page is
 * free where the admin listener stands on loopback, and off beyond. Free pages are shown only under
 * a name of this machine (Host): else a page of somebody else in the operator's browser could read
 * them, under a name of its own that leads to 127.0.0.1. Pure.
 */
#ifndef SERVICES_STORE_PAGE_PAGE_ACCESS_H
#define SERVICES_STORE_PAGE_PAGE_ACCESS_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"
#include "libs/rpc/auth.h"

struct page_access {
    bool is_loopback;         /* where the listener stands */
    struct rpc_auth auth;     /* count 0: no tokens */
    const char *proxy_header; /* "": none */
};

/* The headers of a request; data NULL: absent. */
struct page_caller {
    struct bytes host, authorization, proxy;
};

enum page_verdict {
    PAGE_OFF,
    PAGE_OPEN,
    PAGE_UNAUTHENTICATED,
    PAGE_FOREIGN_HOST,
};

/* There is a page at all. */
bool page_access_is_on(const struct page_access *access);

/* Of what holds figures; the rest of the page is open when it is on. */
enum page_verdict page_access_judge(const struct page_access *access,
                                    const struct page_caller *caller);

/* What may be STORE_PAGE_PROXY_HEADER. ERR_REJECT: no name of a header, or one that any request
 * has. */
MUST_CHECK bool page_access_check_header(const char *name, struct err *err);

#endif
