#include "libs/kafka/certificate.h"

#include "tests/support/certificates.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SOON_S INT64_C(1800000000)
#define LATER_S INT64_C(1900000000)
#define BEFORE_S INT64_C(1000000000)
#define FAR_S INT64_C(32503680000) /* the year 3000 */

static struct certificates files;

static int set_up(void **state)
{
    (void)state;
    certificates_init(&files);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    certificates_done(&files);
    return 0;
}

static void expect(const char *name, const char *password, int64_t first_s, int64_t last_s)
{
    char path[2 * CERTIFICATES_PATH_MAX];
    struct certificate_dates dates;
    struct err err;
    certificates_path(&files, name, path);
    assert_true(certificate_read_dates(path, password, &dates, &err));
    assert_int_equal(dates.first_s, first_s);
    assert_int_equal(dates.last_s, last_s);
}

static void refuse(const char *name, const char *password, const char *says)
{
    char path[2 * CERTIFICATES_PATH_MAX];
    struct certificate_dates dates;
    struct err err;
    certificates_path(&files, name, path);
    assert_false(certificate_read_dates(path, password, &dates, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_non_null(strstr(err.text, says));
    assert_non_null(strstr(err.text, path));
}

static void one_certificate_is_first_and_last(void **state)
{
    (void)state;
    const int64_t times[] = {BEFORE_S, SOON_S, FAR_S};
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        certificates_write_pem(&files, "one.pem", &times[i], 1);
        expect("one.pem", NULL, times[i], times[i]);
    }
}

static void of_many_the_first_and_the_last_to_expire_are_told(void **state)
{
    (void)state;
    certificates_write_pem(&files, "three.pem", (const int64_t[]){LATER_S, SOON_S, FAR_S}, 3);
    expect("three.pem", NULL, SOON_S, FAR_S);
}

static void a_keystore_is_opened_with_its_password(void **state)
{
    (void)state;
    certificates_write_pkcs12(&files, "a.p12", "canary", (const int64_t[]){LATER_S, SOON_S}, 2);
    expect("a.p12", "canary", SOON_S, LATER_S);
    refuse("a.p12", "wrong", "no certificate that can be read");
    certificates_write_pkcs12(&files, "b.p12", "", (const int64_t[]){SOON_S}, 1);
    expect("b.p12", "", SOON_S, SOON_S);
}

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    refuse("missing.pem", NULL, "cannot be opened");
    certificates_write_text(&files, "empty.pem", "");
    refuse("empty.pem", NULL, "no certificate");
    certificates_write_text(&files, "text.pem", "not a certificate\n");
    refuse("text.pem", NULL, "no certificate");
    certificates_write_text(&files, "cut.pem",
                            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    refuse("cut.pem", NULL, "no certificate");
    refuse("cut.pem", "", "no certificate");
    certificates_write_pem(&files, "key.pem", NULL, 0);
    refuse("key.pem", NULL, "no certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_certificate_is_first_and_last),
        cmocka_unit_test(of_many_the_first_and_the_last_to_expire_are_told),
        cmocka_unit_test(a_keystore_is_opened_with_its_password),
        cmocka_unit_test(what_is_no_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
