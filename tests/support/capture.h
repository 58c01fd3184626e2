/* capture: what is written to standard error between two points, for tests of the log. */
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

#include <stddef.h>

struct capture {
    int reader;
    int kept_stderr;
};

/* From here to capture_end, standard error is a pipe, which takes 64 KiB. */
struct capture capture_begin(void);

/* Read what stands in the pipe and put standard error back. Returns its length. */
size_t capture_end(struct capture *capture, char *out, size_t size);

#endif
