/* replay_metrics: what /metrics says of a rebuild. */
#include "services/store/replay_metrics.h"

#include "tests/support/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void progress_is_shown_as_gauges(void **state)
{
    struct replay_view view = {.state = GENERATION_BUILDING,
                               .is_paused = true,
                               .done = 500,
                               .total = 1000,
                               .behind = 600,
                               .live_behind = 3};
    struct replay_speed speed = {.is_known = true, .per_s = 4.0};
    (void)state;
    replay_metrics_set(2, &view, &speed);
    static const char *const SAMPLES[] = {
        "\nrebuild_generation 2\n",
        "\nrebuild_events_done 500\n",
        "\nrebuild_events_target 1000\n",
        "\nrebuild_events_per_second 4\n",
        "\nrebuild_eta_seconds 125\n",
        "\nrebuild_lag_messages 600\n",
        "\nrebuild_live_lag_messages 3\n",
        "\nrebuild_paused 1\n",
        "\nrebuild_state{state=\"building\"} 1\n",
        "\nrebuild_state{state=\"dropping\"} 0\n",
    };
    for (size_t i = 0; i < sizeof(SAMPLES) / sizeof(*SAMPLES); i++)
        assert_true(metrics_text_has(SAMPLES[i]));
    view.state = GENERATION_READY;
    view.is_paused = false;
    replay_metrics_set(2, &view, &speed);
    assert_true(metrics_text_has("\nrebuild_state{state=\"building\"} 0\n"));
    assert_true(metrics_text_has("\nrebuild_state{state=\"ready\"} 1\n"));
    assert_true(metrics_text_has("\nrebuild_eta_seconds -1\n"));
    assert_true(metrics_text_has("\nrebuild_paused 0\n"));
}

static void without_a_rebuild_there_is_none_in_any_state(void **state)
{
    struct replay_view view = {.state = GENERATION_FAILED, .done = 5, .total = 5};
    struct replay_speed speed = {0};
    (void)state;
    replay_metrics_set(2, &view, &speed);
    assert_true(metrics_text_has("\nrebuild_state{state=\"failed\"} 1\n"));
    replay_metrics_none();
    assert_true(metrics_text_has("\nrebuild_generation 0\n"));
    assert_true(metrics_text_has("\nrebuild_events_target 0\n"));
    assert_true(metrics_text_has("\nrebuild_eta_seconds -1\n"));
    assert_true(metrics_text_has("\nrebuild_state{state=\"failed\"} 0\n"));
}

int main(void)
{
    replay_metrics_add();
    replay_metrics_add_lags();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_is_shown_as_gauges),
        cmocka_unit_test(without_a_rebuild_there_is_none_in_any_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
