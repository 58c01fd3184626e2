#include "tests/support/certificates.h"

#include <assert.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "telefact test"

void certificates_init(struct certificates *certificates)
{
    (void)snprintf(certificates->folder, sizeof(certificates->folder),
                   "/tmp/telefact-certificates.XXXXXX");
    char *made = mkdtemp(certificates->folder);
    assert(made != NULL);
}

void certificates_path(const struct certificates *certificates, const char *name,
                       char out[2 * CERTIFICATES_PATH_MAX])
{
    (void)snprintf(out, 2 * CERTIFICATES_PATH_MAX, "%s/%s", certificates->folder, name);
}

void certificates_done(struct certificates *certificates)
{
    DIR *folder = opendir(certificates->folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (entry->d_name[0] != '.')
            certificates_remove(certificates, entry->d_name);
    (void)closedir(folder);
    (void)rmdir(certificates->folder);
}

static X509 *make(EVP_PKEY *key, int64_t expires_s)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    ASN1_TIME *begins = ASN1_TIME_set(NULL, 0);
    ASN1_TIME *expires = ASN1_TIME_set(NULL, (time_t)expires_s);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)NAME, -1, -1,
                                     0);
    (void)X509_set_issuer_name(certificate, name);
    (void)X509_set1_notBefore(certificate, begins);
    (void)X509_set1_notAfter(certificate, expires);
    (void)X509_set_pubkey(certificate, key);
    int len = X509_sign(certificate, key, EVP_sha256());
    assert(len > 0);
    ASN1_TIME_free(begins);
    ASN1_TIME_free(expires);
    return certificate;
}

/* Into its place in one step. */
static void put_in_place(const struct certificates *certificates, const char *name)
{
    char from[2 * CERTIFICATES_PATH_MAX];
    char to[2 * CERTIFICATES_PATH_MAX];
    certificates_path(certificates, "part", from);
    certificates_path(certificates, name, to);
    int failed = rename(from, to);
    assert(failed == 0);
}

static FILE *open_part(const struct certificates *certificates)
{
    char path[2 * CERTIFICATES_PATH_MAX];
    certificates_path(certificates, "part", path);
    FILE *file = fopen(path, "w");
    assert(file != NULL);
    return file;
}

void certificates_write_pem(const struct certificates *certificates, const char *name,
                            const int64_t *expires_s, size_t count)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = open_part(certificates);
    (void)PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        X509 *certificate = make(key, expires_s[i]);
        (void)PEM_write_X509(file, certificate);
        X509_free(certificate);
    }
    (void)fclose(file);
    EVP_PKEY_free(key);
    put_in_place(certificates, name);
}

void certificates_write_pkcs12(const struct certificates *certificates, const char *name,
                               const char *password, const int64_t *expires_s, size_t count)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *own = make(key, expires_s[0]);
    STACK_OF(X509) *chain = sk_X509_new_null();
    for (size_t i = 1; i < count; i++)
        (void)sk_X509_push(chain, make(key, expires_s[i]));
    PKCS12 *made = PKCS12_create(password, NAME, key, own, chain, 0, 0, 0, 0, 0);
    FILE *file = open_part(certificates);
    (void)i2d_PKCS12_fp(file, made);
    (void)fclose(file);
    PKCS12_free(made);
    sk_X509_pop_free(chain, X509_free);
    X509_free(own);
    EVP_PKEY_free(key);
    put_in_place(certificates, name);
}

void certificates_write_text(const struct certificates *certificates, const char *name,
                             const char *text)
{
    char path[2 * CERTIFICATES_PATH_MAX];
    certificates_path(certificates, name, path);
    FILE *file = fopen(path, "w");
    assert(file != NULL);
    (void)fputs(text, file);
    (void)fclose(file);
}

void certificates_remove(const struct certificates *certificates, const char *name)
{
    char path[2 * CERTIFICATES_PATH_MAX];
    certificates_path(certificates, name, path);
    (void)unlink(path);
}
