#include "services/store/ingest_state.h"

void ingest_heed_erasures(struct ingest *ingest, struct batch_event *item)
{
    const struct fold_place *place = &item->record.place;
    if (item->fate == BATCH_ASIDE) {
        item->is_withheld =
            tombstones_cover_letter(&ingest->tombstones, &item->event, place, item->record.key);
    } else if (tombstones_cover(&ingest->tombstones, &item->event, place)) {
        item->fate = BATCH_LATE;
    } else if (item->event.kind == EVENT_USER_ERASED) {
        struct tombstone tombstone = tombstone_of(&item->event, place);
        tombstones_put(&ingest->tombstones, &tombstone);
    }
}
