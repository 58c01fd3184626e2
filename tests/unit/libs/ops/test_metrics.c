#include "libs/ops/metrics.h"

#include "libs/base/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct metric_series requests_series[] = {{.labels = "code=\"200\""},
                                                 {.labels = "code=\"503\""}};
static struct metric requests = {.name = "requests_total",
                                 .help = "Requests by status.",
                                 .kind = METRIC_COUNTER,
                                 .series = requests_series,
                                 .count = 2};

static struct metric_series queue_series[] = {{.labels = ""}};
static struct metric queue = {.name = "queue_messages",
                              .help = "Messages that wait.",
                              .kind = METRIC_GAUGE,
                              .series = queue_series,
                              .count = 1};

static struct metric_series duration_series[] = {{.labels = ""}, {.labels = "kind=\"x\""}};
static struct metric duration = {.name = "duration_seconds",
                                 .help = "How long it took.",
                                 .kind = METRIC_HISTOGRAM,
                                 .series = duration_series,
                                 .count = 2};

static struct metric_series ages_series[] = {{.labels = ""}};
static struct metric ages = {.name = "ages_seconds",
                             .help = "Ages.",
                             .kind = METRIC_HISTOGRAM,
                             .series = ages_series,
                             .count = 1,
                             .first_bound = 1000000};

static struct metric_series sizes_series[] = {{.labels = "of=\"a\""}};
static struct metric sizes = {.name = "batch_size",
                              .help = "Sizes.",
                              .kind = METRIC_SIZES,
                              .series = sizes_series,
                              .count = 1,
                              .first_bound = 8};

static char text[65536];

static void keep(struct buf *out)
{
    memcpy(text, out->data, out->len);
    text[out->len] = '\0';
    buf_done(out);
}

static void render(void)
{
    struct buf out;
    buf_init(&out, sizeof(text) - 1);
    assert_true(metrics_render(&out));
    keep(&out);
}

static void assert_line(const char *line)
{
    const char *at = strstr(text, line);
    if (at == NULL || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line \"%s\" in\n%s", line, text);
}

/* The number after the name at the beginning of a line. */
static double value_of(const char *name)
{
    char start[100];
    double value = -1;
    (void)snprintf(start, sizeof(start), "\n%s ", name);
    const char *at = strstr(text, start);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(start), "%lf", &value), 1);
    return value;
}

