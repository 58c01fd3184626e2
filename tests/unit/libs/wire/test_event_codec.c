#include "libs/wire/event_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telefact/event/v1/event.pb-c.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) {(literal), sizeof(literal) - 1}
#define ARENA_BYTES (EVENT_BYTES_MAX * 2)

#define ENVELOPE \
    .id = {0, 0, 0, 0, 0x35, 0xa4, 0xe9, 1, 2, 3, 4, 5, 6, 7, 8, 0xff}, .bot_id = 123456789, \
    .update_id = 900000001, .occurred_at_ms = 1760000000000, .received_at_ms = 1760000000123, \
    .producer = TEXT("telefact-gateway/0.1.0")

/* One or more of every payload, with edges of the ranges. */
static const struct event EVENTS[] = {
    {ENVELOPE, .kind = EVENT_USER_SEEN, .subject_id = 5123456789,
     .user_seen = {.chat_type = CHAT_PRIVATE,
                   .source = SEEN_START,
                   .lang = TEXT("ru"),
                   .link = TEXT("Ref_42-x"),
                   .personal = {true, TEXT("anna"), TEXT("Анна 👩‍👩‍👧"), TEXT(""),
                                TEXT("ru")}}},
    {ENVELOPE, .kind = EVENT_USER_SEEN, .subject_id = -1001234567890,
     .user_seen = {.chat_type = CHAT_SUPERGROUP, .source = SEEN_TEXT, .lang = TEXT("en")}},
    {ENVELOPE, .kind = EVENT_USER_SEEN, .subject_id = INT64_MIN,
     .user_seen = {.chat_type = CHAT_CHANNEL,
                   .source = SEEN_PRIVATE_MESSAGE,
                   .lang = TEXT("vi"),
                   .link = TEXT(""),
                   .personal = {.is_present = true}}},
    {ENVELOPE, .kind = EVENT_USER_LANG_CHANGED, .subject_id = 1, .lang = TEXT("uk")},
    {ENVELOPE, .kind = EVENT_USER_MODE_CHANGED, .subject_id = 2, .mode = {.is_toggle = true}},
    {ENVELOPE, .kind = EVENT_USER_MODE_CHANGED, .subject_id = 2, .mode = {.file_mode = true}},
    {ENVELOPE, .kind = EVENT_USER_MODE_CHANGED, .subject_id = 2, .mode = {.file_mode = false}},
    {ENVELOPE, .ordinal = UINT32_MAX, .kind = EVENT_VIDEO_DOWNLOADED, .subject_id = INT64_MAX,
     .video = {.video_link = TEXT("https://vm.tiktok.com/ZMhABCDEF/"),
               .is_images = true,
               .is_processed = true,
               .is_inline = true,
               .link_truncated = true,
               .platform = PLATFORM_OTHER,
               .has_platform_video_id = true,
               .platform_video_id = -1}},
    {ENVELOPE, .kind = EVENT_VIDEO_DOWNLOADED, .subject_id = 3,
     .video = {.video_link = TEXT("x"), .has_platform_video_id = true}},
    {ENVELOPE, .kind = EVENT_MUSIC_EXTRACTED, .subject_id = 4, .music_video_id = INT64_MIN},
    {ENVELOPE, .kind = EVENT_MUSIC_EXTRACTED, .subject_id = 4},
    {ENVELOPE, .kind = EVENT_AD_SHOWN, .subject_id = 5},
    {ENVELOPE, .kind = EVENT_AD_SHOWN, .subject_id = 5,
     .ad_shown = {true, true, 31622400, 1000000}},
    {ENVELOPE, .kind = EVENT_AD_SHOWN, .subject_id = 5, .ad_shown = {true, true, 0, 0}},
    {ENVELOPE, .kind = EVENT_AD_COUNTED, .subject_id = 6},
    {ENVELOPE, .kind = EVENT_USER_SETTINGS_PATCHED, .subject_id = 7, .merge_patch = TEXT("{\0}")},
    {ENVELOPE, .kind = EVENT_CHAT_MIGRATED, .subject_id = -8, .migrated = {-8, -1008}},
    {ENVELOPE, .kind = EVENT_USER_BLOCKED, .subject_id = 9, .blocked = true},
    {ENVELOPE, .kind = EVENT_USER_BLOCKED, .subject_id = 9},
    {ENVELOPE, .kind = EVENT_USER_ERASED, .subject_id = 10},
    {.id = {1}, .bot_id = INT64_MAX, .kind = EVENT_AD_COUNTED, .subject_id = -1},
};

