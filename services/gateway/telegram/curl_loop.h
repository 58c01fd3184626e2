/*
 * curl_loop: libcurl's transfers on the loop.
 *
 * A transfer is the caller's, with its easy handle; between start and its end or cancel it is
 * borrowed. Runs on the loop's thread.
 */
#ifndef SERVICES_GATEWAY_TELEGRAM_CURL_LOOP_H
#define SERVICES_GATEWAY_TELEGRAM_CURL_LOOP_H

#include "libs/base/err.h"
#include "libs/loop/loop.h"

#include <curl/curl.h>

struct curl_loop;

struct curl_transfer {
    CURL *easy;
    void (*done)(void *arg, CURLcode code); /* exactly once, unless it is cancelled */
    void *arg;
};

/* ERR_FATAL: libcurl cannot be used. idle_connections: kept open for the next transfer. */
MUST_CHECK bool curl_loop_open(struct loop *loop, long idle_connections, struct curl_loop **out,
                               struct err *err);
void curl_loop_free(struct curl_loop *curl); /* nothing is on its way; NULL is fine */

void curl_loop_start(struct curl_loop *curl, struct curl_transfer *transfer);
void curl_loop_cancel(struct curl_loop *curl, struct curl_transfer *transfer);

#endif
