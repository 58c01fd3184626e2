#include "libs/rpc/health.h"

#include "libs/base/mem.h"
#include "libs/rpc/call.h"

#include <stdlib.h>

#define SERVICE "grpc.health.v1.Health"
#define FIELD_SERVICE 0x0A  /* HealthCheckRequest: field 1, length-delimited */
#define FIELD_STATUS 0x08   /* HealthCheckResponse: field 1, varint */
#define NAME_MAX_BYTES 127U /* so that its length is one byte */

enum serving_status { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

struct watcher {
    struct rpc_health *health;
    struct rpc_call *call;
    struct watcher *next;
    struct watcher **link;
    bool is_known;            /* the service it asked for */
    enum serving_status told; /* last; 0: nothing yet */
};

struct rpc_health {
    const char **names; /* of the services, which the descriptors own */
    size_t name_count;
    struct watcher *watchers;
    bool is_serving;
    bool is_draining;
};

/* The service's name out of a HealthCheckRequest. */
static bool read_request(struct bytes message, struct bytes *out)
{
    *out = (struct bytes){"", 0};
    if (message.len == 0)
        return true;
    if (message.len < 2 || message.data[0] != FIELD_SERVICE || message.data[1] < 0)
        return false;
    *out = (struct bytes){message.data + 2, message.len - 2};
    return out->len <= NAME_MAX_BYTES && (size_t)message.data[1] == out->len;
}

static bool is_known(const struct rpc_health *health, struct bytes service)
{
    for (size_t i = 0; i < health->name_count; i++) {
        if (bytes_equal(service, bytes_of_text(health->names[i])))
            return true;
    }
    return service.len == 0 || bytes_equal(service, BYTES_LITERAL(SERVICE));
}

static void send_status(struct rpc_call *call, enum serving_status status)
{
    const char message[] = {FIELD_STATUS, (char)status};
    rpc_call_send_bytes(call, (struct bytes){message, sizeof(message)});
}

static enum serving_status status_of(const struct rpc_health *health)
{
    return health->is_serving ? SERVING : NOT_SERVING;
}

static void on_check(void *self, struct rpc_call *call, struct bytes message)
{
    const struct rpc_health *health = self;
    struct bytes service;
    if (!read_request(message, &service)) {
        rpc_end(call, RPC_INVALID_ARGUMENT, "request is not a grpc.health.v1.HealthCheckRequest");
    } else if (!is_known(health, service)) {
        rpc_end(call, RPC_NOT_FOUND, "unknown service");
    } else {
        send_status(call, status_of(health));
        rpc_end(call, RPC_OK, NULL);
    }
}

static void end_watcher(struct watcher *watcher, enum rpc_status status, const char *message)
{
    *watcher->link = watcher->next;
    if (watcher->next != NULL)
        watcher->next->link = watcher->link;
    rpc_end(watcher->call, status, message);
    free(watcher);
}

static void on_watcher_gone(void *self)
{
    end_watcher(self, RPC_CANCELLED, NULL);
}

/* A client that does not read gets the latest status once it does, not every one in between. */
static void tell(void *self)
{
    struct watcher *watcher = self;
    enum serving_status status = watcher->is_known ? status_of(watcher->health) : SERVICE_UNKNOWN;
    if (status == watcher->told)
        return;
    if (!rpc_is_writable(watcher->call)) {
        rpc_on_writable(watcher->call, tell, watcher);
        return;
    }
    watcher->told = status;
    send_status(watcher->call, status);
}

static void on_watch(void *self, struct rpc_call *call, struct bytes message)
{
    struct rpc_health *health = self;
    struct bytes service;
    if (!read_request(message, &service)) {
        rpc_end(call, RPC_INVALID_ARGUMENT, "request is not a grpc.health.v1.HealthCheckRequest");
        return;
    }
    if (health->is_draining) {
        rpc_end(call, RPC_UNAVAILABLE, "shutting down");
        return;
    }
    struct watcher *watcher = mem_alloc(sizeof(*watcher));
    *watcher =
        (struct watcher){.health = health, .call = call, .is_known = is_known(health, service)};
    watcher->next = health->watchers;
    watcher->link = &health->watchers;
    if (watcher->next != NULL)
        watcher->next->link = &watcher->next;
    health->watchers = watcher;
    rpc_on_cancel(call, on_watcher_gone, watcher);
    tell(watcher);
}

struct rpc_health *rpc_health_new(struct rpc_methods *methods, const struct rpc_service *services,
                                  size_t service_count)
{
    struct rpc_health *health = mem_alloc(sizeof(*health));
    health->names = mem_array(service_count, sizeof(*health->names));
    health->name_count = service_count;
    for (size_t i = 0; i < service_count; i++)
        health->names[i] = services[i].descriptor->name;
    struct rpc_method check = {.bytes_fn = on_check, .self = health, .is_public = true};
    struct rpc_method watch = {
        .bytes_fn = on_watch, .self = health, .is_public = true, .is_endless = true};
    rpc_methods_add(methods, SERVICE, "Check", check);
    rpc_methods_add(methods, SERVICE, "Watch", watch);
    return health;
}

void rpc_health_set_serving(struct rpc_health *health, bool is_serving)
{
    health->is_serving = is_serving;
    for (struct watcher *watcher = health->watchers; watcher != NULL; watcher = watcher->next)
        tell(watcher);
}

void rpc_health_drain(struct rpc_health *health)
{
    health->is_draining = true;
    rpc_health_set_serving(health, false);
    struct watcher *next = NULL;
    for (struct watcher *watcher = health->watchers; watcher != NULL; watcher = next) {
        next = watcher->next;
        end_watcher(watcher, RPC_UNAVAILABLE, "shutting down");
    }
}

void rpc_health_free(struct rpc_health *health)
{
    free(health->names);
    free(health);
}
