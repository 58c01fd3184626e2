/* replay_meant: which generation an order is about, and whether it can have it. Pure. */
#ifndef SERVICES_STORE_REPLAY_MEANT_H
#define SERVICES_STORE_REPLAY_MEANT_H

#include "services/store/replay_options.h"
#include "services/store/replay_ports.h"

enum replay_found {
    REPLAY_FOUND,     /* *out can have the order */
    REPLAY_NOT_FOUND, /* there is no such generation, or none that can have it */
    REPLAY_UNFIT,     /* *out was named, and is in a state in which it cannot */
};

/* id 0: the newest one that can have it; for a look a live one only where nothing is being built.
 * *out is one of the rows. */
enum replay_found replay_meant(enum replay_action action, int id, const struct generation_row *rows,
                               size_t count, const struct generation_row **out);

/* What an order needs: "one that is being rebuilt". */
const char *replay_needs(enum replay_action action);

#endif