struct fixture {
    struct event_arena *arena;
    struct buf encoded;
    struct event event;
    const char *why;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->arena = event_arena_new(ARENA_BYTES);
    buf_init(&fixture->encoded, 4 * EVENT_BYTES_MAX);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    event_arena_free(fixture->arena);
    buf_done(&fixture->encoded);
    free(fixture);
    return 0;
}

static enum event_decode_result decode(struct fixture *fixture, struct bytes value)
{
    event_arena_reset(fixture->arena);
    return event_decode(value, fixture->arena, &fixture->event, &fixture->why);
}

static void encode(struct fixture *fixture, const struct event *event)
{
    buf_clear(&fixture->encoded);
    assert_true(event_encode(event, &fixture->encoded));
}

/* Encoding shows every field that decoding kept. */
static void decoded_events_encode_to_the_same_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct buf again;
    buf_init(&again, EVENT_BYTES_MAX);
    for (size_t i = 0; i < COUNT(EVENTS); i++) {
        encode(fixture, &EVENTS[i]);
        assert_null(event_check(&EVENTS[i]));
        assert_int_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_DECODED);
        assert_null(fixture->why);
        assert_true(fixture->event.subject_id == EVENTS[i].subject_id);
        assert_int_equal(fixture->event.kind, EVENTS[i].kind);
        buf_clear(&again);
        assert_true(event_encode(&fixture->event, &again));
        assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&fixture->encoded)));
    }
    buf_done(&again);
}

static void absent_and_empty_texts_stay_apart(void **state)
{
    struct fixture *fixture = *state;
    encode(fixture, &EVENTS[0]);
    assert_int_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_DECODED);
    const struct event_user_seen *seen = &fixture->event.user_seen;
    assert_true(bytes_equal(seen->link, BYTES_LITERAL("Ref_42-x")));
    assert_true(bytes_equal(seen->personal.first_name, EVENTS[0].user_seen.personal.first_name));
    assert_non_null(seen->personal.last_name.data);
    assert_int_equal(seen->personal.last_name.len, 0);

    encode(fixture, &EVENTS[2]);
    assert_int_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_DECODED);
    assert_true(seen->personal.is_present);
    assert_null(seen->personal.username.data);
    assert_non_null(seen->link.data);

    encode(fixture, &EVENTS[1]);
    assert_int_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_DECODED);
    assert_false(seen->personal.is_present);
    assert_null(seen->link.data);
}

static void encoding_is_what_protobuf_c_packs(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(EVENTS); i++) {
        encode(fixture, &EVENTS[i]);
        const uint8_t *data = (const uint8_t *)fixture->encoded.data;
        Telefact__Event__V1__Event *message =
            telefact__event__v1__event__unpack(NULL, fixture->encoded.len, data);
        assert_non_null(message);
        assert_int_equal(message->payload_case, EVENTS[i].kind);
        assert_true(message->bot_id == EVENTS[i].bot_id);
        assert_true(message->ordinal == EVENTS[i].ordinal);
        uint8_t *packed = malloc(telefact__event__v1__event__get_packed_size(message));
        assert_non_null(packed);
        assert_int_equal(telefact__event__v1__event__pack(message, packed), fixture->encoded.len);
        assert_memory_equal(packed, data, fixture->encoded.len);
        free(packed);
        telefact__event__v1__event__free_unpacked(message, NULL);
    }
}

static void no_beginning_of_an_event_is_one_in_disguise(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(EVENTS); i++) {
        encode(fixture, &EVENTS[i]);
        for (size_t len = 0; len < fixture->encoded.len; len++) {
            struct bytes part = {fixture->encoded.data, len};
            assert_int_equal(decode(fixture, part), EVENT_MALFORMED);
            assert_non_null(fixture->why);
        }
    }
}

