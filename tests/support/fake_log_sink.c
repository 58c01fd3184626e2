#include "tests/support/fake_log_sink.h"

#include "libs/base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool put(void *self, const struct record *record, int32_t partition, struct err *err)
{
    struct fake_log_sink *fake = self;
    if (fake->fails_after > 0 && fake->count >= fake->fails_after)
        return err_set(err, ERR_RETRY, "the fake log takes no more");
    fake->records = mem_grow(fake->records, fake->count + 1, sizeof(*fake->records));
    struct fake_log_record *kept = &fake->records[fake->count++];
    *kept = (struct fake_log_record){.value_len = record->value.len, .partition = partition};
    memcpy(kept->key, record->key, record->key_len);
    kept->value = mem_copy(record->value.data, record->value.len);
    return true;
}

static bool flush(void *self, struct err *err)
{
    struct fake_log_sink *fake = self;
    if (fake->fails_flush)
        return err_set(err, ERR_RETRY, "the fake log acknowledges nothing");
    fake->durable = fake->count;
    return true;
}

static uint64_t durable(void *self)
{
    const struct fake_log_sink *fake = self;
    return fake->durable;
}

static const struct position *position(void *self)
{
    const struct fake_log_sink *fake = self;
    return &fake->position;
}

struct log_sink fake_log_sink_port(struct fake_log_sink *fake)
{
    return (struct log_sink){
        .put = put, .flush = flush, .durable = durable, .position = position, .self = fake};
}

void fake_log_sink_done(struct fake_log_sink *fake)
{
    for (size_t i = 0; i < fake->count; i++)
        free(fake->records[i].value);
    free(fake->records);
}
