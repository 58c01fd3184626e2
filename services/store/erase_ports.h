/*
 * erase_ports: what the erase command needs to know of the database.
 *
 * Adapter: postgres/fence_reader. One thread.
 */
#ifndef SERVICES_STORE_ERASE_PORTS_H
#define SERVICES_STORE_ERASE_PORTS_H

#include "libs/wire/position.h"

struct applied_port {
    /* What has been applied: the fences of the active generation; the caller ends *out with
     * position_done. ERR_RETRY, ERR_FATAL. */
    bool (*find)(void *self, struct position *out, struct err *err);
    void *self;
};

#endif
