/*
 * app_page: the status page of a running store: who may see it, where its figures come from, and,
 * when somebody looks at a rebuild, connections of its own to PostgreSQL and Kafka for that.
 */
#ifndef SERVICES_STORE_APP_PAGE_H
#define SERVICES_STORE_APP_PAGE_H

#include "libs/ops/admin.h"
#include "services/store/ingest.h"
#include "services/store/read_ports.h"
#include "services/store/settings.h"

struct app_page;

struct app_page_options {
    const struct store_settings *settings; /* borrowed */
    const char *conninfo;                  /* borrowed */
    struct read_store reads;               /* ask NULL: this process does not read */
    struct ingest *ingest;                 /* NULL: another process ingests */
};

void app_page_add_metrics(void); /* once, before threads start */

/* What only the tokens' file and the form of a header can tell about the settings. ERR_REJECT. */
MUST_CHECK bool app_page_check(const struct store_settings *settings, struct err *err);

/* NULL: there is a page. Else why there is none, and how to have one; free() it. */
char *app_page_off(const struct store_settings *settings);

/* ERR_REJECT: the tokens cannot be used. The admin listener serves it from now on. */
MUST_CHECK bool app_page_open(struct loop *loop, struct admin *admin,
                              const struct app_page_options *options, struct app_page **out,
                              struct err *err);
void app_page_drain(struct app_page *page);
bool app_page_is_idle(const struct app_page *page);
void app_page_free(struct app_page *page); /* before the admin listener and the reads; NULL is
                                              fine */

#endif
