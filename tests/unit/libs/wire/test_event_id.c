#include "libs/wire/event_id.h"

#include "tests/support/json_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VECTORS "tests/fixtures/event_id_vectors.json"

static enum event_kind kind_of(struct bytes name)
{
    for (int kind = 1; kind <= EVENT_KIND_MAX; kind++) {
        if (bytes_equal(name, bytes_of_text(event_kind_name((enum event_kind)kind))))
            return (enum event_kind)kind;
    }
    return EVENT_NONE;
}

static void get_bytes(struct bytes hex, uint8_t out[16])
{
    char digits[33];
    size_t count = 0;
    for (size_t i = 0; i < hex.len; i++) {
        if (hex.data[i] != '-')
            digits[count++] = hex.data[i];
    }
    assert_int_equal(count, 32);
    for (size_t i = 0; i < 16; i++) {
        const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void make_id(yyjson_val *vector, const struct event *event, uint8_t out[EVENT_ID_LEN])
{
    struct bytes form = json_file_text(vector, "form");
    if (bytes_equal(form, BYTES_LITERAL("update"))) {
        event_id_of_update(event, json_file_text(vector, "natural_id"),
                           json_file_int64(vector, "date"), out);
    } else if (bytes_equal(form, BYTES_LITERAL("publish"))) {
        event_id_of_key(event, json_file_text(vector, "key"), out);
    } else if (bytes_equal(form, BYTES_LITERAL("import"))) {
        struct event_import_row row = {
            .source = json_file_text(vector, "source"),
            .table = json_file_text(vector, "table"),
            .primary_key = json_file_text(vector, "pk"),
            .time_ms = json_file_int64(vector, "time_ms"),
        };
        event_id_of_row(event, &row, out);
    } else {
        uint8_t uuid[16];
        assert_true(bytes_equal(form, BYTES_LITERAL("command")));
        get_bytes(json_file_text(vector, "uuid"), uuid);
        event_id_of_command(event, (int32_t)json_file_int64(vector, "partition"), uuid, out);
    }
}

static void check_vector(yyjson_val *vector)
{
    struct event event = {
        .bot_id = json_file_int64(vector, "bot_id"),
        .kind = kind_of(json_file_text(vector, "kind")),
        .update_id = yyjson_get_sint(yyjson_obj_get(vector, "update_id")),
        .subject_id = yyjson_get_sint(yyjson_obj_get(vector, "subject_id")),
        .ordinal = (uint32_t)yyjson_get_uint(yyjson_obj_get(vector, "ordinal")),
    };
    uint8_t expected[EVENT_ID_LEN];
    uint8_t made[EVENT_ID_LEN];
    get_bytes(json_file_text(vector, "event_id"), expected);
    make_id(vector, &event, made);
    if (memcmp(made, expected, EVENT_ID_LEN) != 0)
        fail_msg("vector \"%s\"", json_file_text(vector, "note").data);
}

static void every_vector_gives_its_id(void **state)
{
    (void)state;
    yyjson_doc *document = json_file_read(VECTORS);
    yyjson_val *vectors = yyjson_doc_get_root(document);
    size_t checked = 0;
    size_t skipped = 0;
    size_t i;
    size_t count;
    yyjson_val *vector;
    yyjson_arr_foreach(vectors, i, count, vector)
    {
        if (kind_of(json_file_text(vector, "kind")) == EVENT_NONE) {
            skipped++; /* a kind that this build does not have yet */
        } else {
            check_vector(vector);
            checked++;
        }
    }
    assert_int_equal(checked, 17);
    assert_int_equal(skipped, 1);
    yyjson_doc_free(document);
}

static void only_a_canonical_uuid7_leads_its_id(void **state)
{
    (void)state;
    const char *others[] = {
        "0199C6B2-3F4A-7C1D-8E9F-0123456789AB",  /* upper case */
        "0199c6b2-3f4a-4c1d-8e9f-0123456789ab",  /* version 4 */
        "0199c6b2-3f4a-7c1d-7e9f-0123456789ab",  /* another variant */
        "0199c6b23f4a7c1d8e9f0123456789ab",      /* no dashes */
        "0199c6b2-3f4a-7c1d-8e9f-0123456789a",   /* too short */
        "0199c6b2-3f4a-7c1d-8e9f-0123456789abc", /* too long */
        "0199c6b2+3f4a-7c1d-8e9f-0123456789ab",  "0199c6b2-3f4a-7c1d-8e9f-0123456789ag",
    };
    const uint8_t lead[] = {0x01, 0x99, 0xc6, 0xb2, 0x3f, 0x4a, 0x7c, 0x1d};
    struct event event = {.bot_id = 1, .kind = EVENT_AD_SHOWN, .subject_id = 2};
    uint8_t id[EVENT_ID_LEN];
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        event_id_of_key(&event, bytes_of_text(others[i]), id);
        assert_memory_not_equal(id, lead, 3);
    }
    event_id_of_key(&event, BYTES_LITERAL("0199c6b2-3f4a-7c1d-be9f-0123456789ab"), id);
    assert_memory_equal(id, lead, sizeof(lead));
}

static void long_names_do_not_overflow(void **state)
{
    (void)state;
    static char text[100000];
    memset(text, 'x', sizeof(text));
    struct event event = {.bot_id = INT64_MIN, .kind = EVENT_USER_SEEN, .update_id = INT64_MIN};
    uint8_t ids[2][EVENT_ID_LEN];
    event_id_of_update(&event, (struct bytes){text, sizeof(text)}, INT64_MIN, ids[0]);
    event_id_of_update(&event, (struct bytes){text, sizeof(text) - 1}, INT64_MIN, ids[1]);
    assert_memory_not_equal(ids[0], ids[1], EVENT_ID_LEN);
    assert_int_equal(ids[0][0], 0x80);
}

static void an_id_is_shown_as_a_uuid(void **state)
{
    (void)state;
    uint8_t id[EVENT_ID_LEN];
    char shown[37];
    get_bytes(BYTES_LITERAL("0000000035a4e90100fa59dca54d6b8c"), id);
    event_id_show(id, shown);
    assert_string_equal(shown, "00000000-35a4-e901-00fa-59dca54d6b8c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_gives_its_id),
        cmocka_unit_test(only_a_canonical_uuid7_leads_its_id),
        cmocka_unit_test(long_names_do_not_overflow),
        cmocka_unit_test(an_id_is_shown_as_a_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
