/*
 * tls_files: the files that make a client's TLS: has one changed, and until when are they good?
 *
 * librdkafka reads them once, when a client is made, so a new client is what takes a change up.
 * They are compared by inode and time of change, not read: a look costs a system call a file. A
 * change is told when two looks in a row found the same, so that a key and its certificate, written
 * one after the other, are taken together. What expires raises an alarm, and a gauge tells of all
 * of them when they will. One thread.
 */
#ifndef LIBS_KAFKA_TLS_FILES_H
#define LIBS_KAFKA_TLS_FILES_H

#include "libs/base/settings.h"

/* How often to look: a change is taken up within two seconds, for some system calls a second. */
#define TLS_FILES_LOOK_MS 1000

struct tls_files;

/* The files that these properties of librdkafka name, as they are now; make the first client
 * afterwards. `passed` is borrowed. NULL: it names none, which the other functions take. */
struct tls_files *tls_files_new(const struct settings_pairs *passed);
void tls_files_free(struct tls_files *files);

/* True: they are not those that are in use. Make a new client; then tls_files_taken or
 * tls_files_refused. Until they are taken this is told again, about twice a minute. */
MUST_CHECK bool tls_files_look(struct tls_files *files, int64_t now_ms);

/* The files that the last look told of are in use now. */
void tls_files_taken(struct tls_files *files);

/* They cannot be used, so the old ones stay in use: an alarm. */
void tls_files_refused(const char *why);

/* Register the alarms, and the metrics for what `passed` names; once at start, before
 * tls_files_new. */
void tls_files_add_metrics(const struct settings_pairs *passed);

#endif
