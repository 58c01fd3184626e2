#include "services/store/postgres/layout.h"

#include "services/store/postgres/copy_fields.h"

#define ROW_PLACE_LEN 6 /* of a ctid; it goes back as it came */
#define USER_FIELDS 20

/* timestamptz counts microseconds from 2000-01-01. */
#define TIMESTAMP_EPOCH_MS INT64_C(946684800000)

static int64_t get_int64(const PGresult *result, int row, int column)
{
    return network_get64(PQgetvalue(result, row, column));
}

static bool get_bool(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] != 0;
}

static struct bytes get_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (struct bytes){0};
    return (struct bytes){PQgetvalue(result, row, column),
                          (size_t)PQgetlength(result, row, column)};
}

/* Three columns from `column` on. */
static bool get_mark(const PGresult *result, int row, int column, struct fold_mark *out)
{
    if (PQgetisnull(result, row, column))
        return false;
    out->time_ms = get_int64(result, row, column);
    out->update_id = get_int64(result, row, column + 1);
    memcpy(out->event_id, PQgetvalue(result, row, column + 2), EVENT_ID_LEN);
    return true;
}

static void put_mark(struct array *arrays, const struct fold_mark *mark)
{
    if (mark == NULL) {
        for (int i = 0; i < 3; i++)
            array_null(&arrays[i]);
        return;
    }
    array_int64(&arrays[0], mark->time_ms);
    array_int64(&arrays[1], mark->update_id);
    array_bytes(&arrays[2], (struct bytes){(const char *)mark->event_id, EVENT_ID_LEN});
}

/* The largest known time of a kind of fact; NULL: none. */
static int64_t get_time(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? FOLD_NEVER : get_int64(result, row, column);
}

static void put_time(struct array *array, int64_t time_s)
{
    if (time_s == FOLD_NEVER)
        array_null(array);
    else
        array_int64(array, time_s);
}

/* Three counts and three times. */
static void put_tallies(struct array *arrays, const struct fold_user *row)
{
    const struct fold_tally *const tallies[] = {&row->videos, &row->images, &row->music};
    for (int i = 0; i < 3; i++) {
        array_int64(&arrays[i], tallies[i]->count);
        put_time(&arrays[3 + i], tallies[i]->last_at);
    }
}

void layout_get_user(const PGresult *result, int row, struct fold_user *out)
{
    *out = (struct fold_user){.user_id = get_int64(result, row, 0)};
    out->has_registered_at = !PQgetisnull(result, row, 1);
    out->registered_at = out->has_registered_at ? get_int64(result, row, 1) : 0;
    out->lang = get_text(result, row, 2);
    out->link = get_text(result, row, 3);
    out->file_mode = get_bool(result, row, 4);
    out->ad_count = (int32_t)network_get32(PQgetvalue(result, row, 5));
    out->ad_cooldown = get_int64(result, row, 6);
    out->is_stub = get_bool(result, row, 7);
    out->is_lang_set = get_bool(result, row, 8);
    out->is_blocked = get_bool(result, row, 9);
    out->is_mode_set = get_bool(result, row, 10);
    (void)get_mark(result, row, 11, &out->first);
    struct fold_tally *const tallies[] = {&out->videos, &out->images, &out->music};
    for (int i = 0; i < 3; i++)
        *tallies[i] = (struct fold_tally){.count = get_int64(result, row, 14 + i),
                                          .last_at = get_time(result, row, 17 + i)};
    const char *place = PQgetvalue(result, row, 20); /* block in 32 bits, line in 16 */
    memcpy(&out->row_place, place, ROW_PLACE_LEN);
}

