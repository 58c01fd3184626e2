/* Every fixture of tests/fixtures/updates: an update and the events it must make. */
#include "services/gateway/translate.h"

#include "libs/wire/event_codec.h"
#include "tests/support/event_json.h"
#include "tests/support/json_file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER "tests/fixtures/updates"

static const struct translate_context CONTEXT = {
    .bot_id = 123456789,
    .received_at_ms = 1760000005123,
    .producer = {"telefact-gateway/test", 21},
};

static const char *outcome_of(const struct translation *translation)
{
    static const char *const reasons[] = {
        [RAW_NO_EVENT] = "NO_EVENT",
        [RAW_UNPARSABLE] = "UNPARSABLE",
        [RAW_TOO_DEEP] = "TOO_DEEP",
    };
    if (translation->outcome == TRANSLATE_EVENTS)
        return "EVENTS";
    return reasons[translation->raw_reason];
}

static void show_id(const uint8_t id[EVENT_ID_LEN], char out[2 * EVENT_ID_LEN + 1])
{
    for (size_t i = 0; i < EVENT_ID_LEN; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", id[i]);
}

static bool is_text(yyjson_val *object, const char *key, const char *text)
{
    return bytes_equal(json_file_text(object, key), bytes_of_text(text));
}

static bool has_payload(const struct event *event, yyjson_val *expected)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *made = event_json_payload(document, event);
    bool is_same = yyjson_mut_equals(made, yyjson_val_mut_copy(document, expected));
    yyjson_mut_doc_free(document);
    return is_same;
}

/* NULL: as expected; else what is not. */
static const char *compare_event(const struct event *event, yyjson_val *expected, int64_t update_id)
{
    char id[2 * EVENT_ID_LEN + 1];
    show_id(event->id, id);
    if (!is_text(expected, "kind", event_kind_name(event->kind)))
        return "kind";
    if (event->subject_id != json_file_int64(expected, "subject_id"))
        return "subject_id";
    if (event->ordinal != json_file_int64(expected, "ordinal"))
        return "ordinal";
    if (event->occurred_at_ms != json_file_int64(expected, "occurred_at_ms"))
        return "occurred_at_ms";
    if (event->bot_id != CONTEXT.bot_id || event->update_id != update_id ||
        event->received_at_ms != CONTEXT.received_at_ms ||
        !bytes_equal(event->producer, CONTEXT.producer))
        return "envelope";
    if (!has_payload(event, yyjson_obj_get(expected, "payload")))
        return "payload";
    if (!is_text(expected, "event_id", id))
        return "event_id";
    return event_check(event);
}

static const char *compare(const struct translation *translation, yyjson_val *expected)
{
    if (!is_text(expected, "outcome", outcome_of(translation)))
        return outcome_of(translation);
    if (!is_text(expected, "kind", update_kind_name(translation->kind)))
        return "update kind";
    if (translation->update_id != json_file_int64(expected, "update_id"))
        return "update_id";
    yyjson_val *events = yyjson_obj_get(expected, "events");
    if (translation->event_count != yyjson_arr_size(events))
        return "number of events";
    for (size_t i = 0; i < translation->event_count; i++) {
        const char *fault = compare_event(&translation->events[i], yyjson_arr_get(events, i),
                                          translation->update_id);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

/* On the heap, without a NUL after it; the caller frees it. */
static struct bytes exact_copy(struct bytes text)
{
    char *data = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(data);
    memcpy(data, text.data, text.len);
    return (struct bytes){data, text.len};
}

static struct bytes body_of(yyjson_val *fixture)
{
    yyjson_val *update = yyjson_obj_get(fixture, "update");
    if (update == NULL)
        return exact_copy(json_file_text(fixture, "body"));
    size_t len;
    char *text = yyjson_val_write(update, YYJSON_WRITE_NOFLAG, &len);
    assert_non_null(text);
    struct bytes body = exact_copy((struct bytes){text, len});
    free(text);
    return body;
}

static void check_fixture(const char *name, bool *seen_kinds)
{
    char path[512];
    (void)snprintf(path, sizeof(path), FOLDER "/%s", name);
    yyjson_doc *document = json_file_read(path);
    yyjson_val *fixture = yyjson_doc_get_root(document);
    struct bytes body = body_of(fixture);
    struct translation translation;
    translate(body, &CONTEXT, &translation);
    free((char *)(uintptr_t)body.data); /* events may not need it any more */
    const char *fault = compare(&translation, yyjson_obj_get(fixture, "expect"));
    if (fault != NULL)
        fail_msg("%s: %s", name, fault);
    seen_kinds[translation.kind] = true;
    translation_done(&translation);
    yyjson_doc_free(document);
}

static void every_update_makes_the_events_of_its_fixture(void **state)
{
    (void)state;
    bool seen_kinds[UPDATE_KINDS] = {false};
    size_t count = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        if (end == NULL || strcmp(end, ".json") != 0)
            continue;
        check_fixture(entry->d_name, seen_kinds);
        count++;
    }
    (void)closedir(folder);
    assert_in_range(count, 140, 1000);
    for (size_t kind = 0; kind < UPDATE_KINDS; kind++) {
        if (!seen_kinds[kind])
            fail_msg("no fixture of kind %s", update_kind_name((enum update_kind)kind));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_update_makes_the_events_of_its_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
