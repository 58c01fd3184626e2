#include "services/store/page/page_routes.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <stdlib.h>

#define SERIES_BUCKETS_MAX 10000 /* more than a screen can show */
#define REFERRALS_STANDARD 10
#define REFERRALS_MAX 1000

static const char *const CLASSES[] = {"all", "users", "groups", NULL}; /* enum chat_class */
static const char *const SERIES[] = {"users", "videos", "music", "images", NULL};
static const char *const BUCKETS[] = {"hour", "day", NULL};

static bool take_class(struct page_query *query, struct read_request *out, struct err *err)
{
    int number = CHAT_CLASS_EVERY;
    if (!page_query_word(query, "class", CLASSES, &number, err))
        return false;
    out->chat_class = (enum chat_class)number;
    return true;
}

/* Ask if the arguments are right. */
static void ask(struct page_call *call, bool is_right, const struct read_request *request,
                page_answer_fn fn, const struct err *err)
{
    if (is_right)
        page_call_ask(call, request, fn);
    else
        page_call_refuse(call, PAGE_WRONG_ARGUMENT, err->text);
}

/* True: the answer is opened, and is to be ended. */
static bool open_answer(struct page_call *call, const struct read_answer *answer,
                        const struct err *err)
{
    if (answer == NULL) {
        page_call_refuse(call, err->kind == ERR_REJECT ? PAGE_TOO_MANY : PAGE_UNAVAILABLE,
                         err->text);
        return false;
    }
    json_text_open(&call->json, NULL, '{');
    page_call_put_snapshot(call, answer);
    return true;
}

static void end_answer(struct page_call *call)
{
    json_text_close(&call->json, '}');
    page_call_end(call);
}

/* ---- totals ---- */

static void answer_totals(struct page_call *call, const struct read_answer *answer,
                          const struct err *err)
{
    if (!open_answer(call, answer, err))
        return;
    const struct read_totals *totals = &answer->totals;
    json_text_number(&call->json, "chats", totals->chats);
    json_text_number(&call->json, "videos", totals->videos);
    json_text_number(&call->json, "images", totals->images);
    json_text_number(&call->json, "music", totals->music);
    json_text_number(&call->json, "video_users", totals->video_users);
    json_text_number(&call->json, "image_users", totals->image_users);
    json_text_number(&call->json, "music_users", totals->music_users);
    end_answer(call);
}

void page_get_bot_stats(struct page_call *call, struct page_query *query)
{
    struct read_request request = {.kind = READ_TOTALS};
    const struct page_numbers numbers[] = {{"seconds", 0, INT64_MAX}, {"now", 0, INT64_MAX}};
    int64_t seconds = 0;
    int64_t now_s = now_unix_ms() / 1000;
    struct err err;
    bool is_right = take_class(query, &request, &err) &&
                    page_query_number(query, &numbers[0], &seconds, &err) &&
                    page_query_number(query, &numbers[1], &now_s, &err) &&
                    page_query_end(query, &err);
    if (seconds > 0) {
        request.kind = READ_WINDOW;
        request.window = time_range_window(now_s, seconds);
    }
    ask(call, is_right, &request, answer_totals, &err);
}

/* ---- series ---- */

static void answer_series(struct page_call *call, const struct read_answer *answer,
                          const struct err *err)
{
    if (!open_answer(call, answer, err))
        return;
    const struct time_range_series *series = &call->series;
    size_t count = (size_t)time_range_count(series);
    int64_t *counts = mem_array(count, sizeof(*counts));
    time_range_add(series, &answer->series.points, counts);
    json_text_number(&call->json, "from", series->from);
    json_text_number(&call->json, "to", series->to);
    json_text_number(&call->json, "start", time_range_start(series, 0));
    json_text_number(&call->json, "step", series->is_daily ? TIME_RANGE_DAY_S : TIME_RANGE_HOUR_S);
    if (answer->series.has_first)
        json_text_number(&call->json, "first", answer->series.first);
    else
        json_text_null(&call->json, "first");
    json_text_open(&call->json, "counts", '[');
    for (size_t i = 0; i < count; i++)
        json_text_number(&call->json, NULL, counts[i]);
    json_text_close(&call->json, ']');
    free(counts);
    end_answer(call);
}