static int add_families(void **state)
{
    (void)state;
    log_init("telefact-test", "1.2.3", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    metrics_add(&requests);
    metrics_add(&queue);
    metrics_add(&duration);
    metrics_add(&ages);
    metrics_add(&sizes);
    return 0;
}

static void counters_and_gauges_are_lines(void **state)
{
    (void)state;
    metric_add(&requests_series[0], 1);
    metric_add(&requests_series[0], 2);
    metric_set(&queue_series[0], -7);
    render();
    assert_line("# HELP requests_total Requests by status.");
    assert_line("# TYPE requests_total counter");
    assert_line("requests_total{code=\"200\"} 3");
    assert_line("requests_total{code=\"503\"} 0");
    assert_line("# TYPE queue_messages gauge");
    assert_line("queue_messages -7");
    assert_int_equal(metric_get(&requests_series[0]), 3);
    assert_memory_equal(text, "# HELP requests_total", 21); /* in order of registration */
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    static const int64_t values[] = {-5, 0, 1000, 1001, 8192000, 8192001, 60000000};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        metric_observe_us(&duration_series[1], values[i]);
    render();
    assert_line("# TYPE duration_seconds histogram");
    assert_line("duration_seconds_bucket{le=\"0.001\"} 0");
    assert_line("duration_seconds_count 0");
    assert_line("duration_seconds_sum 0.000000");
    assert_line("duration_seconds_bucket{kind=\"x\",le=\"0.001\"} 3");
    assert_line("duration_seconds_bucket{kind=\"x\",le=\"0.002\"} 4");
    assert_line("duration_seconds_bucket{kind=\"x\",le=\"4.096\"} 4");
    assert_line("duration_seconds_bucket{kind=\"x\",le=\"8.192\"} 5");
    assert_line("duration_seconds_bucket{kind=\"x\",le=\"+Inf\"} 7");
    assert_line("duration_seconds_sum{kind=\"x\"} 76.386002");
    assert_line("duration_seconds_count{kind=\"x\"} 7");
}

static void bounds_begin_where_the_family_says(void **state)
{
    (void)state;
    static const int64_t seconds[] = {0, 1, 2, 3, 8192, 8193};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
        metric_observe(&ages, &ages_series[0], seconds[i] * 1000000);
    metric_observe(&sizes, &sizes_series[0], 8);
    metric_observe(&sizes, &sizes_series[0], 65537);
    render();
    assert_line("# TYPE ages_seconds histogram");
    assert_line("ages_seconds_bucket{le=\"1.0\"} 2");
    assert_line("ages_seconds_bucket{le=\"2.0\"} 3");
    assert_line("ages_seconds_bucket{le=\"4.0\"} 4");
    assert_line("ages_seconds_bucket{le=\"8192.0\"} 5");
    assert_line("ages_seconds_bucket{le=\"+Inf\"} 6");
    assert_line("ages_seconds_sum 16391.000000");
    assert_line("# TYPE batch_size histogram");
    assert_line("batch_size_bucket{of=\"a\",le=\"8.0\"} 1");
    assert_line("batch_size_bucket{of=\"a\",le=\"65536.0\"} 1");
    assert_line("batch_size_bucket{of=\"a\",le=\"+Inf\"} 2");
    assert_line("batch_size_sum{of=\"a\"} 65545");
    assert_line("batch_size_count{of=\"a\"} 2");
}

static void a_tally_is_added_at_once(void **state)
{
    (void)state;
    struct metric_tally tally = {0};
    metric_tally_add(&tally, &ages, -1);
    metric_tally_add(&tally, &ages, 1000001);
    metric_tally_add(&tally, &ages, INT64_C(9000000000));
    metric_add_tally(&ages_series[0], &tally);
    metric_add_tally(&ages_series[0], &(struct metric_tally){0});
    render();
    assert_line("ages_seconds_bucket{le=\"1.0\"} 3");
    assert_line("ages_seconds_bucket{le=\"2.0\"} 5");
    assert_line("ages_seconds_bucket{le=\"8192.0\"} 7");
    assert_line("ages_seconds_bucket{le=\"+Inf\"} 9");
    assert_line("ages_seconds_sum 25392.000001");
}

static void openmetrics_names_families_its_own_way(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, sizeof(text) - 1);
    assert_true(metrics_render_openmetrics(&out));
    keep(&out);
    assert_line("# HELP requests Requests by status.");
    assert_line("# TYPE requests counter");
    assert_line("requests_total{code=\"200\"} 3");
    assert_line("# TYPE duration_seconds histogram");
    assert_line("duration_seconds_bucket{kind=\"x\",le=\"0.002\"} 4");
    assert_line("# TYPE process_cpu_seconds counter");
    assert_line("# TYPE telefact_build info");
    assert_line("telefact_build_info{service=\"telefact-test\",version=\"1.2.3\"} 1");
    assert_null(strstr(text, "# TYPE requests_total"));
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    render();
    assert_null(strstr(text, "# EOF"));
    assert_line("# TYPE telefact_build_info gauge");
}

static void process_and_build_are_told(void **state)
{
    (void)state;
    render();
    assert_line("telefact_build_info{service=\"telefact-test\",version=\"1.2.3\"} 1");
    assert_line("log_lines_dropped_total 0");
    assert_true(value_of("process_resident_memory_bytes") > 100000);
    assert_true(value_of("process_virtual_memory_bytes") >
                value_of("process_resident_memory_bytes"));
    assert_true(value_of("process_threads") >= 1);
    assert_true(value_of("process_open_fds") >= 3);
    assert_true(value_of("process_max_fds") >= 3);
    assert_true(value_of("process_start_time_seconds") > 1.7e9);
    assert_true(value_of("process_cpu_seconds_total") >= 0);
}

static void *count_many(void *self)
{
    for (int i = 0; i < 1000; i++) {
        metric_add(&requests_series[1], 1);
        metric_observe_us(&duration_series[0], 1500);
    }
    return self;
}

static void threads_count_together(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    render();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    render();
    assert_line("requests_total{code=\"503\"} 4000");
    assert_line("duration_seconds_bucket{le=\"0.002\"} 4000");
    assert_line("duration_seconds_count 4000");
}

static void too_small_a_buffer_is_told(void **state)
{
    (void)state;
    struct buf whole;
    buf_init(&whole, 65536);
    assert_true(metrics_render(&whole));
    /* Digits may come to process_* meanwhile, never so many. */
    for (size_t max = 0; max + 100 < whole.len; max += 7) {
        struct buf out;
        buf_init(&out, max);
        assert_false(metrics_render(&out));
        buf_done(&out);
    }
    buf_done(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_lines),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(bounds_begin_where_the_family_says),
        cmocka_unit_test(a_tally_is_added_at_once),
        cmocka_unit_test(openmetrics_names_families_its_own_way),
        cmocka_unit_test(process_and_build_are_told),
        cmocka_unit_test(threads_count_together),
        cmocka_unit_test(too_small_a_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, add_families, NULL);
}
