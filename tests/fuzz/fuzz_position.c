/*
 * fuzz_position: any text as a position token.
 *
 * It is accepted exactly when a plain reading finds nothing but entries; it then says the largest
 * offset of each partition, and its own text means the same again.
 */
#include "libs/wire/position.h"

#include "tests/fuzz/fuzz.h"

#define NONE (-1)

/* False: not a whole number from 0 to `max`. */
static bool read_number(struct bytes text, int64_t max, int64_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (number > (uint64_t)max / 10)
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
        if (number > (uint64_t)max)
            return false;
    }
    *out = (int64_t)number;
    return text.len > 0;
}

/* next_offsets by partition; false: not a token. */
static bool read_token(struct bytes text, int64_t next_offsets[POSITION_PARTITIONS_MAX])
{
    for (size_t i = 0; i < POSITION_PARTITIONS_MAX; i++)
        next_offsets[i] = NONE;
    if (text.len > POSITION_TEXT_MAX || (text.len > 0 && text.data[text.len - 1] == ','))
        return false;
    while (text.len > 0) {
        int64_t partition;
        int64_t offset;
        struct bytes entry = fuzz_cut(&text, ',');
        const char *colon = memchr(entry.data, ':', entry.len);
        struct bytes name = fuzz_cut(&entry, ':');
        if (colon == NULL || !read_number(name, POSITION_PARTITIONS_MAX - 1, &partition) ||
            !read_number(entry, INT64_MAX, &offset))
            return false;
        if (next_offsets[partition] < offset)
            next_offsets[partition] = offset;
    }
    return true;
}

static void check_position(const struct position *position, const int64_t *next_offsets)
{
    size_t count = 0;
    for (int32_t i = 0; i < POSITION_PARTITIONS_MAX; i++) {
        if (next_offsets[i] == NONE)
            continue;
        DEMAND(count < position->count && position->entries[count].partition == i);
        DEMAND(position->entries[count].next_offset == next_offsets[i]);
        count++;
    }
    DEMAND(count == position->count);
}

static void check_text(const struct position *position, const int64_t *next_offsets)
{
    struct position again = {0};
    struct err err;
    char *text = position_text(position);
    DEMAND(position_parse(bytes_of_text(text), &again, &err));
    check_position(&again, next_offsets);
    char *same = position_text(&again);
    DEMAND(strcmp(text, same) == 0);
    free(same);
    free(text);
    position_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t next_offsets[POSITION_PARTITIONS_MAX];
    struct bytes text = fuzz_bytes(data, size);
    struct position position = {0};
    struct err err = {0};
    bool is_token = read_token(text, next_offsets);
    bool is_good = position_parse(text, &position, &err);
    DEMAND(is_good == is_token);
    if (is_good) {
        check_position(&position, next_offsets);
        check_text(&position, next_offsets);
        position_done(&position);
    } else {
        DEMAND(err.kind == ERR_REJECT && position.entries == NULL);
    }
    return 0;
}
