#include "services/store/postgres/layout.h"

#include "services/store/postgres/network.h"

static void put_counts(struct array *arrays, const int64_t counts[FOLD_COUNTS])
{
    for (int i = 0; i < FOLD_COUNTS; i++)
        array_int64(&arrays[i], counts[i]);
}

void layout_put_totals(struct layout_columns *columns, const struct fold_totals *row)
{
    struct array *arrays = columns->arrays;
    array_int32(&arrays[0], row->partition);
    array_int16(&arrays[1], row->chat_class);
    put_counts(&arrays[2], row->counts);
    array_int64(&arrays[2 + FOLD_COUNTS], row->file_modes);
}

void layout_put_bucket_key(struct layout_columns *columns, const struct fold_bucket *row)
{
    struct array *arrays = columns->arrays;
    array_int16(&arrays[0], row->level);
    array_int64(&arrays[1], row->bucket);
    array_int32(&arrays[2], row->partition);
    array_int16(&arrays[3], row->chat_class);
}

void layout_put_bucket(struct layout_columns *columns, const struct fold_bucket *row)
{
    layout_put_bucket_key(columns, row);
    put_counts(&columns->arrays[4], row->counts);
}

void layout_get_top(const PGresult *result, int row, struct fold_top *out)
{
    *out = (struct fold_top){.partition = (int32_t)network_get32(PQgetvalue(result, row, 0)),
                             .user_id = network_get64(PQgetvalue(result, row, 1)),
                             .videos = network_get64(PQgetvalue(result, row, 2))};
}

void layout_put_top_key(struct layout_columns *columns, const struct fold_top *row)
{
    array_int32(&columns->arrays[0], row->partition);
    array_int64(&columns->arrays[1], row->user_id);
}

void layout_put_top(struct layout_columns *columns, const struct fold_top *row)
{
    layout_put_top_key(columns, row);
    array_int64(&columns->arrays[2], row->videos);
}

void layout_put_lang_key(struct layout_columns *columns, const struct fold_text_count *row)
{
    array_int32(&columns->arrays[0], row->partition);
    array_bytes(&columns->arrays[1], row->text);
}

void layout_put_lang(struct layout_columns *columns, const struct fold_text_count *row)
{
    layout_put_lang_key(columns, row);
    array_int64(&columns->arrays[2], row->chats);
}

void layout_put_link_key(struct layout_columns *columns, const struct fold_text_count *row)
{
    array_bytes(&columns->arrays[0], row->text);
}

void layout_put_link(struct layout_columns *columns, const struct fold_text_count *row)
{
    layout_put_link_key(columns, row);
    array_int64(&columns->arrays[1], row->chats);
}
