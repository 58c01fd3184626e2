#include "services/store/hand.h"

#include "libs/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES_MAX (128 << 10)

static struct buf encoded(void)
{
    struct event event = {.bot_id = 1,
                          .kind = EVENT_VIDEO_DOWNLOADED,
                          .subject_id = 5,
                          .producer = BYTES_LITERAL("t"),
                          .video = {.video_link = BYTES_LITERAL("https://v")}};
    struct buf value;
    buf_init(&value, EVENT_BYTES_MAX);
    assert_true(event_encode(&event, &value));
    return value;
}

static void kept_records_do_not_need_their_source(void **state)
{
    (void)state;
    struct hand hand;
    struct buf value = encoded();
    struct record_view record = {.key = BYTES_LITERAL("1:5"), .value = buf_bytes(&value)};
    struct batch_event *item = NULL;
    hand_init(&hand, 10, BYTES_MAX);
    assert_int_equal(hand_decode(&hand, &record, &item), EVENT_DECODED);
    hand_keep(&hand);
    struct buf same = encoded();
    memset(value.data, 0, value.len);
    assert_true(bytes_equal(hand.items[0].record.value, buf_bytes(&same)));
    assert_true(bytes_equal(hand.items[0].event.video.video_link, BYTES_LITERAL("https://v")));
    hand_drop(&hand);
    assert_int_equal(hand.count, 0);
    hand_done(&hand);
    buf_done(&value);
    buf_done(&same);
}

static void it_is_full_by_count_or_bytes(void **state)
{
    (void)state;
    struct hand hand;
    struct buf value = encoded();
    struct record_view record = {.key = BYTES_LITERAL("1:5"), .value = buf_bytes(&value)};
    struct batch_event *item = NULL;
    hand_init(&hand, 3, BYTES_MAX);
    for (int i = 0; i < 3; i++) {
        assert_false(hand_is_full(&hand));
        assert_int_equal(hand_decode(&hand, &record, &item), EVENT_DECODED);
        hand_keep(&hand);
    }
    assert_true(hand_is_full(&hand));
    hand_done(&hand);

    hand_init(&hand, 1000, value.len);
    assert_int_equal(hand_decode(&hand, &record, &item), EVENT_DECODED);
    hand_keep(&hand);
    assert_true(hand_is_full(&hand));
    hand_done(&hand);
    buf_done(&value);
}

static void what_cannot_be_decoded_is_set_aside(void **state)
{
    (void)state;
    struct hand hand;
    struct record_view record = {.key = BYTES_LITERAL("1:5"), .value = BYTES_LITERAL("\xff")};
    struct batch_event *item = NULL;
    hand_init(&hand, 10, BYTES_MAX);
    assert_int_equal(hand_decode(&hand, &record, &item), EVENT_MALFORMED);
    assert_int_equal(item->fate, BATCH_ASIDE);
    assert_string_equal(item->cause, "malformed");
    assert_int_equal(item->event.kind, EVENT_NONE);
    hand_done(&hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_records_do_not_need_their_source),
        cmocka_unit_test(it_is_full_by_count_or_bytes),
        cmocka_unit_test(what_cannot_be_decoded_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
