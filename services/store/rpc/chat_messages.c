#include "services/store/rpc/chat_messages.h"

#include "libs/base/mem.h"
#include "services/store/query.h"

#include <stdlib.h>

void chat_message_init(struct chat_message *message, const struct read_user *row)
{
    Telefact__Store__V1__User *user = &message->user;
    *message = (struct chat_message){0};
    telefact__store__v1__user__init(user);
    message->lang = mem_text(row->lang.data, row->lang.len);
    user->user_id = row->user_id;
    user->lang = message->lang;
    user->file_mode = row->file_mode;
    user->ad_count = row->ad_count;
    user->ad_cooldown = row->ad_cooldown;
    if (row->has_registered_at) {
        user->registered_at_presence_case =
            TELEFACT__STORE__V1__USER__REGISTERED_AT_PRESENCE_REGISTERED_AT;
        user->registered_at = row->registered_at;
    }
    if (row->link.data != NULL) {
        message->link = mem_text(row->link.data, row->link.len);
        user->link_presence_case = TELEFACT__STORE__V1__USER__LINK_PRESENCE_LINK;
        user->link = message->link;
    }
}

void chat_message_done(struct chat_message *message)
{
    free(message->lang);
    free(message->link);
}

void chat_messages_user(struct rpc_call *call, const struct read_user *user)
{
    struct chat_message row = {0};
    Telefact__Store__V1__GetUserResponse answer = TELEFACT__STORE__V1__GET_USER_RESPONSE__INIT;
    answer.found = query_is_found(user);
    if (answer.found) {
        chat_message_init(&row, user);
        answer.user = &row.user;
    }
    rpc_answer(call, &answer.base);
    chat_message_done(&row);
}

void chat_messages_settings(struct rpc_call *call, const struct read_user *user)
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

void chat_messages_stats(struct rpc_call *call, const struct read_user *user)
{
    struct chat_message row = {0};
    Telefact__Store__V1__GetUserStatsResponse answer =
        TELEFACT__STORE__V1__GET_USER_STATS_RESPONSE__INIT;
    answer.found = query_is_found(user);
    if (answer.found) {
        chat_message_init(&row, user);
        answer.user = &row.user;
    }
    answer.videos_count = user->videos;
    answer.images_count = user->images;
    rpc_answer(call, &answer.base);
    chat_message_done(&row);
}

void chat_messages_ad(struct rpc_call *call, bool show)
{
    Telefact__Store__V1__ShouldShowAdResponse answer =
        TELEFACT__STORE__V1__SHOULD_SHOW_AD_RESPONSE__INIT;
    answer.show = show;
    rpc_answer(call, &answer.base);
}

void chat_messages_profile(struct rpc_call *call, const struct read_profile *profile)
{
    Telefact__Store__V1__GetProfileResponse answer =
        TELEFACT__STORE__V1__GET_PROFILE_RESPONSE__INIT;
    char *username = mem_text(profile->username.data, profile->username.len);
    char *first_name = mem_text(profile->first_name.data, profile->first_name.len);
    char *settings = mem_text(profile->settings.data, profile->settings.len);
    answer.found = profile->exists;
    answer.user_id = profile->id;
    answer.first_name = first_name;
    answer.settings = settings;
    if (profile->username.data != NULL) {
        answer.username_presence_case =
            TELEFACT__STORE__V1__GET_PROFILE_RESPONSE__USERNAME_PRESENCE_USERNAME;
        answer.username = username;
    }
    if (profile->has_created_at) {
        answer.created_at_presence_case =
            TELEFACT__STORE__V1__GET_PROFILE_RESPONSE__CREATED_AT_PRESENCE_CREATED_AT;
        answer.created_at = profile->created_at;
    }
    rpc_answer(call, &answer.base);
    free(username);
    free(first_name);
    free(settings);
}
