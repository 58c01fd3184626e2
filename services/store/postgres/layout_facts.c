#include "services/store/postgres/layout.h"

#include "services/store/postgres/copy_fields.h"
#include "services/store/postgres/schema_sql.h"

enum layout_fact layout_fact_of(enum event_kind kind)
{
    switch (kind) {
    case EVENT_VIDEO_DOWNLOADED:
        return LAYOUT_VIDEOS;
    case EVENT_MUSIC_EXTRACTED:
        return LAYOUT_MUSIC;
    case EVENT_USER_SEEN:
    case EVENT_NONE:
        return LAYOUT_NO_FACT;
    case EVENT_USER_LANG_CHANGED:
    case EVENT_USER_MODE_CHANGED:
    case EVENT_AD_SHOWN:
    case EVENT_AD_COUNTED:
    case EVENT_USER_SETTINGS_PATCHED:
    case EVENT_CHAT_MIGRATED:
    case EVENT_USER_BLOCKED:
    case EVENT_USER_ERASED:
        return LAYOUT_APPLIED;
    }
    return LAYOUT_NO_FACT;
}

enum layout_statement layout_add_fact(enum layout_fact fact)
{
    static const enum layout_statement STATEMENTS[LAYOUT_FACTS] = {
        [LAYOUT_VIDEOS] = LAYOUT_ADD_VIDEOS,
        [LAYOUT_MUSIC] = LAYOUT_ADD_MUSIC,
        [LAYOUT_APPLIED] = LAYOUT_ADD_APPLIED,
    };
    return STATEMENTS[fact];
}

char *layout_copy_sql(enum layout_fact fact, int generation)
{
    static const char *const TEXTS[LAYOUT_FACTS] = {
        [LAYOUT_VIDEOS] = "COPY :schema.videos FROM STDIN (FORMAT binary)",
        [LAYOUT_MUSIC] = "COPY :schema.music FROM STDIN (FORMAT binary)",
        [LAYOUT_APPLIED] = "COPY :schema.applied FROM STDIN (FORMAT binary)"};
    return schema_sql(TEXTS[fact], generation);
}

/* ---- COPY's binary form: each row is its count of fields, each field its length and bytes ---- */

char *layout_copy_header(char *at)
{
    static const char SIGNATURE[11] = "PGCOPY\n\377\r\n";
    memcpy(at, SIGNATURE, sizeof(SIGNATURE));
    at = network_put32(at + sizeof(SIGNATURE), 0); /* flags */
    return network_put32(at, 0);                   /* length of an extension */
}

char *layout_copy_trailer(char *at)
{
    return network_put16(at, -1);
}

/* event_id, pk_id, user_id, downloaded_at: what videos and music begin with. */
static char *put_fact_head(char *at, const struct batch_event *event)
{
    int64_t time_ms = fold_time_ms(&event->event, &event->record.place);
    at = copy_id(at, event->event.id);
    at = copy_int64(at, fold_pk_id(&event->record.place, 0));
    at = copy_int64(at, event->event.subject_id);
    return copy_int64_or_null(at, time_ms != 0, time_ms / 1000);
}

static char *put_video(char *at, const struct batch_event *event)
{
    const struct event_video_downloaded *video = &event->event.video;
    at = put_fact_head(network_put16(at, 10), event);
    at = network_put_bytes(at, video->video_link);
    at = copy_bool(at, video->is_images);
    at = copy_bool(at, video->is_processed);
    at = copy_bool(at, video->is_inline);
    at = network_put16(network_put32(at, 2), (int16_t)video->platform);
    return copy_int64_or_null(at, video->has_platform_video_id, video->platform_video_id);
}

char *layout_copy_row(char *at, const struct batch_event *event)
{
    switch (layout_fact_of(event->event.kind)) {
    case LAYOUT_VIDEOS:
        return put_video(at, event);
    case LAYOUT_MUSIC:
        at = put_fact_head(network_put16(at, 5), event);
        return copy_int64(at, event->event.music_video_id);
    case LAYOUT_APPLIED:
        return copy_id(network_put16(at, 1), event->event.id);
    case LAYOUT_NO_FACT:
        return at;
    }
    return at;
}

