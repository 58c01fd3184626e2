/*
 * erasure: what stands for a person who was erased: a pseudonym where facts are counted, a hash
 * where later events of the id are recognised (docs/adr/0010).
 *
 * Pure; no allocation. Same inputs, same result, for ever.
 */
#ifndef LIBS_WIRE_ERASURE_H
#define LIBS_WIRE_ERASURE_H

#include "libs/wire/event.h"

/* Pseudonyms have a size from FIRST to LAST, on both sides of 0. Telegram promises ids of at most
 * 52 significant bits. */
#define ERASURE_PSEUDONYM_FIRST (INT64_C(1) << 62)
#define ERASURE_PSEUDONYM_LAST (ERASURE_PSEUDONYM_FIRST + (INT64_C(1) << 61) - 1)

#define ERASURE_SUBJECT_LEN 16

bool erasure_is_pseudonym(int64_t id);

/* The id the person's facts are counted under from this UserErased on; of the same sign. The events
 * of one command give the same one in every partition. */
int64_t erasure_pseudonym(const struct event *erased);

/* By what an erased id is recognised without being written down. */
void erasure_subject(int64_t id, uint8_t out[ERASURE_SUBJECT_LEN]);

#endif
