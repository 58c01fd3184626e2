#include "tests/support/capture.h"

#include <assert.h>
#include <unistd.h>

struct capture capture_begin(void)
{
    int ends[2];
    int failed = pipe(ends);
    assert(failed == 0);
    struct capture capture = {.reader = ends[0], .kept_stderr = dup(STDERR_FILENO)};
    int copy = dup2(ends[1], STDERR_FILENO);
    assert(copy >= 0);
    (void)close(ends[1]);
    return capture;
}

size_t capture_end(struct capture *capture, char *out, size_t size)
{
    int copy = dup2(capture->kept_stderr, STDERR_FILENO);
    assert(copy >= 0);
    (void)close(capture->kept_stderr);
    size_t len = 0;
    ssize_t got;
    while (len + 1 < size && (got = read(capture->reader, out + len, size - 1 - len)) > 0)
        len += (size_t)got;
    (void)close(capture->reader);
    out[len] = '\0';
    return len;
}
