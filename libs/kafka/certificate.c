#include "libs/kafka/certificate.h"

#include "libs/base/cleanup.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#define DAY_S 86400

static void free_stack(STACK_OF(X509) * stack)
{
    sk_X509_pop_free(stack, X509_free);
}

static void free_bio(BIO *bio)
{
    (void)BIO_free(bio);
}

DEFINE_AUTO(bio, BIO *, free_bio)
DEFINE_AUTO(x509, X509 *, X509_free)
DEFINE_AUTO(stack, STACK_OF(X509) *, free_stack)
DEFINE_AUTO(pkcs12, PKCS12 *, PKCS12_free)
DEFINE_AUTO(pkey, EVP_PKEY *, EVP_PKEY_free)
DEFINE_AUTO(time, ASN1_TIME *, ASN1_TIME_free)

/* What a file told so far. */
struct reading {
    struct certificate_dates dates;
    int count;
};

static bool add(struct reading *reading, const X509 *certificate)
{
    int days = 0;
    int seconds = 0;
    AUTO(time) ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    if (epoch == NULL ||
        ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) != 1)
        return false;
    int64_t expires_s = (int64_t)days * DAY_S + seconds;
    if (reading->count == 0 || expires_s < reading->dates.first_s)
        reading->dates.first_s = expires_s;
    if (reading->count == 0 || expires_s > reading->dates.last_s)
        reading->dates.last_s = expires_s;
    reading->count++;
    return true;
}

static bool read_pem(BIO *bio, struct reading *out)
{
    static char no_password[] = ""; /* without one OpenSSL would ask at the terminal */
    for (;;) {
        AUTO(x509) X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, no_password);
        if (certificate == NULL)
            return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; /* the end */
        if (!add(out, certificate))
            return false;
    }
}

static bool read_pkcs12(BIO *bio, const char *password, struct reading *out)
{
    EVP_PKEY *found_key = NULL;
    X509 *found = NULL;
    STACK_OF(X509) *found_chain = NULL;
    AUTO(pkcs12) PKCS12 *file = d2i_PKCS12_bio(bio, NULL);
    if (file == NULL || PKCS12_parse(file, password, &found_key, &found, &found_chain) != 1)
        return false;
    AUTO(pkey) EVP_PKEY *key = found_key;
    AUTO(x509) X509 *own = found;
    AUTO(stack) STACK_OF(X509) *chain = found_chain;
    bool fits = own == NULL || add(out, own);
    for (int i = 0; fits && i < sk_X509_num(chain); i++)
        fits = add(out, sk_X509_value(chain, i));
    (void)key;
    return fits;
}

bool certificate_read_dates(const char *path, const char *pkcs12_password,
                            struct certificate_dates *out, struct err *err)
{
    struct reading reading = {0};
    AUTO(bio) BIO *bio = BIO_new_file(path, "rb");
    bool is_read =
        bio != NULL && (pkcs12_password == NULL ? read_pem(bio, &reading)
                                                : read_pkcs12(bio, pkcs12_password, &reading));
    ERR_clear_error();
    if (bio == NULL)
        return err_set(err, ERR_REJECT, "%s cannot be opened", path);
    if (!is_read || reading.count == 0)
        return err_set(err, ERR_REJECT, "%s holds no certificate that can be read", path);
    *out = reading.dates;
    return true;
}
