/* session_options: how to connect to PostgreSQL. Free of libpq, so that wiring may see it. */
#ifndef SERVICES_STORE_POSTGRES_SESSION_OPTIONS_H
#define SERVICES_STORE_POSTGRES_SESSION_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct session_options {
    const char *conninfo;
    const char *application_name;
    bool is_writer; /* refuse servers that are read-only */
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms; /* of the server; ours is a little longer */
    int64_t lock_timeout_ms;
};

#endif
