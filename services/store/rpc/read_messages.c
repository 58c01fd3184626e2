#include "services/store/rpc/read_messages.h"

#include "libs/base/mem.h"
#include "services/store/query.h"
#include "telefact/store/v1/read_service.pb-c.h"

#include <stdlib.h>

/* protobuf-c wants texts ended by NUL; the rows' texts are views. */
struct user_message {
    Telefact__Store__V1__User user;
    char *lang;
    char *link;
};

static void fill_user(const struct read_user *row, struct user_message *out)
{
    telefact__store__v1__user__init(&out->user);
    out->lang = mem_text(row->lang.data, row->lang.len);
    out->user.user_id = row->user_id;
    out->user.lang = out->lang;
    out->user.file_mode = row->file_mode;
    out->user.ad_count = row->ad_count;
    out->user.ad_cooldown = row->ad_cooldown;
    if (row->has_registered_at) {
        out->user.registered_at_presence_case =
            TELEFACT__STORE__V1__USER__REGISTERED_AT_PRESENCE_REGISTERED_AT;
        out->user.registered_at = row->registered_at;
    }
    if (row->link.data != NULL) {
        out->link = mem_text(row->link.data, row->link.len);
        out->user.link_presence_case = TELEFACT__STORE__V1__USER__LINK_PRESENCE_LINK;
        out->user.link = out->link;
    }
}

static void free_user(struct user_message *message)
{
    free(message->lang);
    free(message->link);
}

void read_messages_user(struct rpc_call *call, const struct read_user *user)
{
    struct user_message row = {0};
    Telefact__Store__V1__GetUserResponse answer = TELEFACT__STORE__V1__GET_USER_RESPONSE__INIT;
    answer.found = query_is_found(user);
    if (answer.found) {
        fill_user(user, &row);
        answer.user = &row.user;
    }
    rpc_answer(call, &answer.base);
    free_user(&row);
}

void read_messages_settings(struct rpc_call *call, const struct read_user *user)
{
    Telefact__Store__V1__GetUserSettingsResponse answer =
        TELEFACT__STORE__V1__GET_USER_SETTINGS_RESPONSE__INIT;
    char *lang = NULL;
    answer.found = query_is_found(user);
    if (answer.found) {
        lang = mem_text(user->lang.data, user->lang.len);
        answer.lang = lang;
        answer.file_mode = user->file_mode;
    }
    rpc_answer(call, &answer.base);
    free(lang);
}

void read_messages_stats(struct rpc_call *call, const struct read_user *user)
{
    struct user_message row = {0};
    Telefact__Store__V1__GetUserStatsResponse answer =
        TELEFACT__STORE__V1__GET_USER_STATS_RESPONSE__INIT;
    answer.found = query_is_found(user);
    if (answer.found) {
        fill_user(user, &row);
        answer.user = &row.user;
    }
    answer.videos_count = user->videos;
    answer.images_count = user->images;
    rpc_answer(call, &answer.base);
    free_user(&row);
}

void read_messages_ad(struct rpc_call *call, bool show)
{
    Telefact__Store__V1__ShouldShowAdResponse answer =
        TELEFACT__STORE__V1__SHOULD_SHOW_AD_RESPONSE__INIT;
    answer.show = show;
    rpc_answer(call, &answer.base);
}

void read_messages_totals(struct rpc_call *call, const struct read_totals *totals)
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

void read_messages_health(struct rpc_call *call)
{
    Telefact__Store__V1__HealthcheckResponse answer =
        TELEFACT__STORE__V1__HEALTHCHECK_RESPONSE__INIT;
    answer.ok = true;
    rpc_answer(call, &answer.base);
}

void read_messages_applied(struct rpc_call *call)
{
    Telefact__Store__V1__WaitAppliedResponse answer =
        TELEFACT__STORE__V1__WAIT_APPLIED_RESPONSE__INIT;
    answer.applied = true;
    rpc_answer(call, &answer.base);
}

void read_messages_ids(struct rpc_call *call, const struct read_ids *ids,
                       const char *next_page_token)
{
    Telefact__Store__V1__GetUserIdsResponse page = TELEFACT__STORE__V1__GET_USER_IDS_RESPONSE__INIT;
    int64_t *copy =
        mem_copy(ids->ids, ids->count * sizeof(*ids->ids)); /* the message is not const */
    char *token = mem_text(next_page_token, strlen(next_page_token));
    page.n_user_ids = ids->count;
    page.user_ids = copy;
    page.next_page_token = token;
    rpc_send(call, &page.base);
    free(copy);
    free(token);
}
