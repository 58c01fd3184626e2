#include "services/store/replay_states.h"

#define TO(state) (UINT32_C(1) << (state))

static const struct {
    const char *name;
    uint32_t next; /* bits of the states it may become */
} STATES[GENERATION_STATES] = {
    [GENERATION_BUILDING] = {"building", TO(GENERATION_INDEXING) | TO(GENERATION_DROPPING)},
    [GENERATION_INDEXING] = {"indexing", TO(GENERATION_CATCHING_UP) | TO(GENERATION_PAST) |
                                             TO(GENERATION_DROPPING)},
    [GENERATION_CATCHING_UP] = {"catching_up", TO(GENERATION_VERIFYING) | TO(GENERATION_DROPPING)},
    [GENERATION_VERIFYING] = {"verifying", TO(GENERATION_READY) | TO(GENERATION_FAILED) |
                                               TO(GENERATION_CATCHING_UP) |
                                               TO(GENERATION_DROPPING)},
    [GENERATION_READY] = {"ready", TO(GENERATION_LIVE) | TO(GENERATION_CATCHING_UP) |
                                       TO(GENERATION_DROPPING)},
    [GENERATION_FAILED] = {"failed", TO(GENERATION_DROPPING)},
    [GENERATION_PAST] = {"past", TO(GENERATION_DROPPING)},
    [GENERATION_LIVE] = {"live", TO(GENERATION_RETIRED)},
    [GENERATION_RETIRED] = {"retired", TO(GENERATION_LIVE) | TO(GENERATION_DROPPING)},
    [GENERATION_DROPPING] = {"dropping", 0},
};

const char *generation_state_name(enum generation_state state)
{
    return STATES[state].name;
}

bool generation_state_parse(struct bytes name, enum generation_state *out)
{
    for (int state = 0; state < GENERATION_STATES; state++) {
        if (!bytes_equal(name, bytes_of_text(STATES[state].name)))
            continue;
        *out = (enum generation_state)state;
        return true;
    }
    return false;
}

bool generation_may_become(enum generation_state from, enum generation_state to)
{
    return (STATES[from].next & TO(to)) != 0;
}

bool generation_is_unfinished(enum generation_state state)
{
    return state <= GENERATION_READY;
}
