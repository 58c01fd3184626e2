/*
 * replay_states: where a generation stands between its making and its end. Pure.
 *
 *   building ─▶ indexing ─▶ catching_up ─▶ verifying ─▶ ready ─▶ live ◀─▶ retired
 *                   │            ▲             │          │
 *                   ▼            └─────────────┴──────────┘ (verified again)
 *                 past                         └▶ failed
 *
 * Every one but live may end as dropping.
 */
#ifndef SERVICES_STORE_REPLAY_STATES_H
#define SERVICES_STORE_REPLAY_STATES_H

#include "libs/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum generation_state {
    GENERATION_BUILDING,    /* the bulk: up to where the log ended when it began */
    GENERATION_INDEXING,    /* its indexes are made; nothing is applied */
    GENERATION_CATCHING_UP, /* as the live one, behind it */
    GENERATION_VERIFYING,   /* compared with the live one at the same position */
    GENERATION_READY,       /* equal; kept up until the swap */
    GENERATION_FAILED,      /* it differs where it must not */
    GENERATION_PAST,        /* stands at a past moment for good */
    GENERATION_LIVE,        /* the pointer names it */
    GENERATION_RETIRED,     /* was live; kept up for a rollback */
    GENERATION_DROPPING,    /* being removed */
};
#define GENERATION_STATES 10

const char *generation_state_name(enum generation_state state);
/* False: no state of this build. */
bool generation_state_parse(struct bytes name, enum generation_state *out);

/* May a generation go from one state to the other? */
bool generation_may_become(enum generation_state from, enum generation_state to);

/* A worker writes it: it can be paused, and its progress is worth showing. */
bool generation_is_unfinished(enum generation_state state);

#endif
