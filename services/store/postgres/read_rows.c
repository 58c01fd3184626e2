#include "services/store/postgres/read_rows.h"

#include "libs/base/mem.h"
#include "services/store/postgres/network.h"
#include "services/store/postgres/record.h"

#include <stdlib.h>

/* Columns every statement but PING and the pointer begins with. */
enum { COLUMN_GENERATION, COLUMN_POSITION, COLUMN_FIRST };

static struct bytes get_value(const PGresult *result, int column)
{
    if (PQgetisnull(result, 0, column))
        return (struct bytes){NULL, 0};
    return (struct bytes){PQgetvalue(result, 0, column), (size_t)PQgetlength(result, 0, column)};
}

static int64_t get_int64(const PGresult *result, int column)
{
    return network_get64(PQgetvalue(result, 0, column));
}

int32_t read_rows_generation(const PGresult *result)
{
    return PQntuples(result) == 1 ? (int32_t)network_get32(PQgetvalue(result, 0, COLUMN_GENERATION))
                                  : 0;
}

/* See USER_COLUMNS of read_sql. */
static void take_user(struct bytes value, struct read_user *out)
{
    out->exists = value.data != NULL;
    if (!out->exists)
        return;
    struct record record = record_open(value);
    out->user_id = record_take_int64(&record);
    out->has_registered_at = record_take_known(&record, &out->registered_at);
    out->lang = record_take(&record);
    out->link = record_take(&record);
    out->file_mode = record_take_bool(&record);
    out->ad_count = record_take_int32(&record);
    out->ad_cooldown = record_take_int64(&record);
    out->is_stub = record_take_bool(&record);
    out->is_lang_set = record_take_bool(&record);
    out->is_mode_set = record_take_bool(&record);
    out->videos = record_take_int64(&record);
    out->images = record_take_int64(&record);
}

static void take_chat(struct record record, struct read_chat *out)
{
    out->user_id = record_take_int64(&record);
    take_user(record_take(&record), &out->own);
    take_user(record_take(&record), &out->old);
}

static void decode_profile(struct bytes value, struct read_profile *out)
{
    out->exists = value.data != NULL;
    if (!out->exists)
        return;
    struct record record = record_open(value);
    out->id = record_take_int64(&record);
    out->username = record_take(&record);
    out->first_name = record_take(&record);
    out->has_created_at = record_take_known(&record, &out->created_at);
    out->settings = record_take(&record);
}

static void decode_ids(struct record_list list, void **memory, struct read_ids *out)
{
    size_t count = list.count;
    int64_t *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i] = record_take_int64(&record);
    }
    *memory = rows;
    *out = (struct read_ids){rows, count};
}

static void decode_chats(struct record_list list, void **memory, struct read_chats *out)
{
    size_t count = list.count;
    struct read_chat *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        take_chat(record_list_take(&list), &rows[i]);
    *memory = rows;
    *out = (struct read_chats){rows, count};
}

static void decode_downloads(struct record_list list, void **memory, struct read_downloads *out)
{
    size_t count = list.count;
    struct read_download *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i].has_time = record_take_known(&record, &rows[i].time);
        rows[i].pk_id = record_take_int64(&record);
        rows[i].link = record_take(&record);
    }
    *memory = rows;
    *out = (struct read_downloads){rows, count};
}

static void decode_text_counts(struct record_list list, void **memory, struct read_text_counts *out)
{
    size_t count = list.count;
    struct read_text_count *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i].text = record_take(&record);
        rows[i].count = record_take_int64(&record);
    }
    *memory = rows;
    *out = (struct read_text_counts){rows, count};
}

static void decode_chat_counts(struct record_list list, void **memory, struct read_chat_counts *out)
{
    size_t count = list.count;
    struct read_chat_count *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i].user_id = record_take_int64(&record);
        rows[i].count = record_take_int64(&record);
    }
    *memory = rows;
    *out = (struct read_chat_counts){rows, count};
}

static void decode_points(struct record_list list, void **memory, struct read_points *out)
{
    size_t count = list.count;
    struct read_point *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i].time = record_take_int64(&record);
        rows[i].count = record_take_int64(&record);
    }
    *memory = rows;
    *out = (struct read_points){rows, count};
}

static void decode_totals(const PGresult *result, struct read_totals *out)
{
    int64_t *const fields[] = {&out->chats,       &out->videos, &out->images,     &out->video_users,
                               &out->image_users, &out->music,  &out->music_users};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        *fields[i] = get_int64(result, COLUMN_FIRST + (int)i);
}

