#include "tests/support/fake_generations.h"

#include "libs/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct position position_of(const int64_t offsets[FAKE_LOG_PARTITIONS])
{
    struct position position = {0};
    for (int32_t i = 0; i < FAKE_LOG_PARTITIONS; i++)
        position_raise(&position, i, offsets[i]);
    return position;
}

static void offsets_of(const struct position *position, int64_t out[FAKE_LOG_PARTITIONS])
{
    for (size_t i = 0; i < position->count; i++)
        out[position->entries[i].partition] = position->entries[i].next_offset;
}

static bool fake_open(void *self, struct err *err)
{
    const struct fake_generations *fake = self;
    return !fake->is_away || err_set(err, ERR_RETRY, "the fake database is away");
}

static void fill_row(const struct fake_generation *item, int id, struct generation_row *out)
{
    *out = (struct generation_row){.id = id,
                                   .projection_version = item->projection_version,
                                   .state = item->state,
                                   .is_paused = item->is_paused,
                                   .has_end = item->has_end,
                                   .target = position_of(item->target),
                                   .expected_differences = mem_text("", 0),
                                   .detail = mem_text(item->detail, strlen(item->detail)),
                                   .created_at = mem_text("", 0)};
    if (item->has_end)
        out->end = position_of(item->target);
}

static bool fake_list(void *self, struct generation_row **out, size_t *count, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    *out = mem_array(FAKE_GENERATIONS_MAX, sizeof(**out));
    *count = 0;
    for (int id = 1; id < FAKE_GENERATIONS_MAX; id++)
        if (fake->items[id].is_there)
            fill_row(&fake->items[id], id, &(*out)[(*count)++]);
    return true;
}

static bool fake_load(void *self, int id, struct generation_row *out, struct err *err)
{
    struct fake_generations *fake = self;
    if (id >= FAKE_GENERATIONS_MAX || !fake->items[id].is_there)
        return err_set(err, ERR_REJECT, "there is no generation %d", id);
    fill_row(&fake->items[id], id, out);
    return true;
}

static bool fake_create(void *self, const struct generation_plan *plan, int *out_id,
                        struct err *err)
{
    struct fake_generations *fake = self;
    struct fake_generation *item = &fake->items[2];
    if (item->is_there)
        return err_set(err, ERR_REJECT, "a rebuild is under way");
    *item = (struct fake_generation){
        .is_there = true, .state = GENERATION_BUILDING, .has_end = plan->has_end};
    offsets_of(plan->begin, item->now);
    offsets_of(plan->target, item->target);
    *out_id = 2;
    return true;
}

static bool fake_lead(void *self, int id, bool *out, struct err *err)
{
    struct fake_generations *fake = self;
    (void)id;
    (void)err;
    *out = !fake->is_led_by_another;
    return true;
}

static bool fake_positions(void *self, int id, struct position *out, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    *out = position_of(fake->items[id].now);
    return true;
}

static bool fake_move(void *self, const struct generation_move *move, struct err *err)
{
    struct fake_generations *fake = self;
    struct fake_generation *item = &fake->items[move->id];
    if (item->state != move->from || !generation_may_become(move->from, move->to))
        return err_set(err, ERR_REJECT, "it is not %s", generation_state_name(move->from));
    item->state = move->to;
    (void)snprintf(item->detail, sizeof(item->detail), "%s", move->detail);
    return true;
}

static bool fake_hold(void *self, int id, bool is_held, struct err *err)
{
    struct fake_generations *fake = self;
    (void)id;
    (void)err;
    fake->is_held = is_held;
    return true;
}

static bool fake_set_paused(void *self, int id, bool is_paused, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    fake->items[id].is_paused = is_paused;
    return true;
}

static bool fake_make_indexes(void *self, int id, struct err *err)
{
    struct fake_generations *fake = self;
    (void)id;
    if (!fake->is_held)
        return err_set(err, ERR_FATAL, "indexes are made while it is written");
    fake->indexed++;
    return true;
}

