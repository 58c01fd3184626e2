#include "services/store/import_report.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What a body says, as text. */
struct paper {
    struct import_report report;
    char *text;
    size_t len;
};

static void open_paper(struct paper *paper, enum import_form form)
{
    *paper = (struct paper){.report = {.form = form}};
    paper->report.out = open_memstream(&paper->text, &paper->len);
    assert_non_null(paper->report.out);
}

static void expect_text(struct paper *paper, const char *wanted)
{
    assert_int_equal(fclose(paper->report.out), 0);
    assert_string_equal(paper->text, wanted);
    free(paper->text);
}

static const struct import_status STATUS = {
    .table = IMPORT_VIDEOS,
    .tables = {[IMPORT_USERS] = {.rows = 3, .read = 3, .skipped = 1, .events = 4},
               [IMPORT_VIDEOS] = {.rows = 100, .read = 50, .cut = 2, .events = 50},
               [IMPORT_MUSIC] = {.rows = 7}},
    .durable = 51,
};

static void people_get_lines(void **state)
{
    struct paper paper;
    (void)state;
    open_paper(&paper, IMPORT_LINES);
    import_report_skipped(&paper.report, IMPORT_USERS, -42, "lang: why");
    import_report_moved(&paper.report, &STATUS, 5000);
    import_report_done(&paper.report, &STATUS, false);
    expect_text(&paper, "skipped users -42: lang: why\n"
                        "videos: 50 of 100 rows, 51 events durable\n"
                        "table          rows    imported     skipped   links cut      events\n"
                        "users             3           2           1           0           4\n"
                        "videos          100          50           0           2          50\n"
                        "music             7           0           0           0           0\n"
                        "51 events are durable\n");
}

static void a_terminal_gets_a_bar_that_other_lines_take_away(void **state)
{
    struct paper paper;
    (void)state;
    open_paper(&paper, IMPORT_BAR);
    import_report_moved(&paper.report, &STATUS, 5000);
    import_report_skipped(&paper.report, IMPORT_MUSIC, 1, "why");
    expect_text(&paper, "\r\033[Kvideos [###############...............] 50 of 100 rows"
                        "\r\033[Kskipped music 1: why\n");
}

static void programs_get_json(void **state)
{
    struct paper paper;
    (void)state;
    open_paper(&paper, IMPORT_JSON);
    import_report_skipped(&paper.report, IMPORT_USERS, -42, "lang: why");
    import_report_moved(&paper.report, &STATUS, 5000);
    import_report_done(&paper.report, &STATUS, true);
    expect_text(
        &paper,
        "{\"skipped\": {\"table\": \"users\", \"key\": -42, \"why\": \"lang: why\"}}\n"
        "{\"progress\": {\"table\": \"videos\", \"read\": 50, \"rows\": 100, \"durable\": 51}}\n"
        "{\"done\": {\"users\": {\"rows\": 3, \"imported\": 2, \"skipped\": 1, \"cut\": 0, "
        "\"events\": 4}, \"videos\": {\"rows\": 100, \"imported\": 50, \"skipped\": 0, \"cut\": 2, "
        "\"events\": 50}, \"music\": {\"rows\": 7, \"imported\": 0, \"skipped\": 0, \"cut\": 0, "
        "\"events\": 0}, \"durable\": 51, \"dry_run\": true}}\n");
}

static void what_is_broken_off_says_how_far_it_came(void **state)
{
    struct paper paper;
    (void)state;
    open_paper(&paper, IMPORT_LINES);
    import_report_broken(&paper.report, &STATUS);
    expect_text(&paper, "broken off, 51 events are durable; run it again from the beginning\n");
    open_paper(&paper, IMPORT_JSON);
    import_report_broken(&paper.report, &STATUS);
    expect_text(&paper, "{\"broken\": {\"durable\": 51}}\n");
}

static void progress_is_told_once_a_second(void **state)
{
    struct paper paper;
    (void)state;
    open_paper(&paper, IMPORT_LINES);
    import_report_moved(&paper.report, &STATUS, 5000);
    import_report_moved(&paper.report, &STATUS, 5999);
    import_report_moved(&paper.report, &STATUS, 6000);
    expect_text(&paper, "videos: 50 of 100 rows, 51 events durable\n"
                        "videos: 50 of 100 rows, 51 events durable\n");
}

static void an_empty_table_has_a_bar(void **state)
{
    struct paper paper;
    const struct import_status nothing = {0};
    (void)state;
    open_paper(&paper, IMPORT_BAR);
    import_report_moved(&paper.report, &nothing, 5000);
    expect_text(&paper, "\r\033[Kusers  [..............................] 0 of 0 rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_get_lines),
        cmocka_unit_test(a_terminal_gets_a_bar_that_other_lines_take_away),
        cmocka_unit_test(programs_get_json),
        cmocka_unit_test(what_is_broken_off_says_how_far_it_came),
        cmocka_unit_test(progress_is_told_once_a_second),
        cmocka_unit_test(an_empty_table_has_a_bar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
