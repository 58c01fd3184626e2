#include "services/store/kafka/renewal.h"

#include "libs/base/err.h"
#include "libs/base/now.h"
#include "tests/support/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GOOD_S INT64_C(4000000000)
#define LATER_MS INT64_C(1000000) /* longer than any wait */

static const struct settings_pairs none;

static void a_client_that_is_well_stays(void **state)
{
    struct renewal renewal;
    (void)state;
    renewal_init(&renewal, &none);
    renewal_note(&renewal, RD_KAFKA_RESP_ERR__TRANSPORT, "a broker went away");
    assert_false(renewal_is_due(&renewal, now_monotonic_ms() + LATER_MS));
    renewal_done(&renewal);
}

static void refused_records_ask_for_a_new_client_again_and_again(void **state)
{
    struct renewal renewal;
    struct err err = {.text = "still refused"};
    (void)state;
    renewal_init(&renewal, &none);
    renewal_note(&renewal, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "no right");
    int64_t now_ms = now_monotonic_ms();
    assert_false(renewal_is_due(&renewal, now_ms)); /* not at once */
    for (int i = 0; i < 5; i++) {
        now_ms += LATER_MS;
        assert_true(renewal_is_due(&renewal, now_ms));
        renewal_failed(&renewal, &err);
        assert_false(renewal_is_due(&renewal, now_ms));
        assert_int_equal(renewal.refusal, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    }
    assert_true(renewal_is_due(&renewal, now_ms + LATER_MS));
    renewal_made(&renewal);
    assert_int_equal(renewal.refusal, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_false(renewal_is_due(&renewal, now_ms + 2 * LATER_MS));
    renewal_done(&renewal);
}

static void changed_files_ask_for_a_new_client(void **state)
{
    struct certificates certificates;
    char path[2 * CERTIFICATES_PATH_MAX];
    struct setting_pair pair = {(char[]){"ssl.ca.location"}, path};
    const struct settings_pairs passed = {&pair, 1};
    struct err err = {.text = "no broker lets us in"};
    struct renewal renewal;
    (void)state;
    certificates_init(&certificates);
    certificates_path(&certificates, "ca.pem", path);
    certificates_write_pem(&certificates, "ca.pem", (const int64_t[]){GOOD_S}, 1);
    renewal_init(&renewal, &passed);
    assert_false(renewal_is_due(&renewal, 0));
    certificates_write_pem(&certificates, "ca.pem", (const int64_t[]){GOOD_S}, 1);
    assert_false(renewal_is_due(&renewal, 10000));
    assert_false(renewal_is_due(&renewal, 10001)); /* not yet time for another look */
    assert_true(renewal_is_due(&renewal, 20000));
    renewal_failed(&renewal, &err);
    assert_false(renewal_is_due(&renewal, 30000));
    assert_true(renewal_is_due(&renewal, 60000)); /* the broker may let them in meanwhile */
    renewal_made(&renewal);
    assert_false(renewal_is_due(&renewal, 200000));
    renewal_done(&renewal);
    certificates_done(&certificates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_is_well_stays),
        cmocka_unit_test(refused_records_ask_for_a_new_client_again_and_again),
        cmocka_unit_test(changed_files_ask_for_a_new_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
