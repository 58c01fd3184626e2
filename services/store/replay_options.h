/* replay_options: the words and options after `telefact-store replay`. */
#ifndef SERVICES_STORE_REPLAY_OPTIONS_H
#define SERVICES_STORE_REPLAY_OPTIONS_H

#include "libs/base/err.h"
#include "libs/wire/position.h"

#include <stdio.h>

enum replay_action {
    REPLAY_HELP,
    REPLAY_START,
    REPLAY_WORK,
    REPLAY_STATUS,
    REPLAY_WATCH,
    REPLAY_LIST,
    REPLAY_PAUSE,
    REPLAY_RESUME,
    REPLAY_CANCEL,
    REPLAY_SWAP,
    REPLAY_ROLLBACK,
    REPLAY_DROP,
};

/* Texts are borrowed from argv. */
struct replay_options {
    enum replay_action action;
    int generation; /* 0: the one that is meant, if it is only one */
    bool is_json;
    /* start */
    bool has_as_of_time, has_as_of_position;
    int64_t as_of_ms;
    struct position as_of_position;
    const char *expected_differences; /* "" */
    bool is_forced;
    bool is_only_made; /* --no-work */
    /* start and work */
    bool is_swapped_when_ready;
    int64_t grace_ms;         /* how long the replaced generation is kept up */
    int cpu_percent;          /* of one processor, 1 to 100 */
    size_t memory_bytes;      /* of what waits to be written in the bulk */
    const char *admin_listen; /* host:port for /metrics; NULL: none */
    int64_t live_lag_max;     /* events behind of the live store from which on the rebuild waits */
};

/* argv[0] is "replay". ERR_REJECT: wrong usage. The caller ends *out with replay_options_done, also
 * on failure. */
MUST_CHECK bool replay_options_parse(int argc, char **argv, struct replay_options *out,
                                     struct err *err);
void replay_options_done(struct replay_options *options);

void replay_options_print_usage(FILE *out);

#endif
