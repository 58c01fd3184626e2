/*
 * event_codec: struct event to protobuf bytes and back; the only place (beside the RPC adapters)
 * that sees the generated messages.
 *
 * Decoding checks what the contract says of every field (lengths, UTF-8, U+0000, ranges, enum
 * values, presence), so that a decoded event needs no further checks. (One thing it does not check:
 * that a settings patch is JSON.) It is safe on hostile bytes and does not recurse. Not
 * thread-safe: one arena per thread.
 */
#ifndef LIBS_WIRE_EVENT_CODEC_H
#define LIBS_WIRE_EVENT_CODEC_H

#include "libs/base/buf.h"
#include "libs/wire/event.h"

struct event_arena; /* memory of decoded events: a copy of their records; as resident as the largest
                       batch needed */

struct event_arena *event_arena_new(size_t max_bytes); /* at least EVENT_BYTES_MAX */
void event_arena_reset(struct event_arena *arena);     /* all events decoded from it are gone */
size_t event_arena_used(const struct event_arena *arena);
void event_arena_free(struct event_arena *arena); /* NULL is fine */

enum event_decode_result {
    EVENT_DECODED,
    EVENT_MALFORMED, /* not protobuf, or a field against the contract: a dead letter; *out_why says
                        which */
    EVENT_UNKNOWN_PAYLOAD, /* a payload or enum value newer than this build: stop the partition */
    EVENT_ARENA_FULL,      /* end the batch here */
};

/* Texts of *out point into the arena; `value` is borrowed only until this returns. *out_why: NULL
 * when decoded, else a constant one-line text. A ChatMigrated gets old_id as its subject_id: which
 * of its two chats it belongs to stands in the record's key, not in the value. On EVENT_ARENA_FULL
 * *out is untouched; it cannot happen right after a reset. */
enum event_decode_result event_decode(struct bytes value, struct event_arena *arena,
                                      struct event *out, const char **out_why);

/* Append the encoded event. False: it would be larger than EVENT_BYTES_MAX or out's maximum. */
MUST_CHECK bool event_encode(const struct event *event, struct buf *out);

/* Check an event made here or handed to Publish against the contract. NULL: fine; else "<field>:
 * what is wrong", a constant text that starts with the field's path inside the event
 * ("video_downloaded.video_link: …"). */
const char *event_check(const struct event *event);

#endif
