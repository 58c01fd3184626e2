#include "libs/wire/erasure.h"

#include "libs/wire/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>

#define LEAD_LEN 8 /* of an event id: what all events of a command share */

static uint64_t get_big_endian(const uint8_t *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < LEAD_LEN; i++)
        number = number << 8 | bytes[i];
    return number;
}

bool erasure_is_pseudonym(int64_t id)
{
    return (id >= ERASURE_PSEUDONYM_FIRST && id <= ERASURE_PSEUDONYM_LAST) ||
           (id <= -ERASURE_PSEUDONYM_FIRST && id >= -ERASURE_PSEUDONYM_LAST);
}

/* Of the person and of the command: one command id used for two people gives two pseudonyms, and a
 * person erased twice has two. */
int64_t erasure_pseudonym(const struct event *erased)
{
    char text[64];
    uint8_t hash[FINGERPRINT_LEN];
    int len = snprintf(text, sizeof(text), "telefact\npseudonym\n%" PRId64 "\n%016" PRIx64,
                       erased->subject_id, get_big_endian(erased->id));
    fingerprint_of((struct bytes){text, (size_t)len}, hash);
    uint64_t span = (uint64_t)(ERASURE_PSEUDONYM_LAST - ERASURE_PSEUDONYM_FIRST);
    int64_t size = ERASURE_PSEUDONYM_FIRST + (int64_t)(get_big_endian(hash) & span);
    return erased->subject_id < 0 ? -size : size;
}

void erasure_subject(int64_t id, uint8_t out[ERASURE_SUBJECT_LEN])
{
    char text[64];
    uint8_t hash[FINGERPRINT_LEN];
    int len = snprintf(text, sizeof(text), "telefact\nerased\n%" PRId64, id);
    fingerprint_of((struct bytes){text, (size_t)len}, hash);
    memcpy(out, hash, ERASURE_SUBJECT_LEN);
}
