#include "services/store/postgres/read_params.h"

static const int COUNTS[READ_KINDS] = {
    [READ_USER] = 1,           [READ_PROFILE] = 1,        [READ_USER_IDS] = 3,
    [READ_USERS] = 3,          [READ_USER_VIDEOS] = 4,    [READ_VIDEOS] = 5,
    [READ_REFERRALS] = 1,      [READ_TOTALS] = 2,         [READ_WINDOW] = 9,
    [READ_SERIES_USERS] = 15,  [READ_SERIES_VIDEOS] = 13, [READ_SERIES_MUSIC] = 13,
    [READ_SERIES_IMAGES] = 13,
};

int read_params_count(enum read_kind kind)
{
    return COUNTS[kind];
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* As the column chat_class has them; class_of_all: whether the id 0 is among all. */
static int64_t *put_class(enum chat_class chat_class, int64_t class_of_all, int64_t *values)
{
    bool is_every = chat_class == CHAT_CLASS_EVERY;
    *values++ = is_every ? class_of_all : chat_class == CHAT_CLASS_GROUP ? 2 : 1;
    *values++ = chat_class == CHAT_CLASS_USER ? 1 : 2;
    return values;
}

/* INT64_MIN is also "from the beginning", and is an id; nothing comes after INT64_MAX. */
static void put_ids(const struct read_request *request, int64_t *values)
{
    int64_t after = request->ids.after_id;
    int64_t first = after == INT64_MIN || after == INT64_MAX ? after : after + 1;
    int64_t last = request->chat_class == CHAT_CLASS_GROUP ? -1 : INT64_MAX;
    values[0] = request->chat_class == CHAT_CLASS_USER ? larger(first, 1) : first;
    values[1] = after == INT64_MAX ? INT64_MIN : last;
    values[2] = request->ids.include_blocked ? 1 : 0;
}

static void put_videos(const struct read_request *request, int64_t *values)
{
    const struct read_after *after = &request->videos.after;
    bool is_known = !after->is_unknown;
    values[0] = is_known ? after->time : INT64_MAX;
    values[1] = is_known ? after->pk_id : INT64_MAX;
    values[2] = is_known ? INT64_MIN : after->pk_id;
    if (!request->videos.include_unknown)
        values[2] = INT64_MAX;
    if (request->kind == READ_USER_VIDEOS)
        values[3] = request->videos.user_id;
    else
        (void)put_class(request->chat_class, 0, &values[3]);
}

static int64_t *put_span(const struct read_span *span, int64_t *values)
{
    *values++ = span->first;
    *values++ = span->end;
    return values;
}

static void put_window(const struct read_request *request, int64_t *values)
{
    const struct read_window *window = &request->window;
    values = put_class(request->chat_class, 1, values);
    *values++ = window->after;
    *values++ = window->edge_end;
    values = put_span(&window->hours, values);
    values = put_span(&window->days, values);
    *values = window->block;
}

static void put_slices(const struct read_request *request, int64_t *values)
{
    const struct read_slices *slices = &request->slices;
    values = put_class(request->chat_class, 0, values);
    *values++ = slices->is_daily ? 2 : 1;
    values = put_span(&slices->buckets, values);
    for (int i = 0; i < 2; i++)
        values = put_span(&slices->hours[i], values);
    for (int i = 0; i < 2; i++)
        values = put_span(&slices->edges[i], values);
    if (request->kind == READ_SERIES_USERS)
        (void)put_span(&slices->all, values);
}

void read_params_fill(const struct read_request *request, int64_t *values)
{
    switch (request->kind) {
    case READ_USER:
    case READ_PROFILE:
        values[0] = request->user_id;
        break;
    case READ_USER_IDS:
    case READ_USERS:
        put_ids(request, values);
        break;
    case READ_USER_VIDEOS:
    case READ_VIDEOS:
        put_videos(request, values);
        break;
    case READ_REFERRALS:
        values[0] = request->limit;
        break;
    case READ_TOTALS:
        (void)put_class(request->chat_class, 1, values);
        break;
    case READ_WINDOW:
        put_window(request, values);
        break;
    case READ_SERIES_USERS:
    case READ_SERIES_VIDEOS:
    case READ_SERIES_MUSIC:
    case READ_SERIES_IMAGES:
        put_slices(request, values);
        break;
    case READ_PING:
    case READ_FENCES:
    case READ_OVERVIEW:
    case READ_PIPELINE:
        break;
    }
}
