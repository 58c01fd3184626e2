#include "services/gateway/telegram/curl_loop.h"

#include "libs/base/mem.h"

#include <stdlib.h>

struct curl_loop {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
};

struct socket_watch {
    struct curl_loop *curl;
    struct loop_watch *watch;
    curl_socket_t fd;
};

static void finish_ended(struct curl_loop *curl)
{
    CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        struct curl_transfer *transfer = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        (void)curl_multi_remove_handle(curl->multi, transfer->easy);
        transfer->done(transfer->arg, code);
    }
}

static void act(struct curl_loop *curl, curl_socket_t fd, int what)
{
    int running = 0;
    (void)curl_multi_socket_action(curl->multi, fd, what, &running);
    finish_ended(curl);
}

static void on_ready(void *self, bool readable, bool writable)
{
    const struct socket_watch *watch = self;
    act(watch->curl, watch->fd,
        (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *self)
{
    act(self, CURL_SOCKET_TIMEOUT, 0);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *assigned)
{
    struct curl_loop *curl = self;
    struct socket_watch *watch = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            loop_watch_free(watch->watch);
            free(watch);
        }
        (void)curl_multi_assign(curl->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL) {
        watch = mem_alloc(sizeof(*watch));
        *watch = (struct socket_watch){.curl = curl, .fd = fd};
        watch->watch = loop_watch_new(curl->loop, fd, on_ready, watch);
        (void)curl_multi_assign(curl->multi, fd, watch);
    }
    loop_watch_want(watch->watch, what != CURL_POLL_OUT, what != CURL_POLL_IN);
    return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *self)
{
    struct curl_loop *curl = self;
    (void)multi;
    if (timeout_ms < 0)
        loop_timer_disarm(curl->timer);
    else
        loop_timer_arm(curl->timer, timeout_ms);
    return 0;
}

bool curl_loop_open(struct loop *loop, long idle_connections, struct curl_loop **out,
                    struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_FATAL, "libcurl cannot be used");
    struct curl_loop *curl = mem_alloc(sizeof(*curl));
    curl->loop = loop;
    curl->timer = loop_timer_new(loop, on_timer, curl);
    curl->multi = curl_multi_init();
    if (curl->multi == NULL)
        mem_exhausted();
    (void)curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    (void)curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    (void)curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, idle_connections);
    *out = curl;
    return true;
}

void curl_loop_free(struct curl_loop *curl)
{
    if (curl == NULL)
        return;
    (void)curl_multi_cleanup(curl->multi); /* closes idle connections, which ends their watches */
    loop_timer_free(curl->timer);
    free(curl);
}

void curl_loop_start(struct curl_loop *curl, struct curl_transfer *transfer)
{
    if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
        curl_multi_add_handle(curl->multi, transfer->easy) != CURLM_OK)
        mem_exhausted();
}

void curl_loop_cancel(struct curl_loop *curl, struct curl_transfer *transfer)
{
    (void)curl_multi_remove_handle(curl->multi, transfer->easy);
}
