/*
 * fuzz: what the targets share: demands that say what broke, and taking an input apart.
 *
 * Inputs are text where it can be, so that a corpus can be read and written by hand: entries stand
 * on lines of their own.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "libs/base/bytes.h"
#include "libs/base/redact.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert(), whatever a build turns off. */
#define DEMAND(condition) \
    do { \
        if (!(condition)) { \
            (void)fprintf(fuzz_errors(), "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (false)

/* Standard error as it was at the start: a target may turn `stderr` aside. */
static inline FILE *fuzz_errors(void)
{
    static FILE *kept;
    if (kept == NULL)
        kept = stderr;
    return kept;
}

static inline struct bytes fuzz_bytes(const uint8_t *data, size_t size)
{
    return (struct bytes){(const char *)data, size};
}

/* What stands before the first `end`, or all; it is cut off `rest`. */
static inline struct bytes fuzz_cut(struct bytes *rest, char end)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    struct bytes part = {rest->data, at == NULL ? rest->len : (size_t)(at - rest->data)};
    size_t used = at == NULL ? rest->len : part.len + 1;
    *rest = (struct bytes){rest->data + used, rest->len - used};
    return part;
}

/* The next byte, 0 after the end. */
static inline uint8_t fuzz_byte(struct bytes *rest)
{
    if (rest->len == 0)
        return 0;
    uint8_t byte = (uint8_t)rest->data[0];
    *rest = (struct bytes){rest->data + 1, rest->len - 1};
    return byte;
}

/* A copy of its exact size, so that any reading beyond it shows; the caller frees it. */
static inline char *fuzz_copy(struct bytes text)
{
    char *copy = malloc(text.len == 0 ? 1 : text.len);
    DEMAND(copy != NULL);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

/* A copy ended by NUL. */
static inline char *fuzz_text(struct bytes text)
{
    char *copy = malloc(text.len + 1);
    DEMAND(copy != NULL);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* Cut `text` into its lines, in place: at most `max` of them, then NULL. Returns how many. */
static inline int fuzz_lines(char *text, char **lines, int max)
{
    int count = 0;
    for (char *rest = text; rest != NULL && count < max;) {
        lines[count++] = rest;
        rest = strchr(rest, '\n');
        if (rest != NULL)
            *rest++ = '\0';
    }
    lines[count] = NULL;
    return count;
}

/* `text` as an environment, one entry a line, cut in place. Entries that name a secret's file are
 * left out: it could be any file of the machine. */
static inline void fuzz_environment(char *text, char **entries, int max)
{
    int count = 0;
    int lines = fuzz_lines(text, entries, max);
    for (int i = 0; i < lines; i++)
        if (strstr(entries[i], "_FILE=") == NULL)
            entries[count++] = entries[i];
    entries[count] = NULL;
}

static inline bool fuzz_has_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_start = i == 0 || text.data[i - 1] < '0' || text.data[i - 1] > '9';
        if (is_start && redact_token_len(text.data + i, text.len - i) > 0)
            return true;
    }
    return false;
}

/* No control character that could begin another line or move a terminal's cursor. */
static inline bool fuzz_is_one_line(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ')
            return false;
    return true;
}

/* What is written to `file` between begin and end. One for ever: opening costs more than most
 * inputs. */
struct fuzz_output {
    FILE *file;
    char *text;
    size_t len;
};

static inline FILE *fuzz_output_begin(struct fuzz_output *output)
{
    if (output->file == NULL)
        output->file = open_memstream(&output->text, &output->len);
    DEMAND(output->file != NULL);
    rewind(output->file);
    return output->file;
}

static inline struct bytes fuzz_output_end(struct fuzz_output *output)
{
    DEMAND(fflush(output->file) == 0);
    return (struct bytes){output->text, output->len};
}

#endif
