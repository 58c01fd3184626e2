#include "services/store/import.h"

#include "tests/support/fake_log_sink.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ROWS_MAX 5
#define PAGE 2
#define NOW_S INT64_C(1790000000)

/* An old database in memory; its pages have two rows. */
struct old {
    struct import_row rows[IMPORT_TABLES][ROWS_MAX];
    size_t counts[IMPORT_TABLES];
    int hidden;      /* rows of videos that no page has */
    int pages;       /* asked for */
    int fails_after; /* pages; 0: never */
};

static bool count(void *self, enum import_table table, int64_t *out, struct err *err)
{
    const struct old *old = self;
    (void)err;
    *out = (int64_t)old->counts[table] + (table == IMPORT_VIDEOS ? old->hidden : 0);
    return true;
}

static bool page(void *self, enum import_table table, int64_t from, struct import_page *out,
                 struct err *err)
{
    struct old *old = self;
    size_t first = 0;
    old->pages++;
    if (old->fails_after > 0 && old->pages > old->fails_after)
        return err_set(err, ERR_RETRY, "the old database is away");
    while (first < old->counts[table] && old->rows[table][first].key < from)
        first++;
    size_t left = old->counts[table] - first;
    *out = (struct import_page){&old->rows[table][first], left < PAGE ? left : PAGE};
    return true;
}

struct heard {
    int moved;
    int skipped;
    enum import_table table;
    int64_t key;
};

static void on_skipped(void *self, enum import_table table, int64_t key, const char *why)
{
    struct heard *heard = self;
    assert_non_null(why);
    heard->skipped++;
    heard->table = table;
    heard->key = key;
}

static void on_moved(void *self, const struct import_status *status)
{
    struct heard *heard = self;
    assert_in_range(status->tables[status->table].read, 1, ROWS_MAX);
    heard->moved++;
}

struct world {
    struct old old;
    struct heard heard;
    struct fake_log_sink fake;
    struct log_sink sink;
    struct import_job job;
    struct import_status status;
};

static void add_user(struct world *world, int64_t user_id, const char *lang)
{
    world->old.rows[IMPORT_USERS][world->old.counts[IMPORT_USERS]++] = (struct import_row){
        .key = user_id, .user_id = user_id, .user = {.lang = bytes_of_text(lang)}};
}

static void add_video(struct world *world, int64_t key, int64_t user_id, const char *link)
{
    world->old.rows[IMPORT_VIDEOS][world->old.counts[IMPORT_VIDEOS]++] =
        (struct import_row){.key = key, .user_id = user_id, .video = {.link = bytes_of_text(link)}};
}

static void open_world(struct world *world)
{
    *world = (struct world){0};
    world->sink = fake_log_sink_port(&world->fake);
    world->job = (struct import_job){
        .rules = {.bot_id = 42, .source = BYTES_LITERAL("tt"), .now_s = NOW_S},
        .source = {.count = count, .page = page, .self = &world->old},
        .sink = &world->sink,
        .listener = {.skipped = on_skipped, .moved = on_moved, .self = &world->heard},
    };
}

/* Three users, four videos, one sound; nothing is wrong with them. */
static void fill(struct world *world)
{
    add_user(world, INT64_MIN, "en");
    add_user(world, 7, "uk");
    add_user(world, INT64_MAX, "ru");
    for (int64_t key = 1; key <= 4; key++)
        add_video(world, key, 7, "https://v.example/1");
    world->old.rows[IMPORT_MUSIC][0] =
        (struct import_row){.key = 1, .user_id = 8, .music_video_id = 9};
    world->old.counts[IMPORT_MUSIC] = 1;
}

static bool run(struct world *world, struct err *err)
{
    return import_run(&world->job, &world->status, err);
}

static void every_row_of_every_page_is_put_under_its_chat(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    assert_true(run(&world, &err));
    static const char *const keys[] = {"42:-9223372036854775808",
                                       "42:7",
                                       "42:9223372036854775807",
                                       "42:7",
                                       "42:7",
                                       "42:7",
                                       "42:7",
                                       "42:8"};
    assert_int_equal(world.fake.count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(world.fake.records[i].key, keys[i]);
        assert_int_equal(world.fake.records[i].partition, LOG_PARTITION_OF_KEY);
    }
    assert_int_equal(world.status.durable, 8);
    assert_int_equal(world.status.tables[IMPORT_USERS].events, 3);
    assert_int_equal(world.status.tables[IMPORT_VIDEOS].read, 4);
    assert_int_equal(import_skipped(&world.status), 0);
    assert_int_equal(world.heard.moved, 5);
    fake_log_sink_done(&world.fake);
}

static void a_row_that_cannot_be_an_event_is_named_and_the_rest_goes_on(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    world.old.rows[IMPORT_VIDEOS][2].video.link = (struct bytes){"", 0};
    assert_true(run(&world, &err));
    assert_int_equal(world.fake.count, 7);
    assert_int_equal(world.heard.skipped, 1);
    assert_int_equal(world.heard.table, IMPORT_VIDEOS);
    assert_int_equal(world.heard.key, 3);
    assert_int_equal(import_skipped(&world.status), 1);
    assert_int_equal(world.status.tables[IMPORT_VIDEOS].events, 3);
    fake_log_sink_done(&world.fake);
}

static void a_dry_run_reads_all_and_writes_nothing(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    world.job.sink = NULL;
    assert_true(run(&world, &err));
    assert_int_equal(world.fake.count, 0);
    assert_int_equal(world.status.tables[IMPORT_VIDEOS].events, 4);
    assert_int_equal(world.status.durable, 0);
}

static void a_sink_that_fails_ends_it(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    world.fake.fails_after = 4;
    assert_false(run(&world, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(world.fake.count, 4);
    fake_log_sink_done(&world.fake);
}

static void what_is_put_and_not_durable_is_not_imported(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    world.fake.fails_flush = true;
    assert_false(run(&world, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(world.status.durable, 0);
    fake_log_sink_done(&world.fake);
}

static void a_source_that_fails_ends_it(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    world.old.fails_after = 2;
    assert_false(run(&world, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    fake_log_sink_done(&world.fake);
}

static void pages_that_do_not_add_up_are_a_failure(void **state)
{
    struct world world;
    struct err err;
    (void)state;
    open_world(&world);
    fill(&world);
    world.old.hidden = 1;
    assert_false(run(&world, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "videos has 5 rows"));
    fake_log_sink_done(&world.fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_every_page_is_put_under_its_chat),
        cmocka_unit_test(a_row_that_cannot_be_an_event_is_named_and_the_rest_goes_on),
        cmocka_unit_test(a_dry_run_reads_all_and_writes_nothing),
        cmocka_unit_test(a_sink_that_fails_ends_it),
        cmocka_unit_test(what_is_put_and_not_durable_is_not_imported),
        cmocka_unit_test(a_source_that_fails_ends_it),
        cmocka_unit_test(pages_that_do_not_add_up_are_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
