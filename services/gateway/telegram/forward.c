#include "services/gateway/telegram/forward.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"

#include <curl/curl.h>
#include <stdlib.h>

#define CONNECT_MS 5000L
#define IDLE_CONNECTIONS 100L /* kept for the next update; as many as Telegram sends at a time */

struct forward {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    char *url;
    long timeout_ms;
};

struct transfer {
    struct forward *forward;
    CURL *easy;
    struct curl_slist *headers;
    struct buf answer;
    bool is_too_long;
    forward_fn fn;
    void *arg;
};

struct socket_watch {
    struct forward *forward;
    struct loop_watch *watch;
    curl_socket_t fd;
};

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    buf_done(&transfer->answer);
    free(transfer);
}

static void finish(struct transfer *transfer, CURLcode code)
{
    struct forward_answer answer = {.body = buf_bytes(&transfer->answer)};
    long status = 0;
    char *content_type = NULL;
    curl_off_t retry_after_s = 0;
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
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

static void finish_ended(struct forward *forward)
{
    CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(forward->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        struct transfer *transfer = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        (void)curl_multi_remove_handle(forward->multi, transfer->easy);
        finish(transfer, code);
    }
}

static void act(struct forward *forward, curl_socket_t fd, int what)
{
    int running = 0;
    (void)curl_multi_socket_action(forward->multi, fd, what, &running);
    finish_ended(forward);
}

static void on_ready(void *self, bool readable, bool writable)
{
    const struct socket_watch *watch = self;
    act(watch->forward, watch->fd,
        (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *self)
{
    act(self, CURL_SOCKET_TIMEOUT, 0);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *assigned)
{
    struct forward *forward = self;
    struct socket_watch *watch = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            loop_watch_free(watch->watch);
            free(watch);
        }
        (void)curl_multi_assign(forward->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL) {
        watch = mem_alloc(sizeof(*watch));
        *watch = (struct socket_watch){.forward = forward, .fd = fd};
        watch->watch = loop_watch_new(forward->loop, fd, on_ready, watch);
        (void)curl_multi_assign(forward->multi, fd, watch);
    }
    loop_watch_want(watch->watch, what != CURL_POLL_OUT, what != CURL_POLL_IN);
    return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *self)
{
    struct forward *forward = self;
    (void)multi;
    if (timeout_ms < 0)
        loop_timer_disarm(forward->timer);
    else
        loop_timer_arm(forward->timer, timeout_ms);
    return 0;
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
    CURL *easy = transfer->easy;
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
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
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
    transfer->easy = curl_easy_init();
    if (longer == NULL || transfer->easy == NULL)
        mem_exhausted();
    transfer->headers = longer;
    set_up(transfer, request);
    if (curl_multi_add_handle(forward->multi, transfer->easy) != CURLM_OK)
        mem_exhausted();
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
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_FATAL, "libcurl cannot be used");
    if (!is_web_url(url))
        return err_set(err, ERR_FATAL, "GATEWAY_FORWARD_URL is no http or https URL");
    struct forward *forward = mem_alloc(sizeof(*forward));
    forward->loop = loop;
    forward->url = mem_text(url, strlen(url));
    forward->timeout_ms = (long)timeout_ms;
    forward->timer = loop_timer_new(loop, on_timer, forward);
    forward->multi = curl_multi_init();
    if (forward->multi == NULL)
        mem_exhausted();
    (void)curl_multi_setopt(forward->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(forward->multi, CURLMOPT_SOCKETDATA, forward);
    (void)curl_multi_setopt(forward->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(forward->multi, CURLMOPT_TIMERDATA, forward);
    (void)curl_multi_setopt(forward->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
    *out = forward;
    return true;
}

void forward_free(struct forward *forward)
{
    if (forward == NULL)
        return;
    (void)curl_multi_cleanup(
        forward->multi); /* closes idle connections, which ends their watches */
    loop_timer_free(forward->timer);
    free(forward->url);
    free(forward);
}
