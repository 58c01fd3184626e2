#include "services/store/erase.h"

#include "libs/base/now.h"
#include "libs/wire/event_id.h"

#include <poll.h>

/* The first 48 bits. */
static int64_t time_of_uuid(const uint8_t uuid[16])
{
    int64_t time_ms = 0;
    for (int i = 0; i < 6; i++)
        time_ms = time_ms << 8 | uuid[i];
    return time_ms;
}

static bool put(const struct log_sink *sink, const struct erase_command *command, int32_t partition,
                struct err *err)
{
    struct record record;
    struct event event = {.kind = EVENT_USER_ERASED,
                          .bot_id = command->bot_id,
                          .subject_id = command->user_id,
                          .occurred_at_ms = time_of_uuid(command->uuid),
                          .producer = command->producer};
    event_id_of_command(&event, partition, command->uuid, event.id);
    if (!record_of_event(&event, NULL, &record))
        return err_set(err, ERR_FATAL, "the event does not fit a record");
    bool is_put = sink->put(sink->self, &record, partition, err);
    record_done(&record);
    return is_put;
}

bool erase_write(const struct log_sink *sink, const struct erase_command *command, struct err *err)
{
    for (int32_t partition = 0; partition < command->partitions; partition++)
        if (!put(sink, command, partition, err))
            return false;
    return sink->flush(sink->self, err);
}

static bool covers(const struct position *applied, const struct position_entry *wanted)
{
    for (size_t i = 0; i < applied->count; i++)
        if (applied->entries[i].partition == wanted->partition)
            return applied->entries[i].next_offset >= wanted->next_offset;
    return false;
}

static size_t count_missing(const struct position *applied, const struct position *wanted)
{
    size_t missing = 0;
    for (size_t i = 0; i < wanted->count; i++)
        missing += covers(applied, &wanted->entries[i]) ? 0 : 1;
    return missing;
}

bool erase_wait(const struct applied_port *applied, const struct erase_wait *wait, struct err *err)
{
    int64_t until_ms = now_monotonic_ms() + wait->timeout_ms;
    for (;;) {
        struct position now = {0};
        bool is_known = applied->find(applied->self, &now, err);
        if (!is_known && err->kind == ERR_FATAL)
            return false;
        size_t missing = is_known ? count_missing(&now, wait->position) : wait->position->count;
        position_done(&now);
        if (missing == 0)
            return true;
        if (now_monotonic_ms() >= until_ms)
            return is_known ? err_set(err, ERR_RETRY, "%zu partitions are not applied yet", missing)
                            : err_prefix(err, "see what is applied");
        (void)poll(NULL, 0, wait->interval_ms);
    }
}
