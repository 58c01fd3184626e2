/*
 * event_id: the deterministic 16 bytes that make an event countable once (docs/events.md, "Event
 * id").
 *
 * Pure; no allocation. Same inputs, same id, for ever.
 */
#ifndef LIBS_WIRE_EVENT_ID_H
#define LIBS_WIRE_EVENT_ID_H

#include "libs/wire/event.h"

#define EVENT_KEY_MAX 128 /* bytes of an idempotency key */

/* From an update: natural_id as "m:<chat>:<message>", "cq:<id>" …; date as the contract's table
 * says (0 for queries). Uses event->bot_id, kind, ordinal and update_id. */
void event_id_of_update(const struct event *event, struct bytes natural_id, int64_t date,
                        uint8_t out[EVENT_ID_LEN]);

/* Published with an idempotency key. Uses bot_id, kind and subject_id. */
void event_id_of_key(const struct event *event, struct bytes key, uint8_t out[EVENT_ID_LEN]);

/* Imported row; time_ms 0: NULL. Uses bot_id, kind and ordinal. */
struct event_import_row {
    struct bytes source, table, primary_key;
    int64_t time_ms;
};
void event_id_of_row(const struct event *event, const struct event_import_row *row,
                     uint8_t out[EVENT_ID_LEN]);

/* A command (erase) for one partition. Uses bot_id, kind and subject_id. */
void event_id_of_command(const struct event *event, int32_t partition, const uint8_t uuid[16],
                         uint8_t out[EVENT_ID_LEN]);

/* A UUIDv7 in canonical lower-case text. */
bool event_id_get_uuid7(struct bytes text, uint8_t out[16]);

/* 36 characters and a NUL. */
void event_id_show(const uint8_t id[EVENT_ID_LEN], char out[37]);

#endif
