#include "services/store/page_token.h"
#include "services/store/rpc/list_messages.h"
#include "services/store/rpc/read_arguments.h"
#include "services/store/rpc/read_call.h"
#include "services/store/rpc/read_handlers.h"
#include "services/store/rpc/read_refusals.h"

/* A page was sent. */
static void go_on(struct read_call *call, size_t rows)
{
    if (rows < READ_PAGE)
        read_call_end(call, RPC_OK, NULL);
    else
        read_call_next(call);
}

static bool is_parsed(struct rpc_call *rpc, bool parsed, const struct err *err)
{
    if (!parsed)
        read_refuse(rpc, READ_INVALID_ARGUMENT, err->text);
    return parsed;
}

/* Ask for the rows after these next time, and write the token of that place; a page that is not
 * full is the last one. */
static void advance_ids(struct read_call *call, enum page_list list, size_t rows, int64_t last_id,
                        char token[PAGE_TOKEN_MAX])
{
    token[0] = '\0';
    if (rows < READ_PAGE)
        return;
    call->request.ids.after_id = last_id;
    page_token_put_id(list, last_id, token);
}

static void advance_downloads(struct read_call *call, enum page_list list, int64_t of,
                              const struct read_downloads *page, char token[PAGE_TOKEN_MAX])
{
    token[0] = '\0';
    if (page->count < READ_PAGE)
        return;
    const struct read_download *last = &page->rows[page->count - 1];
    struct read_after *after = &call->request.videos.after;
    *after = (struct read_after){!last->has_time, last->time, last->pk_id};
    page_token_put_download(list, of, after, token);
}

static void answer_user_videos(struct read_call *call, const struct read_answer *answer)
{
    char token[PAGE_TOKEN_MAX];
    advance_downloads(call, PAGE_USER_VIDEOS, call->request.videos.user_id, &answer->downloads,
                      token);
    list_messages_user_videos(call->rpc, &answer->downloads, token);
    go_on(call, answer->downloads.count);
}

static const struct read_after BEGINNING = {.time = INT64_MIN, .pk_id = INT64_MIN};

void read_get_user_videos(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserVideosRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER_VIDEOS};
    struct err err = {0};
    request.videos.user_id = asked->user_id;
    request.videos.include_unknown = true;
    request.videos.after = BEGINNING;
    bool parsed = page_token_parse_download(bytes_of_text(asked->page_token), PAGE_USER_VIDEOS,
                                            asked->user_id, &request.videos.after, &err);
    if (is_parsed(rpc, parsed, &err))
        read_call_run(self, rpc, &request, answer_user_videos);
}

/* The whole history is another list than a period: only it has unknown times. */
static enum page_list list_of(const struct read_request *request)
{
    return request->videos.include_unknown ? PAGE_HISTORY : PAGE_PERIOD;
}

static void answer_period(struct read_call *call, const struct read_answer *answer)
{
    char token[PAGE_TOKEN_MAX];
    advance_downloads(call, list_of(&call->request), call->request.chat_class, &answer->downloads,
                      token);
    list_messages_period(call->rpc, &answer->downloads, token);
    go_on(call, answer->downloads.count);
}

void read_get_stats_by_period(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetStatsByPeriodRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_VIDEOS};
    struct err err = {0};
    if (!read_arguments_class(rpc, asked->chat_class, CHAT_CLASS_EVERY, &request.chat_class))
        return;
    bool is_given = asked->now_presence_case ==
                    TELEFACT__STORE__V1__GET_STATS_BY_PERIOD_REQUEST__NOW_PRESENCE_NOW;
    request.videos.include_unknown = asked->period_s <= 0;
    request.videos.after = BEGINNING;
    if (asked->period_s > 0)
        request.videos.after.time =
            time_range_ago(read_arguments_now(is_given, asked->now), asked->period_s);
    bool parsed = page_token_parse_download(bytes_of_text(asked->page_token), list_of(&request),
                                            request.chat_class, &request.videos.after, &err);
    if (is_parsed(rpc, parsed, &err))
        read_call_run(self, rpc, &request, answer_period);
}

static void answer_ids(struct read_call *call, const struct read_answer *answer)
{
    char token[PAGE_TOKEN_MAX];
    size_t count = answer->ids.count;
    advance_ids(call, PAGE_USER_IDS, count, count == 0 ? 0 : answer->ids.rows[count - 1], token);
    list_messages_ids(call->rpc, &answer->ids, token);
    go_on(call, count);
}

void read_get_user_ids(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__GetUserIdsRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USER_IDS};
    struct err err = {0};
    request.ids.include_blocked = asked->include_blocked;
    if (!read_arguments_class(rpc, asked->chat_class, CHAT_CLASS_USER, &request.chat_class))
        return;
    bool parsed = page_token_parse_id(bytes_of_text(asked->page_token), PAGE_USER_IDS,
                                      &request.ids.after_id, &err);
    if (is_parsed(rpc, parsed, &err))
        read_call_run(self, rpc, &request, answer_ids);
}

static void answer_users(struct read_call *call, const struct read_answer *answer)
{
    char token[PAGE_TOKEN_MAX];
    size_t count = answer->chats.count;
    advance_ids(call, PAGE_USERS, count, count == 0 ? 0 : answer->chats.rows[count - 1].user_id,
                token);
    list_messages_users(call->rpc, &answer->chats, token);
    go_on(call, count);
}

void read_list_users(void *self, struct rpc_call *rpc, const ProtobufCMessage *message)
{
    const Telefact__Store__V1__ListUsersRequest *asked = (const void *)message;
    struct read_request request = {.kind = READ_USERS};
    struct err err = {0};
    request.ids.include_blocked = true;
    if (!read_arguments_class(rpc, asked->chat_class, CHAT_CLASS_EVERY, &request.chat_class))
        return;
    bool parsed = page_token_parse_id(bytes_of_text(asked->page_token), PAGE_USERS,
                                      &request.ids.after_id, &err);
    if (is_parsed(rpc, parsed, &err))
        read_call_run(self, rpc, &request, answer_users);
}
