#include "services/store/postgres/layout.h"

#include "services/store/postgres/network.h"

static void put_uuid(struct array *array, const uint8_t id[16])
{
    array_bytes(array, (struct bytes){(const char *)id, 16});
}

void layout_put_alias(struct layout_columns *columns, const struct fold_alias *alias)
{
    array_int64(&columns->arrays[0], alias->old_id);
    array_int64(&columns->arrays[1], alias->new_id);
    array_int32(&columns->arrays[2], alias->partition);
}

void layout_get_tombstone(const PGresult *result, int row, struct tombstone *out)
{
    out->partition = (int32_t)network_get32(PQgetvalue(result, row, 0));
    memcpy(out->subject, PQgetvalue(result, row, 1), ERASURE_SUBJECT_LEN);
    out->until_ms = network_get64(PQgetvalue(result, row, 2));
}

void layout_put_tombstone(struct layout_columns *columns, const struct batch_event *erased)
{
    struct tombstone tombstone = tombstone_of(&erased->event, &erased->record.place);
    array_int32(&columns->arrays[0], tombstone.partition);
    put_uuid(&columns->arrays[1], tombstone.subject);
    array_int64(&columns->arrays[2], tombstone.until_ms);
}

void layout_put_erasure(struct layout_columns *columns, const struct batch_event *erased)
{
    struct tombstone tombstone = tombstone_of(&erased->event, &erased->record.place);
    array_int32(&columns->arrays[0], tombstone.partition);
    array_int64(&columns->arrays[1], erased->record.place.offset);
    put_uuid(&columns->arrays[2], erased->event.id);
    put_uuid(&columns->arrays[3], tombstone.subject);
    array_int64(&columns->arrays[4], tombstone.until_ms);
}

void layout_put_letters_of(struct layout_columns *columns, const struct fold_erasure *erasure)
{
    uint8_t subject[ERASURE_SUBJECT_LEN];
    erasure_subject(erasure->user_id, subject);
    array_int32(&columns->arrays[0], erasure->place.partition);
    array_int64(&columns->arrays[1], erasure->place.offset);
    put_uuid(&columns->arrays[2], subject);
}
