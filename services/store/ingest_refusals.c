#include "services/store/ingest_refusals.h"

#include "libs/base/trace.h"
#include "libs/ops/refusals.h"

#include <assert.h>
#include <string.h>

#define LETTER "record set aside as a dead letter"
#define LETTERS (sizeof(letters) / sizeof(*letters))

/* The causes of hand.c, admission.c and ingest_apply.c. */
static struct refusal letters[] = {
    {.code = "malformed", .msg = LETTER, .is_each = true},
    {.code = "other_bot", .msg = LETTER, .is_each = true},
    {.code = "reserved_id", .msg = LETTER, .is_each = true},
    {.code = "wrong_key", .msg = LETTER, .is_each = true},
    {.code = "wrong_partition", .msg = LETTER, .is_each = true},
    {.code = "bad_patch", .msg = LETTER, .is_each = true},
    {.code = "bad_row", .msg = LETTER, .is_each = true},
};

static struct refusal stops[STOP_REASONS];

void ingest_refusals_add(void)
{
    for (int reason = STOP_NONE + 1; reason < STOP_REASONS; reason++)
        stops[reason] = (struct refusal){.code = stop_reason_name((enum stop_reason)reason),
                                         .msg = "partition stopped",
                                         .is_alarm = true,
                                         .is_each = true};
    refusals_add("record", letters, LETTERS);
    refusals_add("log", stops, STOP_REASONS);
}

void ingest_refusals_letter(const struct batch_event *event)
{
    size_t i = 0;
    while (i < LETTERS && strcmp(letters[i].code, event->cause) != 0)
        i++;
    assert(i < LETTERS);
    char id[TRACE_ID_LEN + 1];
    trace_id_of(event->traceparent, id);
    log_refusal(&letters[i], LOG_INT("partition", event->record.place.partition),
                LOG_INT("offset", event->record.place.offset), LOG_TEXT("detail", event->detail),
                LOG_SOME("trace_id", id));
}

void ingest_refusals_stop(enum stop_reason reason, int32_t partition, int64_t offset)
{
    log_refusal(&stops[reason], LOG_INT("partition", partition), LOG_INT("offset", offset),
                LOG_TEXT("why", stop_reason_text(reason)));
}
