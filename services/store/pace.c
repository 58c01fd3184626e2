#include "services/store/pace.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#define REST_MAX_MS 5000
#define YIELD_MS 1000

struct pace {
    struct projection_store store;
    int percent;
    int64_t rested_ms; /* when the last rest ended */
    atomic_bool does_yield;
};

int64_t pace_rest_ms(int64_t worked_ms, int percent)
{
    int64_t rest_ms = worked_ms * (100 - percent) / percent;
    return rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS;
}

static bool open_store(void *self, struct err *err)
{
    struct pace *pace = self;
    return pace->store.open(pace->store.self, err);
}

static bool load_fences(void *self, const struct fence_query *query, struct fence *out,
                        struct err *err)
{
    struct pace *pace = self;
    return pace->store.load_fences(pace->store.self, query, out, err);
}

static bool is_bulk(void *self)
{
    struct pace *pace = self;
    return pace->store.is_bulk(pace->store.self);
}

/* What came before the batch, fetching and decoding, is work too. */
static enum apply_result apply(void *self, struct batch *batch, struct fold *fold, struct err *err)
{
    struct pace *pace = self;
    enum apply_result result = pace->store.apply(pace->store.self, batch, fold, err);
    int64_t rest_ms = pace_rest_ms(now_monotonic_ms() - pace->rested_ms, pace->percent);
    if (atomic_load(&pace->does_yield) && rest_ms < YIELD_MS)
        rest_ms = YIELD_MS;
    if (rest_ms > 0)
        (void)poll(NULL, 0, (int)rest_ms);
    pace->rested_ms = now_monotonic_ms();
    return result;
}

static bool tend_letters(void *self, int64_t expire_before_ms, struct letter_census *out,
                         struct err *err)
{
    struct pace *pace = self;
    return pace->store.tend_letters(pace->store.self, expire_before_ms, out, err);
}

static bool erase_past(void *self, int64_t *out, struct err *err)
{
    struct pace *pace = self;
    return pace->store.erase_past(pace->store.self, out, err);
}

static bool look_at_rebuild(void *self, struct rebuild_census *out, struct err *err)
{
    struct pace *pace = self;
    return pace->store.look_at_rebuild(pace->store.self, out, err);
}

static void close_store(void *self)
{
    struct pace *pace = self;
    pace->store.close(pace->store.self);
}

struct pace *pace_new(const struct projection_store *store, int percent)
{
    struct pace *pace = mem_alloc(sizeof(*pace));
    pace->store = *store;
    pace->percent = percent;
    pace->rested_ms = now_monotonic_ms();
    return pace;
}

struct projection_store pace_port(struct pace *pace)
{
    return (struct projection_store){.open = open_store,
                                     .load_fences = load_fences,
                                     .is_bulk = is_bulk,
                                     .apply = apply,
                                     .tend_letters = tend_letters,
                                     .erase_past = erase_past,
                                     .look_at_rebuild = look_at_rebuild,
                                     .close = close_store,
                                     .self = pace};
}

void pace_yield(struct pace *pace, bool does_yield)
{
    atomic_store(&pace->does_yield, does_yield);
}

void pace_free(struct pace *pace)
{
    free(pace);
}
