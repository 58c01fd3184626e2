#include "services/gateway/telegram/bot_client.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"
#include "services/gateway/telegram/bot_call.h"
#include "services/gateway/telegram/curl_loop.h"

#include <assert.h>
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

/* What an answer's status may be beside 200; then any other one, and no whole answer. */
static const long ERROR_STATUS[] = {400, 401, 403, 404, 409, 429, 500, 502, 503, 504};
#define STATUSES (sizeof(ERROR_STATUS) / sizeof(*ERROR_STATUS))

static struct metric_series errors[] = {
    {.labels = "code=\"400\""}, {.labels = "code=\"401\""},   {.labels = "code=\"403\""},
    {.labels = "code=\"404\""}, {.labels = "code=\"409\""},   {.labels = "code=\"429\""},
    {.labels = "code=\"500\""}, {.labels = "code=\"502\""},   {.labels = "code=\"503\""},
    {.labels = "code=\"504\""}, {.labels = "code=\"other\""}, {.labels = "code=\"none\""},
};
static struct metric errors_metric = {
    .name = "telegram_api_errors_total",
    .help = "Calls of the Bot API that failed, by status of the answer; none: no whole one came.",
    .kind = METRIC_COUNTER,
    .series = errors,
    .count = STATUSES + 2,
};
static_assert(sizeof(errors) / sizeof(*errors) == STATUSES + 2, "a series for each status");

static struct refusal away = {.code = "bot_api_away", .msg = "the Bot API cannot be asked"};

void bot_client_add_metrics(void)
{
    metrics_add(&errors_metric);
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

static void count_error(bool is_whole, long status)
{
    size_t i = 0;
    if (is_whole && status == 200)
        return;
    while (i < STATUSES && status != ERROR_STATUS[i])
        i++;
    metric_add(&errors[is_whole ? i : STATUSES + 1], 1);
}

static void on_done(void *arg, CURLcode code)
{
    struct bot_client *client = arg;
    long status = 0;
    (void)curl_easy_getinfo(client->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    drop(client);
    bool is_whole = code == CURLE_OK && client->answer.len > 0;
    count_error(is_whole, status);
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
