/* certificates: files with throw-away certificates that sign themselves, for tests. */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

#define CERTIFICATES_PATH_MAX 100

struct certificates { /* a folder of its own; zeroed at first */
    char folder[CERTIFICATES_PATH_MAX];
};

void certificates_init(struct certificates *certificates);
void certificates_done(struct certificates *certificates); /* removes the folder */

void certificates_path(const struct certificates *certificates, const char *name,
                       char out[2 * CERTIFICATES_PATH_MAX]);

/* Write a file of PEM with a private key and one certificate for each of `expires_s` (seconds since
 * 1970). It comes into its place whole, as a new inode. */
void certificates_write_pem(const struct certificates *certificates, const char *name,
                            const int64_t *expires_s, size_t count);

/* The same as PKCS#12: the first is the owner's, the others its chain. */
void certificates_write_pkcs12(const struct certificates *certificates, const char *name,
                               const char *password, const int64_t *expires_s, size_t count);

/* Any bytes, written in place. */
void certificates_write_text(const struct certificates *certificates, const char *name,
                             const char *text);
void certificates_remove(const struct certificates *certificates, const char *name);

#endif
