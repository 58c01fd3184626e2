#include "services/store/rpc/statistics_messages.h"

#include "libs/base/mem.h"
#include "telefact/store/v1/read_service.pb-c.h"

#include <stdlib.h>

void statistics_messages_referrals(struct rpc_call *call, const struct read_text_counts *referrals)
{
    Telefact__Store__V1__GetReferralStatsResponse answer =
        TELEFACT__STORE__V1__GET_REFERRAL_STATS_RESPONSE__INIT;
    size_t count = referrals->count;
    Telefact__Store__V1__ReferralCount *rows = mem_array(count, sizeof(*rows));
    Telefact__Store__V1__ReferralCount **pointers = mem_array(count, sizeof(*pointers));
    for (size_t i = 0; i < count; i++) {
        const struct read_text_count *from = &referrals->rows[i];
        telefact__store__v1__referral_count__init(&rows[i]);
        rows[i].link = mem_text(from->text.data, from->text.len);
        rows[i].count = from->count;
        pointers[i] = &rows[i];
    }
    answer.n_referrals = count;
    answer.referrals = pointers;
    rpc_answer(call, &answer.base);
    for (size_t i = 0; i < count; i++)
        free(rows[i].link);
    free(rows);
    free(pointers);
}

static Telefact__Store__V1__LangCount **new_langs(const struct read_text_counts *langs)
{
    Telefact__Store__V1__LangCount **rows = mem_array(langs->count, sizeof(*rows));
    for (size_t i = 0; i < langs->count; i++) {
        rows[i] = mem_alloc(sizeof(*rows[i]));
        telefact__store__v1__lang_count__init(rows[i]);
        rows[i]->lang = mem_text(langs->rows[i].text.data, langs->rows[i].text.len);
        rows[i]->count = langs->rows[i].count;
    }
    return rows;
}

static void free_langs(Telefact__Store__V1__LangCount **rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i]->lang);
        free(rows[i]);
    }
    free(rows);
}

void statistics_messages_overview(struct rpc_call *call, const struct read_answer *answer)
{
    Telefact__Store__V1__GetOtherStatsResponse message =
        TELEFACT__STORE__V1__GET_OTHER_STATS_RESPONSE__INIT;
    const struct read_chat_counts *top = &answer->overview.top;
    Telefact__Store__V1__UserCount *users = mem_array(top->count, sizeof(*users));
    Telefact__Store__V1__UserCount **pointers = mem_array(top->count, sizeof(*pointers));
    for (size_t i = 0; i < top->count; i++) {
        telefact__store__v1__user_count__init(&users[i]);
        users[i].user_id = top->rows[i].user_id;
        users[i].count = top->rows[i].count;
        pointers[i] = &users[i];
    }
    message.file_mode_count = answer->overview.file_modes;
    message.n_top_langs = answer->overview.langs.count;
    message.top_langs = new_langs(&answer->overview.langs);
    message.n_top_users = top->count;
    message.top_users = pointers;
    rpc_answer(call, &message.base);
    free_langs(message.top_langs, message.n_top_langs);
    free(users);
    free(pointers);
}

void statistics_messages_totals(struct rpc_call *call, const struct read_totals *totals)
{
    Telefact__Store__V1__GetBotStatsResponse answer =
        TELEFACT__STORE__V1__GET_BOT_STATS_RESPONSE__INIT;
    answer.chats = totals->chats;
    answer.videos = totals->videos;
    answer.images = totals->images;
    answer.video_users = totals->video_users;
    answer.image_users = totals->image_users;
    answer.music = totals->music;
    answer.music_users = totals->music_users;
    rpc_answer(call, &answer.base);
}

void statistics_messages_series(struct rpc_call *call, const struct time_range_series *series,
                                const struct read_answer *answer)
{
    Telefact__Store__V1__GetTimeSeriesResponse message =
        TELEFACT__STORE__V1__GET_TIME_SERIES_RESPONSE__INIT;
    size_t count = (size_t)time_range_count(series);
    int64_t *counts = mem_array(count, sizeof(*counts));
    Telefact__Store__V1__TimeSeriesPoint *points = mem_array(count, sizeof(*points));
    Telefact__Store__V1__TimeSeriesPoint **pointers = mem_array(count, sizeof(*pointers));
    time_range_add(series, &answer->series.points, counts);
    for (size_t i = 0; i < count; i++) {
        telefact__store__v1__time_series_point__init(&points[i]);
        points[i].start = time_range_start(series, (int64_t)i);
        points[i].count = counts[i];
        pointers[i] = &points[i];
    }
    message.n_points = count;
    message.points = pointers;
    message.first = answer->series.first;
    if (answer->series.has_first)
        message.first_presence_case =
            TELEFACT__STORE__V1__GET_TIME_SERIES_RESPONSE__FIRST_PRESENCE_FIRST;
    rpc_answer(call, &message.base);
    free(counts);
    free(points);
    free(pointers);
}
