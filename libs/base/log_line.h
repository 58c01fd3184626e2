/*
 * log_line: the text of one log line, in a fixed buffer.
 *
 * A value that does not fit is cut and ends in "…"; a field whose name does not fit is left out;
 * the line stays well- formed. Bot tokens in values become "***", bytes that are no UTF-8 become
 * U+FFFD. Pure; no memory is allocated.
 */
#ifndef LIBS_BASE_LOG_LINE_H
#define LIBS_BASE_LOG_LINE_H

#include "libs/base/bytes.h"
#include "libs/base/log.h"

#define LOG_LINE_BYTES \
    4096 /* not more than PIPE_BUF, which is written as a whole or not at all \
          */

struct log_line {
    enum log_format format;
    size_t len;
    bool is_full; /* a field was cut or left out: no more fields */
    char text[LOG_LINE_BYTES];
};

void log_line_begin(struct log_line *line, enum log_format format);
void log_line_int(struct log_line *line, const char *key, int64_t number);
void log_line_text(struct log_line *line, const char *key, const char *text); /* NULL: empty */

/* The whole line with its line break; lives as long as `line`. */
struct bytes log_line_end(struct log_line *line);

#endif
