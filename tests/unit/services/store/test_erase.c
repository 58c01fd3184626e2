#include "services/store/erase.h"

#include "libs/wire/event_codec.h"
#include "libs/wire/event_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PARTITIONS 3
#define TIME_MS INT64_C(0x0199c0de0000)

static const struct erase_command COMMAND = {
    .bot_id = 99,
    .user_id = 42,
    .uuid = {0x01, 0x99, 0xc0, 0xde, 0, 0, 0x7a, 0xbc, 0x8d, 0xef, 1, 2, 3, 4, 5, 6},
    .producer = {"test", 4},
    .partitions = PARTITIONS,
};

/* ---- a log and a database in memory ---- */

struct fake {
    struct event events[PARTITIONS + 1];
    char keys[PARTITIONS + 1][RECORD_KEY_MAX];
    int32_t partitions[PARTITIONS + 1];
    struct event_arena *arena;
    int count;
    int fails_at; /* this put fails; -1: none */
    bool flush_fails;
    int flushes;

    int64_t applied[PARTITIONS]; /* grows by one with each look */
    int unwell_looks;
    int looks;
    bool is_broken;
};

static bool fake_put(void *self, const struct record *record, int32_t partition, struct err *err)
{
    struct fake *fake = self;
    const char *why = NULL;
    if (fake->count == fake->fails_at)
        return err_set(err, ERR_RETRY, "the fake log is down");
    memcpy(fake->keys[fake->count], record->key, record->key_len);
    fake->partitions[fake->count] = partition;
    assert_int_equal(
        event_decode(buf_bytes(&record->value), fake->arena, &fake->events[fake->count], &why),
        EVENT_DECODED);
    fake->count++;
    return true;
}

static bool fake_flush(void *self, struct err *err)
{
    struct fake *fake = self;
    fake->flushes++;
    return !fake->flush_fails || err_set(err, ERR_RETRY, "not acknowledged");
}

static bool fake_find(void *self, struct position *out, struct err *err)
{
    struct fake *fake = self;
    fake->looks++;
    if (fake->is_broken)
        return err_set(err, ERR_FATAL, "another database");
    if (fake->looks <= fake->unwell_looks)
        return err_set(err, ERR_RETRY, "the fake database is down");
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        position_raise(out, partition, fake->applied[partition]++);
    return true;
}

static struct log_sink sink_of(struct fake *fake)
{
    return (struct log_sink){.put = fake_put, .flush = fake_flush, .self = fake};
}

static int set_up(void **state)
{
    static struct fake fake;
    fake = (struct fake){.fails_at = -1, .arena = event_arena_new(EVENT_BYTES_MAX)};
    *state = &fake;
    return 0;
}

static int tear_down(void **state)
{
    struct fake *fake = *state;
    event_arena_free(fake->arena);
    return 0;
}

/* ---- writing ---- */

static void every_partition_gets_the_event_with_its_own_id(void **state)
{
    struct fake *fake = *state;
    struct log_sink sink = sink_of(fake);
    struct err err;
    assert_true(erase_write(&sink, &COMMAND, &err));
    assert_int_equal(fake->count, PARTITIONS);
    assert_int_equal(fake->flushes, 1);
    for (int i = 0; i < PARTITIONS; i++) {
        uint8_t id[EVENT_ID_LEN];
        assert_int_equal(fake->partitions[i], i);
        assert_string_equal(fake->keys[i], "99:42");
        assert_int_equal(fake->events[i].kind, EVENT_USER_ERASED);
        assert_int_equal(fake->events[i].subject_id, 42);
        event_id_of_command(&fake->events[i], i, COMMAND.uuid, id);
        assert_memory_equal(fake->events[i].id, id, sizeof(id));
    }
}

static void the_date_is_the_time_in_the_uuid(void **state)
{
    struct fake *fake = *state;
    struct log_sink sink = sink_of(fake);
    struct err err;
    assert_true(erase_write(&sink, &COMMAND, &err));
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(fake->events[i].occurred_at_ms, TIME_MS);
}

static void what_is_not_durable_is_a_failure(void **state)
{
    struct fake *fake = *state;
    struct log_sink sink = sink_of(fake);
    struct err err;
    fake->fails_at = 1;
    assert_false(erase_write(&sink, &COMMAND, &err));
    assert_int_equal(fake->count, 1);
    fake->fails_at = -1;
    fake->count = 0;
    fake->flush_fails = true;
    assert_false(erase_write(&sink, &COMMAND, &err));
    assert_int_equal(err.kind, ERR_RETRY);
}

/* ---- waiting ---- */

static bool wait_for(struct fake *fake, int64_t timeout_ms, struct err *err)
{
    static struct position_entry entries[] = {{0, 2}, {2, 5}};
    static const struct position position = {.entries = entries, .count = 2};
    struct applied_port applied = {.find = fake_find, .self = fake};
    struct erase_wait wait = {.position = &position, .timeout_ms = timeout_ms, .interval_ms = 1};
    return erase_wait(&applied, &wait, err);
}

static void it_is_waited_until_every_partition_is_behind_its_event(void **state)
{
    struct fake *fake = *state;
    struct err err;
    assert_true(wait_for(fake, 60000, &err));
    assert_int_equal(fake->looks, 6); /* 5 is there at the sixth look */
}

static void a_database_that_is_away_is_waited_for(void **state)
{
    struct fake *fake = *state;
    struct err err;
    fake->unwell_looks = 3;
    assert_true(wait_for(fake, 60000, &err));
    assert_int_equal(fake->looks, 9);
}

static void waiting_ends(void **state)
{
    struct fake *fake = *state;
    struct err err;
    assert_false(wait_for(fake, 0, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.text, "2 partitions"));
    fake->is_broken = true;
    assert_false(wait_for(fake, 60000, &err));
    assert_int_equal(err.kind, ERR_FATAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_partition_gets_the_event_with_its_own_id),
        TEST(the_date_is_the_time_in_the_uuid),
        TEST(what_is_not_durable_is_a_failure),
        TEST(it_is_waited_until_every_partition_is_behind_its_event),
        TEST(a_database_that_is_away_is_waited_for),
        TEST(waiting_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
