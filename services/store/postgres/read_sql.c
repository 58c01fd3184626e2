#include "services/store/postgres/read_sql.h"

#include "libs/base/fault.h"
#include "services/store/postgres/read_sql_texts.h"

static const struct read_sql STATEMENTS[READ_KINDS] = {
    [READ_PING] = {"ping", "SELECT 1", 0},
    [READ_FENCES] = {"fences", SNAPSHOT " FROM telefact.active", 0},
    [READ_USER] = {"user", READ_SQL_USER, 1},
    [READ_PROFILE] = {"profile", READ_SQL_PROFILE, 1},
    [READ_USER_IDS] = {"user_ids", READ_SQL_USER_IDS, 3},
    [READ_USERS] = {"users", READ_SQL_USERS, 3},
    [READ_USER_VIDEOS] = {"user_videos", READ_SQL_USER_VIDEOS, 4},
    [READ_VIDEOS] = {"videos", READ_SQL_VIDEOS, 5},
    [READ_REFERRALS] = {"referrals", READ_SQL_REFERRALS, 1},
    [READ_OVERVIEW] = {"overview", READ_SQL_OVERVIEW, 0},
    [READ_TOTALS] = {"totals", READ_SQL_TOTALS, 4},
    [READ_WINDOW] = {"window", READ_SQL_WINDOW, 11},
    [READ_SERIES_USERS] = {"series_users", READ_SQL_SERIES_USERS, 17},
    [READ_SERIES_VIDEOS] = {"series_videos", READ_SQL_SERIES_VIDEOS, 15},
    [READ_SERIES_MUSIC] = {"series_music", READ_SQL_SERIES_MUSIC, 15},
    [READ_SERIES_IMAGES] = {"series_images", READ_SQL_SERIES_IMAGES, 15},
};

struct read_sql read_sql_of(enum read_kind kind)
{
    return STATEMENTS[kind];
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct read_span ids_of(enum chat_class chat_class)
{
    return (struct read_span){chat_class == CHAT_CLASS_USER ? 1 : INT64_MIN,
                              chat_class == CHAT_CLASS_GROUP ? -1 : INT64_MAX};
}

/* INT64_MIN is also "from the beginning", and is an id; nothing comes after INT64_MAX. */
static void put_ids(const struct read_request *request, int64_t *values)
{
    int64_t after = request->ids.after_id;
    int64_t first = after == INT64_MIN || after == INT64_MAX ? after : after + 1;
    struct read_span ids = ids_of(request->chat_class);
    values[0] = larger(first, ids.first);
    values[1] = after == INT64_MAX ? INT64_MIN : ids.end;
    values[2] = request->ids.include_blocked ? 1 : 0;
}

static void put_videos(const struct read_request *request, int64_t *values)
{
    const struct read_after *after = &request->videos.after;
    bool is_known = !after->is_unknown;
    struct read_span ids = ids_of(request->chat_class);
    values[0] = is_known ? after->time : INT64_MAX;
    values[1] = is_known ? after->pk_id : INT64_MAX;
    values[2] = is_known ? INT64_MIN : after->pk_id;
    if (!request->videos.include_unknown)
        values[2] = INT64_MAX;
    if (request->kind == READ_USER_VIDEOS) {
        values[3] = request->videos.user_id;
        return;
    }
    values[3] = ids.first;
    values[4] = ids.end;
}

/* What the questions about classes begin with. The classes of totals and buckets: 0: id 0,
 * 1: users, 2: groups. */
static int64_t *put_class(const struct read_request *request, int64_t class_of_all, int64_t *values)
{
    struct read_span ids = ids_of(request->chat_class);
    bool is_every = request->chat_class == CHAT_CLASS_EVERY;
    *values++ = ids.first;
    *values++ = ids.end;
    *values++ = is_every ? class_of_all : request->chat_class == CHAT_CLASS_GROUP ? 2 : 1;
    *values++ = request->chat_class == CHAT_CLASS_USER ? 1 : 2;
    return values;
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
    values = put_class(request, 1, values);
    *values++ = window->after;
    *values++ = window->edge_end;
    values = put_span(&window->hours, values);
    values = put_span(&window->days, values);
    *values = window->block;
}

static void put_slices(const struct read_request *request, int64_t *values)
{
    const struct read_slices *slices = &request->slices;
    values = put_class(request, 0, values);
    *values++ = slices->is_daily ? 2 : 1;
    values = put_span(&slices->buckets, values);
    for (int i = 0; i < 2; i++)
        values = put_span(&slices->hours[i], values);
    for (int i = 0; i < 2; i++)
        values = put_span(&slices->edges[i], values);
    if (request->kind == READ_SERIES_USERS)
        (void)put_span(&slices->all, values);
}

void read_sql_params(const struct read_request *request, int64_t *values)
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
        (void)put_class(request, 1, values);
        if (fault_planted("store.moved_counts_twice"))
            values[1] = INT64_MIN;
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
        break;
    }
}
