/*
 * dlq_judge: may a dead letter be written to the log again, and as which record? Pure.
 *
 * The same code that admits records from the log says whether it would be refused once more.
 */
#ifndef SERVICES_STORE_DLQ_JUDGE_H
#define SERVICES_STORE_DLQ_JUDGE_H

#include "libs/wire/event_codec.h"
#include "libs/wire/record.h"
#include "services/store/admission.h"
#include "services/store/dlq_ports.h"

/* Why a letter is not retried; constant texts. cause NULL: nothing is against it. */
struct dlq_verdict {
    const char *cause;
    const char *detail;
    bool is_final; /* forcing changes nothing */
};

/* The record to write; it is the caller's (record_done) if there is nothing against it, or nothing
 * final. `arena` is the caller's, its events are gone. */
struct dlq_verdict dlq_judge(const struct letter *letter, const struct admission_rules *rules,
                             struct event_arena *arena, struct record *out);

#endif
