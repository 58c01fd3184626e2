#include "services/store/rpc/read_arguments.h"
#include "services/store/rpc/read_call.h"
#include "services/store/rpc/read_handlers.h"
#include "services/store/rpc/read_refusals.h"
#include "services/store/rpc/statistics_messages.h"

#define REFERRALS_STANDARD 10
#define REFERRALS_MAX 1000

static void answer_referrals(struct read_call *call, const struct read_answer *answer)
{
    statistics_messages_referrals(call->rpc, &answer->referrals);
    read_call_free(call);
}

void read_get_referral_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetReferralStatsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_REFERRALS};
    if (asked->limit < 0 || asked->limit > REFERRALS_MAX) {
        read_refuse(rpc, READ_INVALID_ARGUMENT, "limit: must be 1 to 1000, or 0 for 10");
        return;
    }
    request.limit = asked->limit == 0 ? REFERRALS_STANDARD : asked->limit;
    read_call_run(self, rpc, &request, answer_referrals);
}

static void answer_overview(struct read_call *call, const struct read_answer *answer)
{
    statistics_messages_overview(call->rpc, answer);
    read_call_free(call);
}

void read_get_other_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    (void)message;
    struct read_request request = {.kind = READ_OVERVIEW};
    read_call_run(self, rpc, &request, answer_overview);
}

static void answer_totals(struct read_call *call, const struct read_answer *answer)
{
    statistics_messages_totals(call->rpc, &answer->totals);
    read_call_free(call);
}

void read_get_bot_stats(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetBotStatsRequest *asked = (const void *)message;
    struct read_request request = {.kind = asked->seconds == 0 ? READ_TOTALS : READ_WINDOW};
    if (asked->seconds < 0) {
        read_refuse(rpc, READ_INVALID_ARGUMENT, "seconds: must not be negative");
        return;
    }
    if (!read_arguments_class(rpc, asked->chat_class, CHAT_CLASS_EVERY, &request.chat_class))
        return;
    bool is_given =
        asked->now_presence_case == TELEFACT__STORE__V1__GET_BOT_STATS_REQUEST__NOW_PRESENCE_NOW;
    if (asked->seconds > 0)
        request.window =
            time_range_window(read_arguments_now(is_given, asked->now), asked->seconds);
    read_call_run(self, rpc, &request, answer_totals);
}

static void answer_series(struct read_call *call, const struct read_answer *answer)
{
    statistics_messages_series(call->rpc, &call->series, answer);
    read_call_free(call);
}

static bool get_series(Telefact__Store__V1__Series number, enum read_kind *out)
{
    switch (number) {
    case TELEFACT__STORE__V1__SERIES__SERIES_USERS:
        *out = READ_SERIES_USERS;
        return true;
    case TELEFACT__STORE__V1__SERIES__SERIES_VIDEOS:
        *out = READ_SERIES_VIDEOS;
        return true;
    case TELEFACT__STORE__V1__SERIES__SERIES_MUSIC:
        *out = READ_SERIES_MUSIC;
        return true;
    case TELEFACT__STORE__V1__SERIES__SERIES_IMAGES:
        *out = READ_SERIES_IMAGES;
        return true;
    case TELEFACT__STORE__V1__SERIES__SERIES_UNSPECIFIED:
    case _TELEFACT__STORE__V1__SERIES_IS_INT_SIZE:
        break;
    }
    return false;
}

/* NULL: nothing is wrong. */
static const char *wrong_range(const Telefact__Store__V1__GetTimeSeriesRequest *asked,
                               const struct time_range_series *series)
{
    if (asked->bucket != TELEFACT__STORE__V1__BUCKET__BUCKET_HOUR &&
        asked->bucket != TELEFACT__STORE__V1__BUCKET__BUCKET_DAY)
        return "bucket: not a known value";
    if (asked->from < 0)
        return "from: must not be negative";
    if (asked->to < 0)
        return "to: must not be negative";
    if (time_range_count(series) > TIME_RANGE_BUCKETS_MAX)
        return "to: more than 100000 buckets after from";
    return NULL;
}

void read_get_time_series(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetTimeSeriesRequest *asked = (const void *)message;
    struct read_request request = {0};
    struct time_range_series series = {
        .is_daily = asked->bucket == TELEFACT__STORE__V1__BUCKET__BUCKET_DAY,
        .from = asked->from,
        .to = asked->to,
    };
    bool is_known = get_series(asked->series, &request.kind);
    const char *wrong = is_known ? wrong_range(asked, &series) : "series: not a known value";
    if (wrong != NULL) {
        read_refuse(rpc, READ_INVALID_ARGUMENT, wrong);
        return;
    }
    if (!read_arguments_class(rpc, asked->chat_class, CHAT_CLASS_EVERY, &request.chat_class))
        return;
    request.slices = time_range_slices(&series);
    struct read_call *call = read_call_new(self, rpc, &request, answer_series);
    if (call == NULL)
        return;
    call->series = series;
    read_call_ask(call);
}
