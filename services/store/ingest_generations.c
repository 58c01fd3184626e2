#include "services/store/ingest_state.h"

#include "libs/base/log.h"
#include "services/store/replay_metrics.h"

static void show_rebuild(struct ingest *ingest, const struct rebuild_census *census, int64_t now_ms)
{
    struct replay_view view = {.state = census->state,
                               .is_paused = census->is_paused,
                               .done = census->done,
                               .total = census->total};
    if (census->generation == 0) {
        ingest->rebuild_speed = (struct replay_speed){0};
        replay_metrics_none();
        return;
    }
    replay_speed_add(&ingest->rebuild_speed, &view, now_ms);
    replay_metrics_set(census->generation, &view, &ingest->rebuild_speed);
}

void ingest_tend_generations(struct ingest *ingest, int64_t now_ms)
{
    struct projection_store *store = &ingest->store;
    struct rebuild_census census;
    struct err err;
    int64_t erased = 0;
    if (!ingest->options.tends_generations)
        return;
    if (!store->look_at_rebuild(store->self, &census, &err))
        log_warn("the rebuild could not be looked at, later again", LOG_TEXT("error", err.text));
    else
        show_rebuild(ingest, &census, now_ms);
    if (!store->erase_past(store->self, &erased, &err))
        log_warn("a past moment may still show who was erased since, later again",
                 LOG_TEXT("error", err.text));
    else if (erased > 0)
        log_info("erased in past moments, too", LOG_INT("events", erased));
}
