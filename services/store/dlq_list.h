/*
 * dlq_list: dead letters as a person or a program reads them.
 *
 * Nothing anybody wrote comes out, except by an export and by `reveals`.
 */
#ifndef SERVICES_STORE_DLQ_LIST_H
#define SERVICES_STORE_DLQ_LIST_H

#include "services/store/dlq_options.h"

/* A line each, by place; below them how to go on if there are more. ERR_RETRY. */
MUST_CHECK bool dlq_list(const struct letter_desk *desk, const struct dlq_options *options,
                         FILE *out, struct err *err);

/* One JSON object a line, with key and value. ERR_RETRY; ERR_REJECT: `out` does not take it. */
MUST_CHECK bool dlq_export(const struct letter_desk *desk, const struct dlq_options *options,
                           FILE *out, struct err *err);

/* All about the one place. ERR_RETRY; ERR_REJECT: there is none at it. */
MUST_CHECK bool dlq_show(const struct letter_desk *desk, const struct dlq_options *options,
                         FILE *out, struct err *err);

#endif