/* Hand-written records: a valid ad_counted envelope of bot 1, then what the test adds. */
#define ID \
    "\x0a\x10" \
    "0123456789abcdef"
#define START ID "\x10\x01"
#define AD_COUNTED "\xb2\x01\x02\x08\x05"

static void foreign_bytes_are_told_apart(void **state)
{
    static const struct {
        struct bytes value;
        enum event_decode_result result;
        const char *why; /* part of it */
    } cases[] = {
        {TEXT(START AD_COUNTED), EVENT_DECODED, NULL},
        {TEXT(START AD_COUNTED "\x50\x07"), EVENT_DECODED, NULL}, /* unknown field 10 */
        {TEXT(START "\xb2\x01\x05\x08\x05\xfa\x01\x00"), EVENT_DECODED, NULL}, /* and inside */
        {TEXT(START AD_COUNTED "\x51"
                               "12345678"
                               "\x55"
                               "1234"),
         EVENT_DECODED, NULL},
        {TEXT(AD_COUNTED "\x10\x07" START), EVENT_DECODED, NULL},     /* any order */
        {TEXT(START "\x10\x80\x00"), EVENT_MALFORMED, "bot_id"},      /* 0 in two bytes */
        {TEXT(START "\x82\x04\x00"), EVENT_UNKNOWN_PAYLOAD, "newer"}, /* field 64 */
        {TEXT(START "\xda\x01\x00"), EVENT_UNKNOWN_PAYLOAD, "newer"}, /* field 27 */
        {TEXT(START "\x50\x07"), EVENT_UNKNOWN_PAYLOAD, "newer"},
        {TEXT(START), EVENT_MALFORMED, "payload: missing"},
        {TEXT(""), EVENT_MALFORMED, "payload: missing"},
        {TEXT(ID AD_COUNTED), EVENT_MALFORMED, "bot_id"},
        {TEXT("\x10\x01" AD_COUNTED), EVENT_MALFORMED, "event_id"},
        {TEXT("\x0a\x0f"
              "0123456789abcde"
              "\x10\x01" AD_COUNTED),
         EVENT_MALFORMED, "event_id"},
        {TEXT("\x0a\x11"
              "0123456789abcdefg"
              "\x10\x01" AD_COUNTED),
         EVENT_MALFORMED, "event_id"},
        {TEXT(START "\xb2\x01\x00"), EVENT_MALFORMED, "ad_counted.user_id"},
        {TEXT(START "\xb2\x01\x02\x08\x00"), EVENT_MALFORMED, "ad_counted.user_id"},
        {TEXT(START "\xb2\x01\x03\x08\x05"), EVENT_MALFORMED, "not protobuf"}, /* length */
        {TEXT(START "\xb2\x01\x01\x08\x05"), EVENT_MALFORMED, "not protobuf"},
        {TEXT(START AD_COUNTED "\x03"), EVENT_MALFORMED, "not protobuf"},     /* field 0 */
        {TEXT(START AD_COUNTED "\x53\x54"), EVENT_MALFORMED, "not protobuf"}, /* a group */
        {TEXT(START AD_COUNTED "\x56"), EVENT_MALFORMED, "not protobuf"},     /* wire type 6 */
        {TEXT(START AD_COUNTED "\x51"
                               "1234567"),
         EVENT_MALFORMED, "not protobuf"},
        {TEXT(START AD_COUNTED "\x55"
                               "123"),
         EVENT_MALFORMED, "not protobuf"},
        {TEXT(START AD_COUNTED "\x80\x80\x80\x80\x80\x01"), EVENT_MALFORMED, "not protobuf"},
        {TEXT(START AD_COUNTED "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), EVENT_MALFORMED,
         "not protobuf"}, /* 11 bytes */
        {TEXT(START AD_COUNTED "\x52\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), EVENT_MALFORMED,
         "not protobuf"}, /* endless length */
        {TEXT(START AD_COUNTED "\x32\x80\x80\x80\x80\x00"), EVENT_DECODED, NULL},
        {TEXT(START AD_COUNTED "\x32\x80\x80\x80\x80\x80\x00"), EVENT_MALFORMED,
         "not protobuf"}, /* length of 6 bytes */
        {TEXT(START AD_COUNTED "\xb2\x80\x80\x80\x00\x00"), EVENT_DECODED, NULL},
        {TEXT(START AD_COUNTED "\xb2\x80\x80\x80\x80\x00\x00"), EVENT_MALFORMED,
         "not protobuf"}, /* tag of 6 bytes */
        {TEXT(START AD_COUNTED "\x52\x80\x80\x80\x80\x80\x00"), EVENT_MALFORMED, "not protobuf"},
        {TEXT(START AD_COUNTED "\x12\x01\x01"), EVENT_MALFORMED, "wire type"},
        {TEXT(START AD_COUNTED "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), EVENT_MALFORMED,
         "update_id: below 0"},
        {TEXT(START AD_COUNTED "\x32\x01\x00"), EVENT_MALFORMED, "producer"},
        {TEXT(START AD_COUNTED "\x32\x02\xc0\xaf"), EVENT_MALFORMED, "producer"},
        {TEXT(START AD_COUNTED "\x32\x09"
                               "12345678\xff"),
         EVENT_MALFORMED, "producer"},
        {TEXT(START AD_COUNTED "\x32\x03\xed\xa0\x80"), EVENT_MALFORMED, "producer"},
        /* the last payload of several counts, the same one twice is merged */
        {TEXT(START AD_COUNTED "\xd2\x01\x02\x08\x06"), EVENT_DECODED, NULL},
        {TEXT(START "\xca\x01\x02\x08\x06"
                    "\xca\x01\x02\x10\x01"),
         EVENT_DECODED, NULL},
        {TEXT(START "\xca\x01\x02\x08\x06"
                    "\xd2\x01\x00"),
         EVENT_MALFORMED, "user_erased.user_id"},
        /* user_mode_changed */
        {TEXT(START "\x92\x01\x04\x08\x05\x10\x00"), EVENT_DECODED, NULL},
        {TEXT(START "\x92\x01\x04\x08\x05\x18\x01"), EVENT_DECODED, NULL},
        {TEXT(START "\x92\x01\x02\x08\x05"), EVENT_MALFORMED, "change: missing"},
        {TEXT(START "\x92\x01\x04\x08\x05\x18\x00"), EVENT_MALFORMED, "toggle: false"},
        /* user_seen: personal without a form, sealed, empty clear */
        {TEXT(START "\x82\x01\x0c\x08\x05\x10\x01\x18\x02\x22\x02"
                    "en"
                    "\x32\x00"),
         EVENT_DECODED, NULL},
        {TEXT(START "\x82\x01\x0e\x08\x05\x10\x01\x18\x02\x22\x02"
                    "en"
                    "\x32\x02\x12\x00"),
         EVENT_UNKNOWN_PAYLOAD, "sealed"},
        {TEXT(START "\x82\x01\x0e\x08\x05\x10\x01\x18\x02\x22\x02"
                    "en"
                    "\x32\x02\x0a\x00"),
         EVENT_DECODED, NULL},
        /* an enum value above the known ones is a newer writer's, below them it is wrong */
        {TEXT(START "\x82\x01\x0a\x08\x05\x10\x05\x18\x02\x22\x02"
                    "en"),
         EVENT_UNKNOWN_PAYLOAD, "chat_type"},
        {TEXT(START "\x82\x01\x0a\x08\x05\x10\x01\x18\x04\x22\x02"
                    "en"),
         EVENT_UNKNOWN_PAYLOAD, "source"},
        {TEXT(START "\x82\x01\x13\x08\x05\x10\x01\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                    "\x22\x02"
                    "en"),
         EVENT_MALFORMED, "source"},
        {TEXT(START "\x82\x01\x08\x08\x05\x18\x02\x22\x02"
                    "en"),
         EVENT_MALFORMED, "chat_type"},
        {TEXT(START "\x82\x01\x0a\x08\x05\x10\x01\x18\x02\x22\x02"
                    "xx"),
         EVENT_MALFORMED, "lang"},
        {TEXT(START "\x82\x01\x06\x08\x05\x10\x01\x18\x02"), EVENT_MALFORMED, "lang"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum event_decode_result result = decode(fixture, cases[i].value);
        if (result != cases[i].result)
            fail_msg("case %zu: %d, %s", i, (int)result, fixture->why);
        if (result == EVENT_DECODED)
            assert_null(fixture->why);
        else if (strstr(fixture->why, cases[i].why) == NULL)
            fail_msg("case %zu: %s", i, fixture->why);
    }
}

static void the_last_payload_starts_from_nothing(void **state)
{
    struct fixture *fixture = *state;
    /* video_downloaded with is_images, then user_blocked without `blocked` */
    struct bytes value = TEXT(START "\x9a\x01\x07\x08\x05\x12\x01x\x18\x01"
                                    "\xca\x01\x02\x08\x06");
    assert_int_equal(decode(fixture, value), EVENT_DECODED);
    assert_int_equal(fixture->event.kind, EVENT_USER_BLOCKED);
    assert_true(fixture->event.subject_id == 6);
    assert_false(fixture->event.blocked);

    struct bytes merged = TEXT(START "\xca\x01\x04\x08\x06\x10\x01"
                                     "\xca\x01\x02\x08\x07");
    assert_int_equal(decode(fixture, merged), EVENT_DECODED);
    assert_true(fixture->event.subject_id == 7);
    assert_true(fixture->event.blocked);
}

/* A text of one byte repeated, on the heap so that a read past its end is noticed. */
static struct bytes filled(size_t len, char byte)
{
    char *data = malloc(len + 1);
    assert_non_null(data);
    memset(data, byte, len);
    return (struct bytes){data, len};
}

static void drop(struct bytes text)
{
    free((char *)(uintptr_t)text.data);
}

struct limit {
    struct event event;
    size_t offset; /* of the text in struct event */
    size_t max;
    const char *why;
};

static void texts_end_at_their_limits(void **state)
{
    static const struct limit limits[] = {
        {{ENVELOPE, .kind = EVENT_AD_COUNTED, .subject_id = 1},
         offsetof(struct event, producer),
         64,
         "producer"},
        {{ENVELOPE, .kind = EVENT_USER_SEEN, .subject_id = 1,
          .user_seen = {CHAT_PRIVATE, SEEN_START, .lang = TEXT("en")}},
         offsetof(struct event, user_seen.link),
         EVENT_LINK_MAX,
         "user_seen.link"},
        {{ENVELOPE, .kind = EVENT_USER_SEEN, .subject_id = 1,
          .user_seen = {CHAT_PRIVATE, SEEN_START, .lang = TEXT("en"),
                        .personal = {.is_present = true}}},
         offsetof(struct event, user_seen.personal.last_name),
         EVENT_NAME_MAX,
         "user_seen.personal.clear.last_name"},
        {{ENVELOPE, .kind = EVENT_VIDEO_DOWNLOADED, .subject_id = 1},
         offsetof(struct event, video.video_link),
         EVENT_LINK_MAX,
         "video_downloaded.video_link"},
        {{ENVELOPE, .kind = EVENT_USER_SETTINGS_PATCHED, .subject_id = 1},
         offsetof(struct event, merge_patch),
         EVENT_PATCH_MAX,
         "user_settings_patched.merge_patch"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct event event = limits[i].event;
        struct bytes text = filled(limits[i].max + 1, 'x');
        void *at = (char *)&event + limits[i].offset;
        *(struct bytes *)at = (struct bytes){text.data, limits[i].max};
        assert_null(event_check(&event));
        encode(fixture, &event);
        assert_int_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_DECODED);

        *(struct bytes *)at = text;
        assert_non_null(event_check(&event));
        assert_memory_equal(event_check(&event), limits[i].why, strlen(limits[i].why));
        encode(fixture, &event);
        assert_int_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_MALFORMED);
        assert_memory_equal(fixture->why, limits[i].why, strlen(limits[i].why));
        drop(text);
    }
}

/* Every place of a bad byte in a text of every length around the eight that are looked at. */
static void a_bad_byte_is_found_anywhere(void **state)
{
    (void)state;
    static const char bad[] = {'\0', '\x80', '\xff', '\xc2'};
    struct event event = {ENVELOPE, .kind = EVENT_VIDEO_DOWNLOADED, .subject_id = 1};
    for (size_t len = 1; len < 40; len++) {
        struct bytes text = filled(len, '\x01');
        char *bytes = (char *)(uintptr_t)text.data;
        event.video.video_link = text;
        assert_null(event_check(&event));
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof(bad); i++) {
                bytes[at] = bad[i];
                assert_non_null(event_check(&event));
            }
            bytes[at] = '\x01';
        }
        drop(text);
    }
}

static void what_an_event_lacks_is_named(void **state)
{
    static const struct {
        struct event event;
        const char *why;
    } cases[] = {
        {{.bot_id = 1}, "payload: missing"},
        {{.kind = EVENT_AD_COUNTED, .subject_id = 1}, "bot_id"},
        {{.bot_id = -1, .kind = EVENT_AD_COUNTED, .subject_id = 1}, "bot_id"},
        {{.bot_id = 1, .update_id = -1, .kind = EVENT_AD_COUNTED, .subject_id = 1}, "update_id"},
        {{.bot_id = 1, .occurred_at_ms = -1, .kind = EVENT_AD_COUNTED, .subject_id = 1},
         "occurred_at_ms"},
        {{.bot_id = 1,
          .occurred_at_ms = 253402300800000,
          .kind = EVENT_AD_COUNTED,
          .subject_id = 1},
         "occurred_at_ms"},
        {{.bot_id = 1, .received_at_ms = -1, .kind = EVENT_AD_COUNTED, .subject_id = 1},
         "received_at_ms"},
        {{.bot_id = 1, .kind = EVENT_AD_COUNTED}, "ad_counted.user_id"},
        {{.bot_id = 1, .kind = EVENT_USER_ERASED}, "user_erased.user_id"},
        {{.bot_id = 1, .kind = EVENT_USER_SEEN, .subject_id = 1}, "user_seen.chat_type"},
        {{.bot_id = 1, .kind = EVENT_USER_LANG_CHANGED, .subject_id = 1}, "user_lang_changed.lang"},
        {{.bot_id = 1, .kind = EVENT_VIDEO_DOWNLOADED, .subject_id = 1},
         "video_downloaded.video_link"},
        {{.bot_id = 1,
          .kind = EVENT_VIDEO_DOWNLOADED,
          .subject_id = 1,
          .video = {.video_link = TEXT("x"), .platform = (enum event_platform)4}},
         "video_downloaded.platform"},
        {{.bot_id = 1, .kind = EVENT_AD_SHOWN, .subject_id = 1, .ad_shown = {true, false, -1, 0}},
         "ad_shown.cooldown_s"},
        {{.bot_id = 1,
          .kind = EVENT_AD_SHOWN,
          .subject_id = 1,
          .ad_shown = {true, false, 31622401, 0}},
         "ad_shown.cooldown_s"},
        {{.bot_id = 1,
          .kind = EVENT_AD_SHOWN,
          .subject_id = 1,
          .ad_shown = {false, true, 0, 1000001}},
         "ad_shown.count_after"},
        {{.bot_id = 1, .kind = EVENT_AD_SHOWN, .subject_id = 1, .ad_shown = {false, true, 0, -1}},
         "ad_shown.count_after"},
        {{.bot_id = 1, .kind = EVENT_USER_SETTINGS_PATCHED, .subject_id = 1},
         "user_settings_patched.merge_patch"},
        {{.bot_id = 1, .kind = EVENT_CHAT_MIGRATED, .migrated = {0, 1}}, "chat_migrated.old_id"},
        {{.bot_id = 1, .kind = EVENT_CHAT_MIGRATED, .migrated = {1, 0}}, "chat_migrated.new_id"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = event_check(&cases[i].event);
        if (why == NULL || strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("case %zu: %s", i, why == NULL ? "fine" : why);
        if (cases[i].event.kind == EVENT_NONE)
            continue;
        encode(fixture, &cases[i].event);
        assert_int_not_equal(decode(fixture, buf_bytes(&fixture->encoded)), EVENT_DECODED);
        assert_memory_equal(fixture->why, cases[i].why, strlen(cases[i].why));
    }
}

static void a_full_arena_ends_the_batch(void **state)
{
    struct fixture *fixture = *state;
    struct event event;
    const char *why;
    encode(fixture, &EVENTS[0]);
    struct bytes value = buf_bytes(&fixture->encoded);
    size_t decoded = 0;
    while (event_decode(value, fixture->arena, &event, &why) == EVENT_DECODED)
        decoded++;
    assert_int_equal(decoded, ARENA_BYTES / value.len);
    assert_int_equal(event_arena_used(fixture->arena), decoded * value.len);
    assert_int_equal(event_decode(value, fixture->arena, &event, &why), EVENT_ARENA_FULL);
    event_arena_reset(fixture->arena);
    assert_int_equal(event_arena_used(fixture->arena), 0);
    assert_int_equal(event_decode(value, fixture->arena, &event, &why), EVENT_DECODED);
}

static void decoded_texts_outlive_the_record(void **state)
{
    struct fixture *fixture = *state;
    encode(fixture, &EVENTS[0]);
    struct bytes value = filled(fixture->encoded.len, 0);
    memcpy((char *)(uintptr_t)value.data, fixture->encoded.data, value.len);
    assert_int_equal(decode(fixture, value), EVENT_DECODED);
    drop(value);
    assert_true(bytes_equal(fixture->event.user_seen.lang, BYTES_LITERAL("ru")));
}

static void what_is_refused_takes_no_memory(void **state)
{
    struct fixture *fixture = *state;
    struct bytes large = filled(EVENT_BYTES_MAX + 1, '\x50');
    assert_int_equal(decode(fixture, large), EVENT_MALFORMED);
    assert_string_equal(fixture->why, "larger than 64 KiB");
    large.len--;
    assert_int_equal(decode(fixture, large), EVENT_UNKNOWN_PAYLOAD);
    assert_int_equal(event_arena_used(fixture->arena), 0);
    large.len++;
    drop(large);
    event_arena_free(NULL);
}

static void too_large_events_are_not_encoded(void **state)
{
    (void)state;
    struct event event = {ENVELOPE, .kind = EVENT_VIDEO_DOWNLOADED, .subject_id = 1};
    struct bytes text = filled(EVENT_BYTES_MAX, 'x');
    struct buf out;
    buf_init(&out, 2 * EVENT_BYTES_MAX);
    event.video.video_link = text;
    assert_false(event_encode(&event, &out));
    assert_int_equal(out.len, 0);
    buf_done(&out);
    buf_init(&out, 10);
    assert_false(event_encode(&EVENTS[0], &out));
    buf_done(&out);
    drop(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded_events_encode_to_the_same_bytes),
        cmocka_unit_test(absent_and_empty_texts_stay_apart),
        cmocka_unit_test(encoding_is_what_protobuf_c_packs),
        cmocka_unit_test(no_beginning_of_an_event_is_one_in_disguise),
        cmocka_unit_test(foreign_bytes_are_told_apart),
        cmocka_unit_test(the_last_payload_starts_from_nothing),
        cmocka_unit_test(texts_end_at_their_limits),
        cmocka_unit_test(a_bad_byte_is_found_anywhere),
        cmocka_unit_test(what_an_event_lacks_is_named),
        cmocka_unit_test(a_full_arena_ends_the_batch),
        cmocka_unit_test(decoded_texts_outlive_the_record),
        cmocka_unit_test(what_is_refused_takes_no_memory),
        cmocka_unit_test(too_large_events_are_not_encoded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
