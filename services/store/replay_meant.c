#include "services/store/replay_meant.h"

#define BIT(state) (UINT32_C(1) << (state))
#define UNFINISHED \
    (BIT(GENERATION_BUILDING) | BIT(GENERATION_INDEXING) | BIT(GENERATION_CATCHING_UP) | \
     BIT(GENERATION_VERIFYING) | BIT(GENERATION_READY))
#define EVERY (BIT(GENERATION_STATES) - 1U)

/* By what is ordered; what is not here is for any one that is unfinished, failed or live. A removal
 * that was cut short can be ordered again. */
static const struct {
    uint32_t states; /* that can have it */
    const char *needs;
} ORDERS[REPLAY_DROP + 1] = {
    [REPLAY_PAUSE] = {UNFINISHED, "one that is being rebuilt"},
    [REPLAY_RESUME] = {UNFINISHED, "one that is being rebuilt"},
    [REPLAY_SWAP] = {UNFINISHED, "one that is being rebuilt"},
    [REPLAY_CANCEL] = {UNFINISHED | BIT(GENERATION_FAILED) | BIT(GENERATION_DROPPING),
                       "one that is being rebuilt or failed"},
    [REPLAY_ROLLBACK] = {BIT(GENERATION_RETIRED), "one that was live before"},
    [REPLAY_DROP] = {EVERY & ~BIT(GENERATION_LIVE), "one that is not live"},
};
#define LOOKED_AT (UNFINISHED | BIT(GENERATION_FAILED) | BIT(GENERATION_LIVE))

static bool can_have(enum replay_action action, enum generation_state state)
{
    uint32_t states = ORDERS[action].states == 0 ? LOOKED_AT : ORDERS[action].states;
    return (states & BIT(state)) != 0;
}

static const struct generation_row *newest(enum replay_action action,
                                           const struct generation_row *rows, size_t count)
{
    const struct generation_row *found = NULL;
    for (size_t i = 0; i < count; i++) {
        bool is_live = rows[i].state == GENERATION_LIVE;
        if (can_have(action, rows[i].state) && (!is_live || found == NULL))
            found = &rows[i];
    }
    return found;
}

enum replay_found replay_meant(enum replay_action action, int id, const struct generation_row *rows,
                               size_t count, const struct generation_row **out)
{
    *out = id == 0 ? newest(action, rows, count) : NULL;
    for (size_t i = 0; id > 0 && i < count; i++)
        if (rows[i].id == id)
            *out = &rows[i];
    if (*out == NULL)
        return REPLAY_NOT_FOUND;
    bool is_look = ORDERS[action].states == 0;
    return is_look || can_have(action, (*out)->state) ? REPLAY_FOUND : REPLAY_UNFIT;
}

const char *replay_needs(enum replay_action action)
{
    return ORDERS[action].needs;
}