void layout_put_user(struct layout_columns *columns, const struct fold_user *row)
{
    struct array *arrays = columns->arrays;
    array_int64(&arrays[0], row->user_id);
    if (row->has_registered_at)
        array_int64(&arrays[1], row->registered_at);
    else
        array_null(&arrays[1]);
    array_bytes(&arrays[2], row->lang);
    array_bytes(&arrays[3], row->link);
    array_bool(&arrays[4], row->file_mode);
    array_int32(&arrays[5], row->ad_count);
    array_int64(&arrays[6], row->ad_cooldown);
    array_bool(&arrays[7], row->is_stub);
    array_bool(&arrays[8], row->is_lang_set);
    array_bool(&arrays[9], row->is_blocked);
    array_bool(&arrays[10], row->is_mode_set);
    put_mark(&arrays[11], row->is_stub ? NULL : &row->first);
    put_tallies(&arrays[14], row);
}

void layout_put_counters(struct layout_columns *columns, const struct fold_user *row)
{
    struct array *arrays = columns->arrays;
    array_bytes(&arrays[0], (struct bytes){(const char *)&row->row_place, ROW_PLACE_LEN});
    array_bool(&arrays[1], row->file_mode);
    array_int32(&arrays[2], row->ad_count);
    array_int64(&arrays[3], row->ad_cooldown);
    array_bool(&arrays[4], row->is_blocked);
    array_bool(&arrays[5], row->is_mode_set);
    put_tallies(&arrays[6], row);
}

static char *copy_mark(char *at, const struct fold_mark *mark)
{
    if (mark == NULL)
        return copy_null(copy_null(copy_null(at)));
    at = copy_int64(at, mark->time_ms);
    at = copy_int64(at, mark->update_id);
    return copy_id(at, mark->event_id);
}

char *layout_copy_user(char *at, const struct fold_user *row)
{
    at = network_put16(at, USER_FIELDS);
    at = copy_int64(at, row->user_id);
    at = copy_int64_or_null(at, row->has_registered_at, row->registered_at);
    at = copy_text(at, row->lang);
    at = copy_text(at, row->link);
    at = copy_bool(at, row->file_mode);
    at = copy_int32(at, row->ad_count);
    at = copy_int64(at, row->ad_cooldown);
    at = copy_bool(at, row->is_stub);
    at = copy_bool(at, row->is_lang_set);
    at = copy_bool(at, row->is_blocked);
    at = copy_bool(at, row->is_mode_set);
    at = copy_mark(at, row->is_stub ? NULL : &row->first);
    const struct fold_tally *const tallies[] = {&row->videos, &row->images, &row->music};
    for (int i = 0; i < 3; i++)
        at = copy_int64(at, tallies[i]->count);
    for (int i = 0; i < 3; i++)
        at = copy_int64_or_null(at, tallies[i]->last_at != FOLD_NEVER, tallies[i]->last_at);
    return at;
}

void layout_get_profile(const PGresult *result, int row, struct fold_profile *out)
{
    *out = (struct fold_profile){.id = get_int64(result, row, 0)};
    out->username = get_text(result, row, 1);
    out->first_name = get_text(result, row, 2);
    out->has_created_at = !PQgetisnull(result, row, 3);
    out->created_at_ms =
        out->has_created_at ? get_int64(result, row, 3) / 1000 + TIMESTAMP_EPOCH_MS : 0;
    out->has_first = get_mark(result, row, 4, &out->first);
    out->has_last = get_mark(result, row, 7, &out->last);
    out->settings = get_text(result, row, 10);
}

void layout_put_profile(struct layout_columns *columns, const struct fold_profile *row)
{
    struct array *arrays = columns->arrays;
    array_int64(&arrays[0], row->id);
    array_bytes(&arrays[1], row->username);
    array_bytes(&arrays[2], row->first_name);
    if (row->has_created_at)
        array_int64(&arrays[3], (row->created_at_ms - TIMESTAMP_EPOCH_MS) * 1000);
    else
        array_null(&arrays[3]);
    put_mark(&arrays[4], row->has_first ? &row->first : NULL);
    put_mark(&arrays[7], row->has_last ? &row->last : NULL);
    array_bytes(&arrays[10], row->settings);
}
