#include "tests/support/fake_record_source.h"

#include "libs/base/mem.h"
#include "libs/wire/event_codec.h"
#include "libs/wire/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_RECORD_MS 1760000000000

void fake_record_source_init(struct fake_record_source *fake)
{
    *fake = (struct fake_record_source){.cluster_id = "cluster", .assigns = true};
    fake->partitions = mem_array(FAKE_PARTITIONS, sizeof(*fake->partitions));
    for (int32_t i = 0; i < FAKE_PARTITIONS; i++)
        fake->ids[i] = i;
}

void fake_record_source_done(struct fake_record_source *fake)
{
    for (int i = 0; i < FAKE_PARTITIONS; i++)
        for (int64_t k = 0; k < fake->partitions[i].end_offset; k++) {
            free(fake->partitions[i].records[k].key);
            buf_done(&fake->partitions[i].records[k].value);
        }
    free(fake->partitions);
}

int64_t fake_log_put_raw(struct fake_record_source *fake, int32_t partition, const char *key,
                         struct bytes value)
{
    struct fake_partition *log = &fake->partitions[partition];
    int64_t offset = log->end_offset++;
    assert(offset < FAKE_RECORDS_MAX);
    struct fake_record *record = &log->records[offset];
    *record = (struct fake_record){.key = mem_text(key, strlen(key)),
                                   .record_ms = FIRST_RECORD_MS + offset,
                                   .has_value = value.data != NULL};
    buf_init(&record->value, EVENT_BYTES_MAX * 2);
    bool fits = buf_append(&record->value, value.data == NULL ? "" : value.data, value.len);
    assert(fits);
    return offset;
}

int64_t fake_log_put(struct fake_record_source *fake, int32_t partition, const struct event *event)
{
    char key[RECORD_KEY_MAX + 1];
    key[record_key(event->bot_id, event->subject_id, key)] = '\0';
    struct buf value;
    buf_init(&value, EVENT_BYTES_MAX);
    bool fits = event_encode(event, &value);
    assert(fits);
    int64_t offset = fake_log_put_raw(fake, partition, key, buf_bytes(&value));
    buf_done(&value);
    return offset;
}

static bool say(struct fake_record_source *fake, struct source_event *out)
{
    if (fake->revokes) {
        fake->revokes = false;
        for (int i = 0; i < FAKE_PARTITIONS; i++)
            fake->partitions[i].is_started = false;
        *out = (struct source_event){.kind = SOURCE_REVOKED};
        return true;
    }
    if (fake->assigns) {
        fake->assigns = false;
        *out =
            (struct source_event){.kind = SOURCE_ASSIGNED,
                                  .partitions = fake->ids,
                                  .partition_count = fake->has_nothing_for_us ? 0 : FAKE_PARTITIONS,
                                  .topic_partitions = fake->topic_partitions,
                                  .cluster_id = fake->cluster_id};
        return true;
    }
    if (fake->trouble > 0) {
        fake->trouble--;
        *out = (struct source_event){.kind = SOURCE_TROUBLE, .why = "scripted"};
        return true;
    }
    return false;
}

static bool fetch(struct fake_record_source *fake, int32_t id, struct source_event *out)
{
    struct fake_partition *log = &fake->partitions[id];
    while (log->at < log->end_offset && log->at >= log->first_offset &&
           log->records[log->at].is_missing)
        log->at++;
    bool is_lost = log->at < log->first_offset || log->at > log->end_offset;
    if (!log->is_started || (!is_lost && log->at == log->end_offset))
        return false;
    if (is_lost) {
        log->is_started = false;
        *out = (struct source_event){.kind = SOURCE_LOST_POSITION, .partition = id};
        return true;
    }
    const struct fake_record *record = &log->records[log->at];
    struct bytes value = buf_bytes(&record->value);
    if (value.data == NULL)
        value.data = "";
    *out = (struct source_event){
        .kind = SOURCE_RECORD,
        .record = {.place = {.partition = id, .offset = log->at, .record_ms = record->record_ms},
                   .key = bytes_of_text(record->key),
                   .value = record->has_value ? value : (struct bytes){0}}};
    log->at++;
    fake->held++;
    return true;
}

static bool poll_fake(void *self, int timeout_ms, struct source_event *out, struct err *err)
{
    struct fake_record_source *fake = self;
    (void)timeout_ms;
    (void)err;
    if (say(fake, out))
        return true;
    for (int i = 0; i < FAKE_PARTITIONS; i++) {
        int32_t id = fake->next_partition;
        fake->next_partition = (id + 1) % FAKE_PARTITIONS;
        if (fetch(fake, id, out))
            return true;
    }
    *out = (struct source_event){.kind = SOURCE_NOTHING};
    return true;
}

static void release(void *self, struct record_view *record)
{
    struct fake_record_source *fake = self;
    (void)record;
    fake->held--;
}

static bool start(void *self, const struct source_start *wanted, struct err *err)
{
    struct fake_record_source *fake = self;
    (void)err;
    fake->starts++;
    for (int i = 0; i < FAKE_PARTITIONS; i++)
        fake->partitions[i].is_started = false;
    for (size_t i = 0; i < wanted->count; i++) {
        fake->partitions[wanted->partitions[i]].is_started = true;
        fake->partitions[wanted->partitions[i]].at = wanted->offsets[i];
    }
    return true;
}

static bool ranges(void *self, const int32_t *partitions, size_t count, struct log_range *out,
                   struct err *err)
{
    struct fake_record_source *fake = self;
    if (fake->unwell_ranges > 0) {
        fake->unwell_ranges--;
        return err_set(err, ERR_RETRY, "the fake broker is down");
    }
    for (size_t i = 0; i < count; i++)
        out[i] = (struct log_range){.first_offset = fake->partitions[partitions[i]].first_offset,
                                    .end_offset = fake->partitions[partitions[i]].end_offset};
    return true;
}

static bool identify(void *self, struct log_identity *out, struct err *err)
{
    const struct fake_record_source *fake = self;
    (void)err;
    out->topic_partitions =
        fake->found_partitions > 0 ? fake->found_partitions : fake->topic_partitions;
    (void)snprintf(out->cluster_id, sizeof(out->cluster_id), "%s", fake->cluster_id);
    return true;
}

static int64_t known_end(void *self, int32_t partition)
{
    const struct fake_record_source *fake = self;
    return fake->partitions[partition].end_offset;
}

static void export_offset(void *self, int32_t partition, int64_t next_offset)
{
    struct fake_record_source *fake = self;
    fake->exported[partition] = next_offset;
}

static struct bytes header(void *self, const struct record_view *record, const char *name)
{
    struct fake_record_source *fake = self;
    (void)record;
    fake->headers_read++;
    bool is_there = fake->traceparent != NULL && strcmp(name, "traceparent") == 0;
    return is_there ? bytes_of_text(fake->traceparent) : (struct bytes){NULL, 0};
}

struct record_source fake_record_source_port(struct fake_record_source *fake)
{
    return (struct record_source){.poll = poll_fake,
                                  .release = release,
                                  .start = start,
                                  .ranges = ranges,
                                  .identify = identify,
                                  .known_end = known_end,
                                  .export_offset = export_offset,
                                  .header = header,
                                  .self = fake};
}