static bool take_series(struct page_query *query, struct time_range_series *out,
                        enum read_kind *out_kind, struct err *err)
{
    static const enum read_kind KINDS[] = {READ_SERIES_USERS, READ_SERIES_VIDEOS, READ_SERIES_MUSIC,
                                           READ_SERIES_IMAGES};
    const struct page_numbers numbers[] = {{"from", 0, INT64_MAX}, {"to", 0, INT64_MAX}};
    int series = -1;
    int bucket = 0;
    if (!page_query_word(query, "series", SERIES, &series, err) ||
        !page_query_word(query, "bucket", BUCKETS, &bucket, err) ||
        !page_query_number(query, &numbers[0], &out->from, err) ||
        !page_query_number(query, &numbers[1], &out->to, err) || !page_query_end(query, err))
        return false;
    out->is_daily = bucket == 1;
    if (series < 0)
        return err_set(err, ERR_REJECT, "series: missing");
    if (time_range_count(out) > SERIES_BUCKETS_MAX)
        return err_set(err, ERR_REJECT, "to: more than %d buckets after from", SERIES_BUCKETS_MAX);
    *out_kind = KINDS[series];
    return true;
}

void page_get_time_series(struct page_call *call, struct page_query *query)
{
    struct read_request request = {0};
    struct err err;
    bool is_right =
        take_class(query, &request, &err) && take_series(query, &call->series, &request.kind, &err);
    if (is_right)
        request.slices = time_range_slices(&call->series);
    ask(call, is_right, &request, answer_series, &err);
}

/* ---- rankings ---- */

static void put_text_counts(struct json_text *json, const char *name, const char *text_name,
                            const struct read_text_counts *counts)
{
    json_text_open(json, name, '[');
    for (size_t i = 0; i < counts->count; i++) {
        json_text_open(json, NULL, '{');
        json_text_string(json, text_name, counts->rows[i].text);
        json_text_number(json, "count", counts->rows[i].count);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
}

static void answer_others(struct page_call *call, const struct read_answer *answer,
                          const struct err *err)
{
    if (!open_answer(call, answer, err))
        return;
    struct json_text *json = &call->json;
    const struct read_chat_counts *top = &answer->overview.top;
    json_text_number(json, "file_mode_count", answer->overview.file_modes);
    put_text_counts(json, "top_langs", "lang", &answer->overview.langs);
    json_text_open(json, "top_users", '[');
    for (size_t i = 0; i < top->count; i++) {
        json_text_open(json, NULL, '{');
        json_text_id(json, "user_id", top->rows[i].user_id);
        json_text_number(json, "count", top->rows[i].count);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
    end_answer(call);
}

void page_get_other_stats(struct page_call *call, struct page_query *query)
{
    const struct read_request request = {.kind = READ_OVERVIEW};
    struct err err;
    ask(call, page_query_end(query, &err), &request, answer_others, &err);
}

static void answer_referrals(struct page_call *call, const struct read_answer *answer,
                             const struct err *err)
{
    if (!open_answer(call, answer, err))
        return;
    put_text_counts(&call->json, "referrals", "link", &answer->referrals);
    end_answer(call);
}

void page_get_referral_stats(struct page_call *call, struct page_query *query)
{
    struct read_request request = {.kind = READ_REFERRALS};
    const struct page_numbers limits = {"limit", 1, REFERRALS_MAX};
    int64_t limit = REFERRALS_STANDARD;
    struct err err;
    bool is_right = page_query_number(query, &limits, &limit, &err) && page_query_end(query, &err);
    request.limit = (int32_t)limit;
    ask(call, is_right, &request, answer_referrals, &err);
}
