#include "services/store/postgres/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_failure_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate, *constraint;
        enum apply_result result;
    } cases[] = {
        {"", "", APPLY_UNWELL},
        {"08006", "", APPLY_UNWELL},
        {"40001", "", APPLY_UNWELL},
        {"40P01", "", APPLY_UNWELL},
        {"53100", "", APPLY_UNWELL},
        {"53300", "", APPLY_UNWELL},
        {"57014", "", APPLY_UNWELL},
        {"57P01", "", APPLY_UNWELL},
        {"58030", "", APPLY_UNWELL},
        {"55P03", "", APPLY_UNWELL},
        {"25006", "", APPLY_UNWELL},
        {"25P02", "", APPLY_BUG},
        {"23505", "videos_pkey", APPLY_DUPLICATE},
        {"23505", "music_pkey", APPLY_DUPLICATE},
        {"23505", "applied_pkey", APPLY_DUPLICATE},
        {"23505", "totals_pkey", APPLY_BUG},
        {"23505", "", APPLY_BUG},
        {"22003", "", APPLY_BAD_ROW},
        {"22021", "", APPLY_BAD_ROW},
        {"22P05", "", APPLY_BAD_ROW},
        {"22P04", "", APPLY_BUG},
        {"23502", "", APPLY_BAD_ROW},
        {"23514", "", APPLY_BAD_ROW},
        {"54000", "", APPLY_BAD_ROW},
        {"42P01", "", APPLY_BUG},
        {"XX000", "", APPLY_BUG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(sqlstate_blame(cases[i].sqlstate, cases[i].constraint), cases[i].result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_has_its_meaning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
