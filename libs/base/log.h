/*
 * log: one line an event on standard error, as logfmt or JSON.
 *
 *   log_warn("record not delivered, asking Telegram to retry", LOG_INT("update_id", id),
 * LOG_TEXT("error", err.text));
 *
 * The message is a constant, data goes into fields. Never a token, a password, a message text or a
 * row. Every value passes a redaction of bot tokens ("<digits>:<35 characters>"). Lines are at most
 * 4 KiB, longer ones are cut. A full or closed standard error never blocks work: the line is
 * dropped and counted. Levels: error = a person must act, warn = handled and worth counting, info =
 * state change, debug = per message. Thread-safe.
 */
#ifndef LIBS_BASE_LOG_H
#define LIBS_BASE_LOG_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_field_kind { LOG_FIELD_INT, LOG_FIELD_TEXT, LOG_FIELD_NONE };

struct log_field {
    const char *key;
    enum log_field_kind kind;
    int64_t number;
    const char *text; /* NULL is shown as empty */
};

#define LOG_INT(key_, value_) ((struct log_field){(key_), LOG_FIELD_INT, (value_), NULL})
#define LOG_TEXT(key_, value_) ((struct log_field){(key_), LOG_FIELD_TEXT, 0, (value_)})

/* A text that may be missing: "" leaves the field out. */
static inline struct log_field log_field_some(const char *key, const char *text)
{
    return (struct log_field){key, text[0] == '\0' ? LOG_FIELD_NONE : LOG_FIELD_TEXT, 0, text};
}
#define LOG_SOME(key_, value_) log_field_some((key_), (value_))

/* Once at start, before threads. `service` and `version` stand in every line and must live for
 * ever. */
void log_init(const char *service, const char *version, enum log_level level,
              enum log_format format);
void log_set_level(enum log_level level);

/* Lines that were dropped since the start because standard error took no more. */
uint64_t log_dropped(void);

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t count);

/* What log_init was told; for build_info and user agents. */
const char *log_service(void);
const char *log_version(void);

/* The zero-filled last element lets a call stand without any field. */
#define LOG_FIELDS(level_, msg_, ...) \
    log_write((level_), (msg_), (const struct log_field[]){__VA_ARGS__}, \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field) - 1)
#define LOG_AT(level_, ...) LOG_FIELDS(level_, __VA_ARGS__, {0})

#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
