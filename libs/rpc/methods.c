#include "libs/rpc/methods.h"

#include "libs/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(struct bytes a, const char *b_text)
{
    struct bytes b = bytes_of_text(b_text);
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* Where `path` stands, or would have to stand. */
static size_t place_of(const struct rpc_methods *methods, struct bytes path)
{
    size_t low = 0;
    size_t high = methods->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(path, methods->items[middle].path) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rpc_methods_add(struct rpc_methods *methods, const char *service, const char *name,
                     struct rpc_method method)
{
    size_t size = strlen(service) + strlen(name) + 3;
    char *path = mem_alloc(size);
    (void)snprintf(path, size, "/%s/%s", service, name);
    method.path = path;
    method.label = path + 1;

    methods->items = mem_grow(methods->items, methods->count + 1, sizeof(*methods->items));
    size_t place = place_of(methods, bytes_of_text(path));
    memmove(&methods->items[place + 1], &methods->items[place],
            (methods->count - place) * sizeof(*methods->items));
    methods->items[place] = method;
    methods->count++;
}

void rpc_methods_init(struct rpc_methods *methods, const struct rpc_service *services, size_t count)
{
    *methods = (struct rpc_methods){0};
    for (size_t i = 0; i < count; i++) {
        const ProtobufCServiceDescriptor *service = services[i].descriptor;
        for (unsigned j = 0; j < service->n_methods; j++) {
            struct rpc_method method = {
                .input = service->methods[j].input,
                .handler = services[i].handlers[j],
                .self = services[i].self,
                .auth = services[i].token_count > 0 ? i + 1 : 0,
                .is_endless = (services[i].endless >> j & 1U) != 0,
            };
            rpc_methods_add(methods, service->name, service->methods[j].name, method);
        }
    }
}

void rpc_methods_done(struct rpc_methods *methods)
{
    for (size_t i = 0; i < methods->count; i++)
        free(methods->items[i].path);
    free(methods->items);
    *methods = (struct rpc_methods){0};
}

const struct rpc_method *rpc_methods_find(const struct rpc_methods *methods, struct bytes path)
{
    if (path.len == 0)
        return NULL;
    size_t place = place_of(methods, path);
    if (place == methods->count || compare(path, methods->items[place].path) != 0)
        return NULL;
    return &methods->items[place];
}
