/* fence_reader: an applied_port over the fences of the active generation. One thread. */
#ifndef SERVICES_STORE_POSTGRES_FENCE_READER_H
#define SERVICES_STORE_POSTGRES_FENCE_READER_H

#include "services/store/erase_ports.h"
#include "services/store/postgres/session_options.h"

struct fence_reader;

/* Connects when it is asked. `options` is borrowed until fence_reader_free. */
struct fence_reader *fence_reader_new(const struct session_options *options);
struct applied_port fence_reader_port(struct fence_reader *reader);
void fence_reader_free(struct fence_reader *reader); /* NULL is fine */

#endif
