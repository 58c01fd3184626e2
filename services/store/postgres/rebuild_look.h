/* rebuild_look: how far a rebuild is, as the tables say; whoever does the work. */
#ifndef SERVICES_STORE_POSTGRES_REBUILD_LOOK_H
#define SERVICES_STORE_POSTGRES_REBUILD_LOOK_H

#include "services/store/ports.h"

struct session;

/* As projection_store.look_at_rebuild. */
MUST_CHECK bool rebuild_look(struct session *session, struct rebuild_census *out, struct err *err);

#endif
