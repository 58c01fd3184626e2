/*
 * refusals: whatever is refused is told in one way: a code, a log line and a count.
 *
 * A module has a static table of what it refuses and adds it before threads start; telling one is
 * for one thread. Codes are for programs to look for: they never change. They stand in the log line
 * (where=… code=…) and in the metric refusals_total{where=…,code=…}, whose series are the list of
 * all codes of a process. A line that traffic can cause stands at most once in LOG_LIMIT_MS, with
 * the count of those between; the metric counts each one.
 */
#ifndef LIBS_OPS_REFUSALS_H
#define LIBS_OPS_REFUSALS_H

#include "libs/base/log.h"
#include "libs/base/log_limit.h"

#define REFUSAL_FIELDS_MAX 8

struct refusal {
    const char *code; /* NULL: an unused row of a table */
    const char *msg;  /* of the log line */
    bool is_alarm;    /* an error for a person, not a warning */
    bool is_each;     /* every line is written: something else bounds them */

    /* Filled in by this module. */
    const char *where;
    size_t number; /* of its series; 0: not added, so not counted */
    struct log_limit limit;
};

/* The table must live for ever; `where` says what was refused ("webhook") and may come again. */
void refusals_add(const char *where, struct refusal *table, size_t count);

/* At most REFUSAL_FIELDS_MAX fields; no payload and no secret in them. */
void refusal_write(struct refusal *refusal, const struct log_field *fields, size_t count);

/* log_refusal(&refusals[WRONG_SECRET], LOG_INT("status", 401)) */
#define log_refusal(...) LOG_REFUSAL(__VA_ARGS__, {0})
#define LOG_REFUSAL(refusal_, ...) \
    refusal_write((refusal_), (const struct log_field[]){__VA_ARGS__}, \
                  sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field) - 1)

#endif
