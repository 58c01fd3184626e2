/*
 * fuzz_http: the request head and chunked bodies, whole and in pieces.
 *
 * The first byte chooses the size of the pieces. Pieces must not change the outcome, and nothing
 * beyond the bytes that have arrived may be read: those are poisoned. Where the body ends is what
 * the only field that says so says.
 */
#include "libs/http/chunks.h"
#include "libs/http/parser.h"

#include "tests/fuzz/fuzz.h"

#include <sanitizer/asan_interface.h>

#define BODY_MAX 4096

struct outcome {
    enum http_parse head;
    enum http_parse body;
    int status;
    size_t used;
    struct buf text; /* of the chunked body */
};

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void check_view(struct bytes view, struct bytes data)
{
    demand(view.len == 0 ||
               (view.data >= data.data && view.data + view.len <= data.data + data.len),
           "a view leaves the head");
}

/* How many fields have this name; *out is the value of the last one. */
static size_t count_fields(const struct http_head *head, const char *name, struct bytes *out)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!http_name_equal(head->fields[i].name, bytes_of_text(name)))
            continue;
        *out = head->fields[i].value;
        count++;
    }
    return count;
}

static void check_framing(const struct http_head *head)
{
    struct bytes value = {0};
    size_t codings = count_fields(head, "Transfer-Encoding", &value);
    demand(codings == (head->is_chunked ? 1 : 0), "a coding that is not undone");
    demand(codings == 0 || http_name_equal(value, BYTES_LITERAL("chunked")), "another coding");
    size_t lengths = count_fields(head, "Content-Length", &value);
    demand(lengths == (head->has_length ? 1 : 0), "a length that does not count");
    if (lengths > 0) {
        char *text = fuzz_text(value);
        demand(value.len > 0 && strspn(text, "0123456789") == value.len, "no plain number");
        demand(head->length == (value.len > 19 ? UINT64_MAX : strtoull(text, NULL, 10)),
               "another length");
        free(text);
    }
    size_t hosts = count_fields(head, "Host", &value);
    demand(hosts == 1 || (hosts == 0 && head->is_http_1_0), "not one host");
    if (count_fields(head, "Connection", &value) > 0 &&
        http_name_equal(value, BYTES_LITERAL("close")))
        demand(!head->is_keep_alive, "kept alive against its will");
}

static void check_head(const struct http_parser *parser, struct bytes data)
{
    const struct http_head *head = &parser->head;
    demand(parser->head_len <= data.len, "the head is longer than the data");
    demand(head->path.len > 0 && head->path.data[0] == '/', "the path has no '/'");
    demand(!(head->is_chunked && head->has_length), "two framings");
    check_framing(head);
    check_view(head->method, data);
    check_view(head->path, data);
    check_view(head->query, data);
    for (size_t i = 0; i < head->field_count; i++) {
        check_view(head->fields[i].name, data);
        check_view(head->fields[i].value, data);
    }
}

static void run_body(struct bytes data, size_t piece, struct outcome *outcome)
{
    struct http_chunks chunks;
    http_chunks_init(&chunks);
    while (outcome->body == HTTP_PARSE_MORE && outcome->used < data.len) {
        size_t left = data.len - outcome->used;
        size_t len = left < piece ? left : piece;
        char *copy = malloc(len); /* of its exact size, so that any reading beyond it shows */
        demand(copy != NULL, "memory");
        memcpy(copy, data.data + outcome->used, len);
        size_t used = 0;
        outcome->body = http_chunks_run(&chunks, (struct bytes){copy, len}, &outcome->text, &used);
        free(copy);
        demand(used <= len, "more was used than there is");
        demand(used == len || outcome->body != HTTP_PARSE_MORE, "bytes were left without reason");
        outcome->used += used;
    }
    outcome->status = chunks.status;
    demand(outcome->text.len <= BODY_MAX, "the body passes its maximum");
}

static struct outcome run(struct bytes data, size_t piece)
{
    static struct http_parser parser;
    struct outcome outcome = {.head = HTTP_PARSE_MORE, .body = HTTP_PARSE_MORE};
    buf_init(&outcome.text, BODY_MAX);
    http_parser_init(&parser);
    for (size_t end = 0; outcome.head == HTTP_PARSE_MORE && end < data.len;) {
        end = data.len - end < piece ? data.len : end + piece;
        ASAN_POISON_MEMORY_REGION(data.data + end, data.len - end);
        outcome.head = http_parser_run(&parser, (struct bytes){data.data, end});
        ASAN_UNPOISON_MEMORY_REGION(data.data + end, data.len - end);
    }
    outcome.status = parser.status;
    if (outcome.head == HTTP_PARSE_REFUSED)
        demand(parser.status >= 400 && parser.status < 600, "refused without a status");
    if (outcome.head != HTTP_PARSE_DONE)
        return outcome;
    check_head(&parser, data);
    outcome.used = parser.head_len;
    if (parser.head.is_chunked)
        run_body(data, piece, &outcome);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *copy = malloc(size);
    demand(copy != NULL, "memory");
    memcpy(copy, data + 1, size - 1);
    struct bytes all = {copy, size - 1};

    struct outcome whole = run(all, size);
    struct outcome pieces = run(all, data[0] % 16U + 1);
    demand(whole.head == pieces.head && whole.body == pieces.body, "pieces change the result");
    demand(whole.status == pieces.status && whole.used == pieces.used, "pieces change the status");
    demand(bytes_equal(buf_bytes(&whole.text), buf_bytes(&pieces.text)), "pieces change the body");
    buf_done(&whole.text);
    buf_done(&pieces.text);
    free(copy);
    return 0;
}
