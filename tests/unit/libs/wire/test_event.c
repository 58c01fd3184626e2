#include "libs/wire/event.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "telefact/event/v1/event.pb-c.h"

static void kinds_have_the_numbers_and_names_of_the_proto(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *event = &telefact__event__v1__event__descriptor;
    size_t payloads = 0;
    for (unsigned i = 0; i < event->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &event->fields[i];
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
            continue;
        payloads++;
        assert_in_range(field->id, 1, EVENT_KIND_MAX);
        assert_string_equal(event_kind_name((enum event_kind)field->id), field->name);
    }
    assert_int_equal(payloads, 11);
    assert_string_equal(event_kind_name(EVENT_NONE), "");
    assert_string_equal(event_kind_name((enum event_kind)17000), "");
}

static void only_eight_languages_are_known(void **state)
{
    (void)state;
    const char *known[] = {"ar", "en", "hi", "id", "ru", "so", "uk", "vi"};
    const char *unknown[] = {"", "e", "eng", "EN", "pt", "pt-br", "en-US", "ru "};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_true(event_lang_is_known(bytes_of_text(known[i])));
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_false(event_lang_is_known(bytes_of_text(unknown[i])));
    assert_false(event_lang_is_known((struct bytes){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_the_numbers_and_names_of_the_proto),
        cmocka_unit_test(only_eight_languages_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
