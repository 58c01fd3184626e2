#include "libs/ops/http_refusals.h"

#include "tests/support/capture.h"
#include "tests/support/metrics_text.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct http_refusals refusals;

struct told {
    int status;
    const char *code;
};

static const struct told TOLD[HTTP_REFUSALS] = {
    {0, "unread_answer"},         {400, "malformed_request"}, {404, "unknown_path"},
    {405, "wrong_method"},        {408, "late_request"},      {413, "large_body"},
    {417, "unknown_expectation"}, {431, "large_head"},        {501, "unknown_coding"},
    {505, "unknown_version"},
};

static bool is_counted(const char *code, int count)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "refusals_total{where=\"page\",code=\"%s\"} %d\n", code,
                   count);
    return metrics_text_has(text);
}

static void every_status_has_a_code_a_line_and_a_count(void **state)
{
    (void)state;
    http_refusals_add(&refusals, "page", "page request refused");
    for (size_t i = 0; i < HTTP_REFUSALS; i++) {
        char line[512];
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "where=page code=%s status=%d ", TOLD[i].code,
                       TOLD[i].status);
        assert_true(is_counted(TOLD[i].code, 0));
        struct capture capture = capture_begin();
        http_refusals_tell(&refusals, TOLD[i].status);
        (void)capture_end(&capture, line, sizeof(line));
        assert_non_null(strstr(line, wanted));
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        assert_true(is_counted(TOLD[i].code, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_code_a_line_and_a_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
