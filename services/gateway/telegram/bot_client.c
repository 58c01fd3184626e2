#include "services/gateway/telegram/bot_client.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "libs/ops/refusals.h"
#include "services/gateway/telegram/bot_call.h"
#include "services/gateway/telegram/curl_loop.h"

#include <stdlib.h>

#define CONNECT_MS 10000L
#define IDLE_CONNECTIONS 1L
#define ANSWER_BYTES_MAX (64 << 20) /* 100 updates of Telegram's 512 KiB */

struct bot_client {
    struct curl_loop *curl;
    struct bot_call_target target; /* its texts are owned */
    struct curl_transfer transfer; /* easy NULL: nothing is on its way */
    struct curl_slist *headers;
    struct buf json;
    struct buf answer;
    bot_answer_fn fn;
    void *arg;
};

static struct refusal away = {.code = "bot_api_away", .msg = "the Bot API cannot be asked"};

void bot_client_add_metrics(void)
{
    refusals_add("telegram", &away, 1);
}

static size_t on_answer(char *data, size_t size, size_t count, void *self)
{
    struct bot_client *client = self;
    return buf_append(&client->answer, data, size * count) ? size * count : 0;
}

static void drop(struct bot_client *client)
{
    curl_easy_cleanup(client->transfer.easy);
    client->transfer.easy = NULL;
}

static void on_done(void *arg, CURLcode code)
{
    struct bot_client *client = arg;
    drop(client);
    bool is_whole = code == CURLE_OK && client->answer.len > 0;
    if (!is_whole)
        log_refusal(&away, LOG_TEXT("why", code == CURLE_OK ? "its answer is empty"
                                                            : curl_easy_strerror(code)));
    client->fn(client->arg, is_whole ? buf_bytes(&client->answer) : (struct bytes){0});
}

static bool set_up(struct bot_client *client, const char *url, int64_t timeout_ms)
{
    CURL *easy = client->transfer.easy;
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)client->json.len) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, client->json.data) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, client) == CURLE_OK;
}

static void call(void *self, const struct bot_question *question, bot_answer_fn fn, void *arg)
{
    struct bot_client *client = self;
    client->fn = fn;
    client->arg = arg;
    buf_clear(&client->json);
    buf_clear(&client->answer);
    char *url = bot_call_url(&client->target, question->method);
    client->transfer = (struct curl_transfer){curl_easy_init(), on_done, client};
    if (client->transfer.easy == NULL ||
        !buf_append(&client->json, question->json, strlen(question->json)) ||
        !set_up(client, url, question->timeout_ms))
        mem_exhausted();
    free(url);
    curl_loop_start(client->curl, &client->transfer);
}

static void cancel(void *self)
{
    struct bot_client *client = self;
    if (client->transfer.easy == NULL)
        return;
    curl_loop_cancel(client->curl, &client->transfer);
    drop(client);
}

bool bot_client_open(struct loop *loop, const struct bot_client_target *target,
                     struct bot_client **out, struct err *err)
{
    struct curl_loop *curl = NULL;
    if (!curl_loop_open(loop, IDLE_CONNECTIONS, &curl, err))
        return false;
    struct bot_client *client = mem_alloc(sizeof(*client));
    client->curl = curl;
    client->target.base_url = mem_text(target->base_url, strlen(target->base_url));
    client->target.token = mem_text(target->token, strlen(target->token));
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (client->headers == NULL)
        mem_exhausted();
    buf_init(&client->json, ANSWER_BYTES_MAX);
    buf_init(&client->answer, ANSWER_BYTES_MAX);
    *out = client;
    return true;
}

void bot_client_free(struct bot_client *client)
{
    if (client == NULL)
        return;
    cancel(client);
    curl_loop_free(client->curl);
    curl_slist_free_all(client->headers);
    buf_done(&client->json);
    buf_done(&client->answer);
    free((void *)(uintptr_t)client->target.base_url);
    free((void *)(uintptr_t)client->target.token);
    free(client);
}

struct bot_line bot_client_line(struct bot_client *client)
{
    return (struct bot_line){.call = call, .cancel = cancel, .self = client};
}
