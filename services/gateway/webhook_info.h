/* webhook_info: what getWebhookInfo tells. */
#ifndef SERVICES_GATEWAY_WEBHOOK_INFO_H
#define SERVICES_GATEWAY_WEBHOOK_INFO_H

#include "libs/base/buf.h"
#include "libs/base/err.h"

#include <yyjson.h>

/* Views into the document that it was read from. */
struct webhook_info {
    struct bytes url; /* empty: no webhook is set */
    bool has_certificate;
    int64_t pending;
    int64_t max_connections; /* 0: not told */
    struct bytes ip_address;
    int64_t last_error_at; /* unix seconds; 0: none */
    struct bytes last_error;
    int64_t last_sync_error_at;  /* Telegram could not fetch updates itself */
    yyjson_val *allowed_updates; /* an array of texts; NULL: Telegram's own choice */
};

/* ERR_RETRY: this is no such result. */
MUST_CHECK bool webhook_info_read(yyjson_val *result, struct webhook_info *out, struct err *err);

#define WEBHOOK_INFO_BYTES_MAX (8 << 20) /* what `out` must have room for */

/* Append lines for a person; bot tokens and control characters are hidden. */
void webhook_info_show(const struct webhook_info *info, struct buf *out);

#endif