static bool fake_erase_later(void *self, int id, struct err *err)
{
    struct fake_generations *fake = self;
    if (!fake->is_held || fake->indexed == 0)
        return err_set(err, ERR_FATAL, "it is still written");
    if (fake->unwell_erases > 0) {
        fake->unwell_erases--;
        return err_set(err, ERR_RETRY, "the fake database is unwell");
    }
    fake->erased[id]++;
    return true;
}

static bool fake_compare(void *self, const struct generation_compare *compare, bool *out_equal,
                         struct err *err)
{
    struct fake_generations *fake = self;
    if (fake->unwell_compares > 0) {
        fake->unwell_compares--;
        return err_set(err, ERR_RETRY, "the fake database is unwell");
    }
    struct table_difference equal = {.table = "videos", .is_equal = true, .example = ""};
    compare->fn(compare->self, &equal);
    *out_equal = fake->differing == NULL;
    if (fake->differing != NULL) {
        struct table_difference differs = {.table = fake->differing, .example = "id=1"};
        compare->fn(compare->self, &differs);
    }
    return true;
}

static bool fake_swap(void *self, int id, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    for (int i = 1; i < FAKE_GENERATIONS_MAX; i++)
        if (fake->items[i].state == GENERATION_LIVE && fake->items[i].is_there)
            fake->items[i].state = GENERATION_RETIRED;
    fake->items[id].state = GENERATION_LIVE;
    return true;
}

static bool fake_drop(void *self, int id, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    fake->items[id].is_there = false;
    return true;
}

static void fake_close(void *self)
{
    (void)self;
}

static bool fake_read(void *self, struct log_state *out, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    *out = (struct log_state){.cluster_id = "fake",
                              .begin = position_of(fake->log_begin),
                              .end = position_of(fake->log_end)};
    return true;
}

static bool fake_at_time(void *self, int64_t unix_ms, struct position *out, struct err *err)
{
    struct fake_generations *fake = self;
    (void)err;
    fake->asked_ms = unix_ms;
    *out = position_of(fake->at_time);
    return true;
}

void fake_generations_init(struct fake_generations *fake)
{
    *fake = (struct fake_generations){0};
    fake->items[1] = (struct fake_generation){.is_there = true, .state = GENERATION_LIVE};
}

void fake_generations_done(struct fake_generations *fake)
{
    *fake = (struct fake_generations){0};
}

struct generation_store fake_generations_store(struct fake_generations *fake)
{
    return (struct generation_store){
        .open = fake_open,
        .list = fake_list,
        .load = fake_load,
        .create = fake_create,
        .lead = fake_lead,
        .positions = fake_positions,
        .move = fake_move,
        .hold = fake_hold,
        .set_paused = fake_set_paused,
        .make_indexes = fake_make_indexes,
        .erase_later = fake_erase_later,
        .compare = fake_compare,
        .swap = fake_swap,
        .drop = fake_drop,
        .close = fake_close,
        .self = fake,
    };
}

struct log_watch fake_generations_log(struct fake_generations *fake)
{
    return (struct log_watch){.read = fake_read, .at_time = fake_at_time, .self = fake};
}

void fake_generations_set_log(struct fake_generations *fake, int64_t end0, int64_t end1)
{
    fake->log_end[0] = end0;
    fake->log_end[1] = end1;
}

void fake_generations_set_log_begin(struct fake_generations *fake, int64_t begin0, int64_t begin1)
{
    fake->log_begin[0] = begin0;
    fake->log_begin[1] = begin1;
}

void fake_generations_set_position(struct fake_generations *fake, int id, int64_t next0,
                                   int64_t next1)
{
    fake->items[id].now[0] = next0;
    fake->items[id].now[1] = next1;
}

void fake_generations_set_state(struct fake_generations *fake, int id, enum generation_state state)
{
    fake->items[id].state = state;
}

enum generation_state fake_generations_state(const struct fake_generations *fake, int id)
{
    return fake->items[id].state;
}
