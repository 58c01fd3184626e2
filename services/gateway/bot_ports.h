/* bot_ports: what the command line needs of the Bot API: one call, waited for. */
#ifndef SERVICES_GATEWAY_BOT_PORTS_H
#define SERVICES_GATEWAY_BOT_PORTS_H

#include "libs/base/buf.h"

struct bot_field {
    const char *name;
    struct bytes value;
    bool is_file; /* sent as the content of an uploaded file */
};

struct bot_request {
    const char *method;
    const struct bot_field *fields;
    size_t field_count;
};

struct bot_port {
    /* Append the body of the answer, whatever its status, to `out_answer`. ERR_RETRY: no whole
     * answer came; the text holds neither address nor token. */
    bool (*call)(void *self, const struct bot_request *request, struct buf *out_answer,
                 struct err *err);
    void *self;
};

#endif