/* ---- the same facts as columns ---- */

static void put_time(struct array *array, const struct batch_event *event)
{
    int64_t time_ms = fold_time_ms(&event->event, &event->record.place);
    if (time_ms == 0)
        array_null(array);
    else
        array_int64(array, time_ms / 1000);
}

static void put_head_columns(struct array *arrays, const struct batch_event *event)
{
    array_bytes(&arrays[0], (struct bytes){(const char *)event->event.id, EVENT_ID_LEN});
    array_int64(&arrays[1], fold_pk_id(&event->record.place, 0));
    array_int64(&arrays[2], event->event.subject_id);
    put_time(&arrays[3], event);
}

static void put_video_columns(struct array *arrays, const struct batch_event *event)
{
    const struct event_video_downloaded *video = &event->event.video;
    put_head_columns(arrays, event);
    array_bytes(&arrays[4], video->video_link);
    array_bool(&arrays[5], video->is_images);
    array_bool(&arrays[6], video->is_processed);
    array_bool(&arrays[7], video->is_inline);
    array_int16(&arrays[8], (int16_t)video->platform);
    if (video->has_platform_video_id)
        array_int64(&arrays[9], video->platform_video_id);
    else
        array_null(&arrays[9]);
}

void layout_put_fact(struct layout_columns *columns, const struct batch_event *event)
{
    struct array *arrays = columns->arrays;
    switch (layout_fact_of(event->event.kind)) {
    case LAYOUT_VIDEOS:
        put_video_columns(arrays, event);
        break;
    case LAYOUT_MUSIC:
        put_head_columns(arrays, event);
        array_int64(&arrays[4], event->event.music_video_id);
        break;
    case LAYOUT_APPLIED:
        array_bytes(&arrays[0], (struct bytes){(const char *)event->event.id, EVENT_ID_LEN});
        break;
    case LAYOUT_NO_FACT:
        break;
    }
}

static void put_subject(struct array *array, int64_t id)
{
    uint8_t subject[ERASURE_SUBJECT_LEN];
    erasure_subject(id, subject);
    array_bytes(array, (struct bytes){(const char *)subject, ERASURE_SUBJECT_LEN});
}

/* Whose a dead letter is: its event's subject or both chats of a migration, and its key's. */
static void put_subjects(struct array *arrays, const struct batch_event *event)
{
    int64_t id = 0;
    bool is_migration = event->event.kind == EVENT_CHAT_MIGRATED;
    if (event->is_withheld || event->event.kind == EVENT_NONE)
        array_null(&arrays[0]);
    else
        put_subject(&arrays[0],
                    is_migration ? event->event.migrated.old_id : event->event.subject_id);
    if (event->is_withheld || !is_migration)
        array_null(&arrays[1]);
    else
        put_subject(&arrays[1], event->event.migrated.new_id);
    if (event->is_withheld || !tombstone_key_id(event->record.key, &id))
        array_null(&arrays[2]);
    else
        put_subject(&arrays[2], id);
}

void layout_put_dead_letter(struct layout_columns *columns, const struct batch_event *event)
{
    struct array *arrays = columns->arrays;
    const struct bytes none = {0};
    bool is_decoded = event->event.kind != EVENT_NONE;
    array_int32(&arrays[0], event->record.place.partition);
    array_int64(&arrays[1], event->record.place.offset);
    array_bytes(&arrays[2], (struct bytes){is_decoded ? (const char *)event->event.id : NULL,
                                           is_decoded ? EVENT_ID_LEN : 0});
    array_bytes(&arrays[3], bytes_of_text(event_kind_name(event->event.kind)));
    array_bytes(&arrays[4], bytes_of_text(event->cause));
    array_bytes(&arrays[5], bytes_of_text(event->detail));
    array_bytes(&arrays[6], event->is_withheld ? none : event->record.key);
    array_bytes(&arrays[7], event->is_withheld ? none : event->record.value);
    array_int64(&arrays[8], event->record.place.record_ms);
    array_bool(&arrays[9], event->is_withheld);
    put_subjects(&arrays[10], event);
    array_bytes(&arrays[13], event->is_withheld ? none : event->traceparent);
}
