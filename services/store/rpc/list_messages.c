#include "services/store/rpc/list_messages.h"

#include "libs/base/mem.h"
#include "services/store/query.h"
#include "services/store/rpc/chat_messages.h"

#include <stdlib.h>

struct download_list {
    Telefact__Store__V1__Download *rows;
    Telefact__Store__V1__Download **pointers;
    size_t count;
};

static struct download_list open_downloads(const struct read_downloads *downloads)
{
    struct download_list list = {
        .rows = mem_array(downloads->count, sizeof(*list.rows)),
        .pointers = mem_array(downloads->count, sizeof(*list.pointers)),
        .count = downloads->count,
    };
    for (size_t i = 0; i < list.count; i++) {
        const struct read_download *from = &downloads->rows[i];
        Telefact__Store__V1__Download *to = &list.rows[i];
        telefact__store__v1__download__init(to);
        to->video_link = mem_text(from->link.data, from->link.len);
        to->downloaded_at = from->time;
        if (from->has_time)
            to->downloaded_at_presence_case =
                TELEFACT__STORE__V1__DOWNLOAD__DOWNLOADED_AT_PRESENCE_DOWNLOADED_AT;
        list.pointers[i] = to;
    }
    return list;
}

static void close_downloads(struct download_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i].video_link);
    free(list->rows);
    free(list->pointers);
}

/* Two messages have these fields, each in a type of its own. */
struct download_page {
    ProtobufCMessage *message;
    size_t *count;
    Telefact__Store__V1__Download ***downloads;
    char **next_page_token;
};

static void send_downloads(struct rpc_call *call, const struct read_downloads *downloads,
                           const char *next_page_token, const struct download_page *page)
{
    struct download_list list = open_downloads(downloads);
    char *token = mem_text(next_page_token, strlen(next_page_token));
    *page->count = list.count;
    *page->downloads = list.pointers;
    *page->next_page_token = token;
    rpc_send(call, page->message);
    free(token);
    close_downloads(&list);
}

void list_messages_user_videos(struct rpc_call *call, const struct read_downloads *downloads,
                               const char *next_page_token)
{
    Telefact__Store__V1__GetUserVideosResponse page =
        TELEFACT__STORE__V1__GET_USER_VIDEOS_RESPONSE__INIT;
    send_downloads(call, downloads, next_page_token,
                   &(struct download_page){&page.base, &page.n_downloads, &page.downloads,
                                           &page.next_page_token});
}

void list_messages_period(struct rpc_call *call, const struct read_downloads *downloads,
                          const char *next_page_token)
{
    Telefact__Store__V1__GetStatsByPeriodResponse page =
        TELEFACT__STORE__V1__GET_STATS_BY_PERIOD_RESPONSE__INIT;
    send_downloads(call, downloads, next_page_token,
                   &(struct download_page){&page.base, &page.n_downloads, &page.downloads,
                                           &page.next_page_token});
}

void list_messages_ids(struct rpc_call *call, const struct read_ids *ids,
                       const char *next_page_token)
{
    Telefact__Store__V1__GetUserIdsResponse page = TELEFACT__STORE__V1__GET_USER_IDS_RESPONSE__INIT;
    int64_t *copy =
        mem_copy(ids->rows, ids->count * sizeof(*ids->rows)); /* the message is not const */
    char *token = mem_text(next_page_token, strlen(next_page_token));
    page.n_user_ids = ids->count;
    page.user_ids = copy;
    page.next_page_token = token;
    rpc_send(call, &page.base);
    free(copy);
    free(token);
}

void list_messages_users(struct rpc_call *call, const struct read_chats *chats,
                         const char *next_page_token)
{
    Telefact__Store__V1__ListUsersResponse page = TELEFACT__STORE__V1__LIST_USERS_RESPONSE__INIT;
    struct chat_message *rows = mem_array(chats->count, sizeof(*rows));
    Telefact__Store__V1__User **users = mem_array(chats->count, sizeof(*users));
    char *token = mem_text(next_page_token, strlen(next_page_token));
    for (size_t i = 0; i < chats->count; i++) {
        struct read_user user = query_merge(&chats->rows[i]);
        chat_message_init(&rows[i], &user);
        users[i] = &rows[i].user;
    }
    page.n_users = chats->count;
    page.users = users;
    page.next_page_token = token;
    rpc_send(call, &page.base);
    for (size_t i = 0; i < chats->count; i++)
        chat_message_done(&rows[i]);
    free(rows);
    free(users);
    free(token);
}
