#include "services/store/id_window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN 100

static struct event numbered(uint32_t number, enum event_kind kind)
{
    struct event event = {.kind = kind};
    memcpy(event.id, &number, sizeof(number));
    return event;
}

static bool put(struct id_window *window, uint32_t number, enum event_kind kind)
{
    struct event event = numbered(number, kind);
    return id_window_put(window, &event);
}

static void an_id_is_new_once(void **state)
{
    (void)state;
    struct id_window *window = id_window_new(SPAN);
    for (uint32_t i = 0; i < SPAN; i++)
        assert_true(put(window, i, EVENT_AD_COUNTED));
    for (uint32_t i = 0; i < SPAN; i++)
        assert_false(put(window, i, EVENT_AD_SHOWN)); /* the same table */
    id_window_free(window);
}

static void each_table_has_its_own_ids(void **state)
{
    (void)state;
    struct id_window *window = id_window_new(SPAN);
    assert_true(put(window, 7, EVENT_AD_COUNTED));
    assert_true(put(window, 7, EVENT_VIDEO_DOWNLOADED));
    assert_true(put(window, 7, EVENT_MUSIC_EXTRACTED));
    assert_false(put(window, 7, EVENT_VIDEO_DOWNLOADED));
    id_window_free(window);
}

static void the_last_span_of_ids_is_always_known(void **state)
{
    (void)state;
    struct id_window *window = id_window_new(SPAN);
    for (uint32_t i = 0; i < 10 * SPAN; i++) {
        assert_true(put(window, i, EVENT_AD_COUNTED));
        for (uint32_t back = 0; back < SPAN && back <= i; back++)
            assert_false(put(window, i - back, EVENT_AD_COUNTED));
    }
    assert_true(put(window, 0, EVENT_AD_COUNTED)); /* long forgotten */
    id_window_free(window);
}

static void a_reset_forgets_everything(void **state)
{
    (void)state;
    struct id_window *window = id_window_new(SPAN);
    for (uint32_t i = 0; i < 150; i++)
        assert_true(put(window, i, EVENT_AD_COUNTED));
    id_window_reset(window);
    for (uint32_t i = 0; i < 150; i++)
        assert_true(put(window, i, EVENT_AD_COUNTED));
    id_window_free(window);
    id_window_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_new_once),
        cmocka_unit_test(each_table_has_its_own_ids),
        cmocka_unit_test(the_last_span_of_ids_is_always_known),
        cmocka_unit_test(a_reset_forgets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
