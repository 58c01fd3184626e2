/*
 * admission: whether a record of the events topic may take effect here. Pure.
 *
 * A record that may not is a dead letter with a stable cause: it belongs to another bot, or its key
 * or partition are not those of its event, which would break the order of a chat, or its settings
 * patch cannot be applied. An erasure stands in every partition. Ids from which pseudonyms are made
 * belong to nobody.
 */
#ifndef SERVICES_STORE_ADMISSION_H
#define SERVICES_STORE_ADMISSION_H

#include "services/store/ports.h"

struct admission_rules {
    int64_t bot_id;
    int32_t topic_partitions; /* 0: unknown, partitions are not checked */
};

/* NULL: admitted. Else the cause ("other_bot", "reserved_id", "wrong_key", "wrong_partition",
 * "bad_patch") and a constant line. */
const char *admission_fault(const struct admission_rules *rules, const struct record_view *record,
                            const struct event *event, const char **out_detail);

/* An admitted erasure in another partition than the one of the person's own events. */
bool admission_is_foreign(const struct admission_rules *rules, const struct record_view *record,
                          const struct event *event);

#endif
