#include "tests/support/metrics_text.h"

#include "libs/base/buf.h"
#include "libs/ops/metrics.h"

#include <assert.h>
#include <string.h>

#define TEXT_MAX (64 << 10)

bool metrics_text_has(const char *part)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    bool fits = metrics_render(&text) && buf_append(&text, "", 1);
    assert(fits);
    bool is_there = strstr(text.data, part) != NULL;
    buf_done(&text);
    return is_there;
}
