/*
 * event: what happened, as both services hold it in memory.
 *
 * All texts are views: of the update's JSON document (gateway), of a request (Publish) or of a
 * record's bytes and the decoder's arena (store). They live as long as their source. Texts are
 * valid UTF-8 without U+0000.
 */
#ifndef LIBS_WIRE_EVENT_H
#define LIBS_WIRE_EVENT_H

#include "libs/base/bytes.h"

#define EVENT_ID_LEN 16
#define EVENT_BYTES_MAX (64 << 10) /* encoded */
#define EVENT_LINK_MAX 2048        /* bytes of a link */
#define EVENT_NAME_MAX 256         /* bytes of a name */
#define EVENT_PATCH_MAX (8 << 10)  /* bytes of a settings patch */

/* The numbers are those of the payload field in the proto. */
enum event_kind {
    EVENT_NONE = 0,
    EVENT_USER_SEEN = 16,
    EVENT_USER_LANG_CHANGED = 17,
    EVENT_USER_MODE_CHANGED = 18,
    EVENT_VIDEO_DOWNLOADED = 19,
    EVENT_MUSIC_EXTRACTED = 20,
    EVENT_AD_SHOWN = 21,
    EVENT_AD_COUNTED = 22,
    EVENT_USER_SETTINGS_PATCHED = 23,
    EVENT_CHAT_MIGRATED = 24,
    EVENT_USER_BLOCKED = 25,
    EVENT_USER_ERASED = 26,
};
#define EVENT_KIND_MAX 26 /* highest number of enum event_kind */

/* The numbers of these three are those of the proto's enums. */
enum event_chat_type { CHAT_UNKNOWN, CHAT_PRIVATE, CHAT_GROUP, CHAT_SUPERGROUP, CHAT_CHANNEL };
enum event_seen_source { SEEN_UNKNOWN, SEEN_START, SEEN_TEXT, SEEN_PRIVATE_MESSAGE };
enum event_platform { PLATFORM_UNKNOWN, PLATFORM_TIKTOK, PLATFORM_INSTAGRAM, PLATFORM_OTHER };

/* data NULL: absent (a present empty text has a non-NULL pointer). */
struct event_personal {
    bool is_present;
    struct bytes username;
    struct bytes first_name;
    struct bytes last_name;
    struct bytes language_code;
};

struct event_user_seen {
    enum event_chat_type chat_type;
    enum event_seen_source source;
    struct bytes lang;
    struct bytes link; /* data NULL: absent */
    struct event_personal personal;
};

struct event_video_downloaded {
    struct bytes video_link;
    bool is_images;
    bool is_processed;
    bool is_inline;
    bool link_truncated;
    enum event_platform platform;
    bool has_platform_video_id;
    int64_t platform_video_id;
};

struct event_mode_change {
    bool is_toggle;
    bool file_mode; /* meaningless for a toggle */
};

struct event_ad_shown {
    bool has_cooldown_s;
    bool has_count_after;
    int64_t cooldown_s;
    int32_t count_after;
};

struct event {
    uint8_t id[EVENT_ID_LEN];
    int64_t bot_id;
    int64_t update_id;      /* 0: none */
    int64_t occurred_at_ms; /* 0: unknown */
    int64_t received_at_ms;
    struct bytes producer;
    uint32_t ordinal;
    enum event_kind kind;
    /* Whose event it is: the payload's user_id; ChatMigrated: the chat the service message stood
     * in. It is the key. */
    int64_t subject_id;
    union {
        struct event_user_seen user_seen;
        struct bytes lang; /* USER_LANG_CHANGED */
        struct event_mode_change mode;
        struct event_video_downloaded video;
        int64_t music_video_id; /* MUSIC_EXTRACTED */
        struct event_ad_shown ad_shown;
        struct bytes merge_patch; /* USER_SETTINGS_PATCHED */
        struct {
            int64_t old_id;
            int64_t new_id;
        } migrated;
        bool blocked; /* USER_BLOCKED */
    };
};

/* "user_seen" …; the payload field's name, as event ids and headers use it. "" for EVENT_NONE. */
const char *event_kind_name(enum event_kind kind);

/* ar en hi id ru so uk vi */
bool event_lang_is_known(struct bytes lang);

#endif