static void decode_overview(const PGresult *result, struct read_rows *out)
{
    struct bytes langs = get_value(result, COLUMN_FIRST + 1);
    struct bytes top = get_value(result, COLUMN_FIRST + 2);
    out->answer.overview.file_modes = get_int64(result, COLUMN_FIRST);
    decode_text_counts(record_list_open(langs), &out->lists[0], &out->answer.overview.langs);
    decode_chat_counts(record_list_open(top), &out->lists[1], &out->answer.overview.top);
}

static void decode_series(const PGresult *result, struct read_rows *out)
{
    struct bytes first = get_value(result, COLUMN_FIRST + 1);
    struct bytes points = get_value(result, COLUMN_FIRST);
    decode_points(record_list_open(points), &out->lists[0], &out->answer.series.points);
    out->answer.series.has_first = first.data != NULL;
    out->answer.series.first = first.data == NULL ? 0 : network_get64(first.data);
}

static void decode_letters(struct record_list list, void **memory, struct read_letter_counts *out)
{
    size_t count = list.count;
    struct read_letter_count *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i].partition = record_take_int64(&record);
        rows[i].cause = record_take(&record);
        rows[i].count = record_take_int64(&record);
        rows[i].oldest_ms = record_take_int64(&record);
    }
    *memory = rows;
    *out = (struct read_letter_counts){rows, count};
}

static void decode_generations(struct record_list list, void **memory, struct read_generations *out)
{
    size_t count = list.count;
    struct read_generation *rows = mem_array(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        struct record record = record_list_take(&list);
        rows[i].id = record_take_int64(&record);
        rows[i].state = record_take(&record);
        rows[i].is_paused = record_take_bool(&record);
        rows[i].created_s = record_take_int64(&record);
        rows[i].detail = record_take(&record);
    }
    *memory = rows;
    *out = (struct read_generations){rows, count};
}

static void decode_pipeline(const PGresult *result, struct read_rows *out)
{
    struct bytes letters = get_value(result, COLUMN_FIRST);
    struct bytes generations = get_value(result, COLUMN_FIRST + 1);
    decode_letters(record_list_open(letters), &out->lists[0], &out->answer.pipeline.letters);
    decode_generations(record_list_open(generations), &out->lists[1],
                       &out->answer.pipeline.generations);
}

static void decode_list(const PGresult *result, enum read_kind kind, struct read_rows *out)
{
    struct read_answer *answer = &out->answer;
    struct record_list list = record_list_open(get_value(result, COLUMN_FIRST));
    if (kind == READ_USER_IDS)
        decode_ids(list, &out->lists[0], &answer->ids);
    else if (kind == READ_USERS)
        decode_chats(list, &out->lists[0], &answer->chats);
    else if (kind == READ_REFERRALS)
        decode_text_counts(list, &out->lists[0], &answer->referrals);
    else
        decode_downloads(list, &out->lists[0], &answer->downloads);
}

void read_rows_decode(const PGresult *result, enum read_kind kind, struct read_rows *out)
{
    *out = (struct read_rows){0};
    if (kind == READ_PING)
        return;
    out->answer.generation = read_rows_generation(result);
    out->answer.position = get_value(result, COLUMN_POSITION);
    switch (kind) {
    case READ_USER:
        take_chat(record_open(get_value(result, COLUMN_FIRST)), &out->answer.chat);
        break;
    case READ_PROFILE:
        decode_profile(get_value(result, COLUMN_FIRST), &out->answer.profile);
        break;
    case READ_USER_IDS:
    case READ_USERS:
    case READ_USER_VIDEOS:
    case READ_VIDEOS:
    case READ_REFERRALS:
        decode_list(result, kind, out);
        break;
    case READ_OVERVIEW:
        decode_overview(result, out);
        break;
    case READ_TOTALS:
    case READ_WINDOW:
        decode_totals(result, &out->answer.totals);
        break;
    case READ_SERIES_USERS:
    case READ_SERIES_VIDEOS:
    case READ_SERIES_MUSIC:
    case READ_SERIES_IMAGES:
        decode_series(result, out);
        break;
    case READ_PIPELINE:
        decode_pipeline(result, out);
        break;
    case READ_PING:
    case READ_FENCES:
        break;
    }
}

void read_rows_done(struct read_rows *rows)
{
    for (size_t i = 0; i < sizeof(rows->lists) / sizeof(rows->lists[0]); i++)
        free(rows->lists[i]);
    *rows = (struct read_rows){0};
}
