/* Any bytes as the head of a request: read byte by byte it means what it means when read whole. */
#include "libs/http/parser.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum http_parse run_in_steps(struct http_parser *parser, struct bytes data)
{
    enum http_parse result = HTTP_PARSE_MORE;
    http_parser_init(parser);
    for (size_t len = 1; len <= data.len && result == HTTP_PARSE_MORE; len++)
        result = http_parser_run(parser, (struct bytes){data.data, len});
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct bytes head = {(const char *)data, len};
    struct http_parser whole;
    struct http_parser steps;
    http_parser_init(&whole);
    enum http_parse result = http_parser_run(&whole, head);
    enum http_parse stepped = run_in_steps(&steps, head);
    assert(result == stepped);
    if (result == HTTP_PARSE_REFUSED)
        assert(whole.status >= 400 && whole.status == steps.status);
    if (result == HTTP_PARSE_DONE) {
        assert(whole.head_len <= len && whole.head_len == steps.head_len);
        assert(!(whole.head.is_chunked && whole.head.has_length));
        assert(bytes_equal(whole.head.path, steps.head.path));
        assert(whole.head.field_count == steps.head.field_count);
    }
    return 0;
}
