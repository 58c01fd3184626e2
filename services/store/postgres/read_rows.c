#include "services/store/postgres/read_rows.h"

#include "services/store/postgres/network.h"

static int64_t get_int64(const PGresult *result, int column)
{
    return network_get64(PQgetvalue(result, 0, column));
}

static int32_t get_int32(const PGresult *result, int column)
{
    return (int32_t)network_get32(PQgetvalue(result, 0, column));
}

static bool get_bool(const PGresult *result, int column)
{
    return PQgetvalue(result, 0, column)[0] != 0;
}

static struct bytes get_text(const PGresult *result, int column)
{
    if (PQgetisnull(result, 0, column))
        return (struct bytes){NULL, 0};
    return (struct bytes){PQgetvalue(result, 0, column), (size_t)PQgetlength(result, 0, column)};
}

int32_t read_rows_generation(const PGresult *result)
{
    return PQntuples(result) == 1 ? get_int32(result, READ_COLUMN_GENERATION) : 0;
}

static void decode_user(const PGresult *result, struct read_user *out)
{
    enum {
        ID = READ_COLUMN_FIRST,
        REGISTERED,
        LANG,
        LINK,
        FILE_MODE,
        AD_COUNT,
        AD_COOLDOWN,
        STUB,
        VIDEOS,
        IMAGES
    };
    out->exists = !PQgetisnull(result, 0, ID);
    if (!out->exists)
        return;
    out->user_id = get_int64(result, ID);
    out->has_registered_at = !PQgetisnull(result, 0, REGISTERED);
    out->registered_at = out->has_registered_at ? get_int64(result, REGISTERED) : 0;
    out->lang = get_text(result, LANG);
    out->link = get_text(result, LINK);
    out->file_mode = get_bool(result, FILE_MODE);
    out->ad_count = get_int32(result, AD_COUNT);
    out->ad_cooldown = get_int64(result, AD_COOLDOWN);
    out->is_stub = get_bool(result, STUB);
    out->videos = get_int64(result, VIDEOS);
    out->images = get_int64(result, IMAGES);
}

/* A one-dimensional bigint[] without NULLs: dimensions, flags, type, length and lower bound are
 * five int32; each element is its int32 length and eight bytes. An empty page is NULL. */
static void decode_ids(const PGresult *result, int64_t *ids, struct read_ids *out)
{
    enum { HEADER = 20, ELEMENT = 12 };
    struct bytes array = get_text(result, READ_COLUMN_FIRST);
    out->ids = ids;
    out->count = array.len > HEADER ? (array.len - HEADER) / ELEMENT : 0;
    if (out->count > READ_IDS_PAGE)
        out->count = READ_IDS_PAGE;
    for (size_t i = 0; i < out->count; i++)
        ids[i] = network_get64(array.data + HEADER + i * ELEMENT + 4);
}

static void decode_totals(const PGresult *result, struct read_totals *out)
{
    int64_t *const fields[] = {&out->chats,       &out->videos, &out->images,     &out->video_users,
                               &out->image_users, &out->music,  &out->music_users};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        *fields[i] = get_int64(result, READ_COLUMN_FIRST + (int)i);
}

void read_rows_decode(const PGresult *result, enum read_kind kind, int64_t *ids,
                      struct read_answer *out)
{
    *out = (struct read_answer){0};
    if (kind == READ_PING)
        return;
    out->generation = read_rows_generation(result);
    out->position = get_text(result, READ_COLUMN_POSITION);
    switch (kind) {
    case READ_USER:
        decode_user(result, &out->user);
        break;
    case READ_USER_IDS:
        decode_ids(result, ids, &out->ids);
        break;
    case READ_TOTALS:
        decode_totals(result, &out->totals);
        break;
    case READ_PING:
    case READ_FENCES:
        break;
    }
}
