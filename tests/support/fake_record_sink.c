#include "tests/support/fake_record_sink.h"

#include "libs/base/mem.h"

#include <assert.h>
#include <stdlib.h>

void fake_record_sink_init(struct fake_record_sink *sink)
{
    *sink = (struct fake_record_sink){.refuse_from = SIZE_MAX, .refuse_kind = ERR_RETRY};
}

void fake_record_sink_done(struct fake_record_sink *sink)
{
    for (size_t i = 0; i < sink->count; i++)
        record_done(&sink->records[i].record);
    free(sink->records);
}

static bool put(void *self, enum sink_topic topic, const struct record *record,
                struct receipt receipt, struct err *err)
{
    struct fake_record_sink *sink = self;
    if (sink->count >= sink->refuse_from)
        return err_set(err, sink->refuse_kind, "the fake refuses");
    sink->records = mem_grow(sink->records, sink->count + 1, sizeof(*sink->records));
    struct fake_record *kept = &sink->records[sink->count++];
    *kept = (struct fake_record){.topic = topic, .record = *record, .receipt = receipt};
    kept->record.value.data = mem_copy(record->value.data, record->value.len);
    return true;
}

static size_t pending(void *self)
{
    const struct fake_record_sink *sink = self;
    size_t count = 0;
    for (size_t i = 0; i < sink->count; i++)
        count += sink->records[i].receipt.fn != NULL ? 1 : 0;
    return count;
}

struct record_sink fake_record_sink_port(struct fake_record_sink *sink)
{
    return (struct record_sink){.put = put, .pending = pending, .self = sink};
}

static void report(struct fake_record_sink *sink, size_t index, const struct delivery *delivery)
{
    assert(index < sink->count && sink->records[index].receipt.fn != NULL);
    struct receipt receipt = sink->records[index].receipt;
    sink->records[index].receipt.fn = NULL; /* first: the report may put the next record */
    receipt.fn(receipt.arg, delivery);
}

void fake_record_sink_deliver(struct fake_record_sink *sink, size_t index, int64_t offset)
{
    struct delivery delivery = {.is_durable = true, .partition = 3, .offset = offset};
    report(sink, index, &delivery);
}

void fake_record_sink_fail(struct fake_record_sink *sink, size_t index, bool is_too_large)
{
    struct delivery delivery = {.error = "the fake failed it", .is_too_large = is_too_large};
    report(sink, index, &delivery);
}

const char *fake_record_sink_key(struct fake_record_sink *sink, size_t index)
{
    assert(index < sink->count);
    struct record *record = &sink->records[index].record;
    record->key[record->key_len] = '\0';
    return record->key;
}
