#include "services/gateway/telegram/forward.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"
#include "services/gateway/telegram/curl_loop.h"

#include <stdlib.h>

#define CONNECT_MS 5000L
#define IDLE_CONNECTIONS 100L /* kept for the next update; as many as Telegram sends at a time */

struct forward {
    struct curl_loop *curl;
    char *url;
    long timeout_ms;
};

struct transfer {
    struct forward *forward;
    struct curl_transfer curl;
    struct curl_slist *headers;
    struct buf answer;
    bool is_too_long;
    forward_fn fn;
    void *arg;
};

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->curl.easy);
    curl_slist_free_all(transfer->headers);
    buf_done(&transfer->answer);
    free(transfer);
}

static void finish(void *arg, CURLcode code)
{
    struct transfer *transfer = arg;
    struct forward_answer answer = {.body = buf_bytes(&transfer->answer)};
    long status = 0;
    char *content_type = NULL;
    curl_off_t retry_after_s = 0;
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(transfer->curl.easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(transfer->curl.easy, CURLINFO_CONTENT_TYPE, &content_type);
        (void)curl_easy_getinfo(transfer->curl.easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    } else {
        answer.error = transfer->is_too_long ? "answer is too long" : curl_easy_strerror(code);
    }
    answer.status = (int)status;
    answer.retry_after_s = retry_after_s;
    if (content_type != NULL)
        answer.content_type = bytes_of_text(content_type);
    transfer->fn(transfer->arg, &answer);
    transfer_free(transfer);
}

static size_t on_answer(char *data, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    if (buf_append(&transfer->answer, data, size * count))
        return size * count;
    transfer->is_too_long = true;
    return 0;
}

static void add_header(struct transfer *transfer, struct bytes name, struct bytes value)
{
    size_t len = name.len + 2 + value.len;
    char *line = mem_alloc(len + 1);
    memcpy(line, name.data, name.len);
    /* curl sends a header without value only when it ends in a semicolon, not a colon. */
    if (value.len == 0) {
        line[name.len] = ';';
    } else {
        line[name.len] = ':';
        line[name.len + 1] = ' ';
        memcpy(line + name.len + 2, value.data, value.len);
    }
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    free(line);
    if (longer == NULL)
        mem_exhausted();
    transfer->headers = longer;
}

static void set_up(struct transfer *transfer, const struct forward_request *request)
{
    CURL *easy = transfer->curl.easy;
    struct forward *forward = transfer->forward;
    bool is_set =
        curl_easy_setopt(easy, CURLOPT_URL, forward->url) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, forward->timeout_ms) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) ==
            CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         request->body.data == NULL ? "" : request->body.data) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
    if (!is_set)
        mem_exhausted();
}

void forward_send(struct forward *forward, const struct forward_request *request, forward_fn fn,
                  void *arg)
{
    struct transfer *transfer = mem_alloc(sizeof(*transfer));
    *transfer = (struct transfer){.forward = forward, .fn = fn, .arg = arg};
    buf_init(&transfer->answer, FORWARD_ANSWER_MAX);
    for (size_t i = 0; i < request->header_count; i++)
        add_header(transfer, request->headers[i].name, request->headers[i].value);
    struct curl_slist *longer = curl_slist_append(transfer->headers, "Expect:");
    transfer->curl.easy = curl_easy_init();
    if (longer == NULL || transfer->curl.easy == NULL)
        mem_exhausted();
    transfer->headers = longer;
    transfer->curl.done = finish;
    transfer->curl.arg = transfer;
    set_up(transfer, request);
    curl_loop_start(forward->curl, &transfer->curl);
}

static bool is_web_url(const char *url)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    bool is_web = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                  curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return is_web;
}

bool forward_open(struct loop *loop, const char *url, int64_t timeout_ms, struct forward **out,
                  struct err *err)
{
    if (!is_web_url(url))
        return err_set(err, ERR_FATAL, "GATEWAY_FORWARD_URL is no http or https URL");
    struct curl_loop *curl = NULL;
    if (!curl_loop_open(loop, IDLE_CONNECTIONS, &curl, err))
        return false;
    struct forward *forward = mem_alloc(sizeof(*forward));
    forward->curl = curl;
    forward->url = mem_text(url, strlen(url));
    forward->timeout_ms = (long)timeout_ms;
    *out = forward;
    return true;
}

void forward_free(struct forward *forward)
{
    if (forward == NULL)
        return;
    curl_loop_free(forward->curl);
    free(forward->url);
    free(forward);
}
