/*
 * position: "everything before these offsets" of the events topic, as the text "3:1043,5:78"
 * (ascending partitions).
 */
#ifndef LIBS_WIRE_POSITION_H
#define LIBS_WIRE_POSITION_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#define POSITION_PARTITIONS_MAX 256 /* a token of all stays below 8 KiB, the limit of metadata */
#define POSITION_TEXT_MAX (POSITION_PARTITIONS_MAX * 26)

struct position_entry {
    int32_t partition;
    int64_t next_offset;
};

struct position { /* sorted by partition, each at most once */
    struct position_entry *entries;
    size_t count;
};

void position_done(struct position *position);

/* Keep the larger next_offset of a partition. Partition 0 .. POSITION_PARTITIONS_MAX - 1. */
void position_raise(struct position *position, int32_t partition, int64_t next_offset);

/* Of a partition that is not among them: 0. */
int64_t position_of_partition(const struct position *position, int32_t partition);

/* ERR_REJECT: not a token; says where. "" is the empty position. */
MUST_CHECK bool position_parse(struct bytes text, struct position *out, struct err *err);

/* Text ended by NUL into out; the caller frees it. */
char *position_text(const struct position *position);

#endif
