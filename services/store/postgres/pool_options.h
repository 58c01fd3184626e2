/* pool_options: how many connections the read side keeps, and to what. */
#ifndef SERVICES_STORE_POSTGRES_POOL_OPTIONS_H
#define SERVICES_STORE_POSTGRES_POOL_OPTIONS_H

#include "services/store/postgres/connect.h"

#include <stddef.h>

struct pool_options {
    struct connect_options connect; /* texts are borrowed; each statement ends by its timeout */
    int min;
    int max;
    size_t queue_max;
};

#endif
