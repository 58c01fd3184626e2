/*
 * fuzz_rpc_headers: any names and values as the headers of a call.
 *
 * "name value" lines. The list keeps them in order up to its maximum and without the token; the
 * time-out is what a plain reading says; a call is accepted for its token alone. Any text becomes a
 * status message that HTTP/2 can carry and that reads as the same text.
 */
#include "libs/rpc/request.h"
#include "libs/rpc/text.h"
#include "tests/fuzz/fuzz.h"

#define HEADER_MAX 256
#define MESSAGE_MAX 64
#define TOKEN "0123456789abcdef"

/* As gRPC's specification says; -1: not a time-out. Rounded up, so that no call ends early. */
static int64_t read_timeout(struct bytes text)
{
    static const char units[] = "HMSmun";
    static const double ms[] = {3600000, 60000, 1000, 1, 0.001, 0.000001};
    double number = 0;
    if (text.len < 2 || text.len > 9)
        return -1;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        number = number * 10 + (text.data[i] - '0');
    }
    const char *unit = memchr(units, text.data[text.len - 1], sizeof(units) - 1);
    if (unit == NULL)
        return -1;
    double exact = number * ms[unit - units];
    int64_t whole = (int64_t)exact;
    return (double)whole < exact - 0.0000001 ? whole + 1 : whole;
}

static void check_timeout(struct bytes text)
{
    int64_t timeout_ms = -1;
    int64_t expected = read_timeout(text);
    DEMAND(rpc_timeout_parse(text, &timeout_ms) == (expected >= 0));
    DEMAND(timeout_ms == expected);
}

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

static void check_encoded(struct bytes text)
{
    char *encoded = rpc_percent_encode(text);
    size_t at = 0;
    for (const char *c = encoded; *c != '\0'; c++, at++) {
        int byte = (unsigned char)*c;
        DEMAND(byte >= ' ' && byte <= '~' && at < text.len);
        if (byte == '%') {
            byte = hex_value(c[1]) * 16 + hex_value(c[2]);
            c += 2;
        }
        DEMAND(byte == (unsigned char)text.data[at]);
    }
    DEMAND(at == text.len || (at <= RPC_STATUS_TEXT_MAX && at >= RPC_STATUS_TEXT_MAX - 4));
    free(encoded);
}

/* The same behind so much text that it is cut in it. */
static void check_cut(struct bytes end)
{
    enum { LEAD = RPC_STATUS_TEXT_MAX - 4 };
    char *text = malloc(LEAD + end.len);
    DEMAND(text != NULL);
    memset(text, 'x', LEAD);
    if (end.len > 0)
        memcpy(text + LEAD, end.data, end.len);
    check_encoded((struct bytes){text, LEAD + end.len});
    free(text);
}

struct expected {
    size_t left;
    bool is_over;
    bool is_accepted;
    size_t count; /* of the headers that are kept */
};

static void expect(struct expected *expected, struct bytes name, struct bytes value)
{
    size_t size = name.len + value.len + 32;
    if (expected->is_over || size > expected->left) {
        expected->is_over = true;
        return;
    }
    expected->left -= size;
    if (!bytes_equal(name, BYTES_LITERAL("authorization"))) {
        expected->count++;
        return;
    }
    expected->is_accepted = value.len == strlen("Bearer " TOKEN) &&
                            strncasecmp(value.data, "Bearer ", 7) == 0 &&
                            memcmp(value.data + 7, TOKEN, strlen(TOKEN)) == 0;
}

static void check_kept(const struct rpc_request *request, struct bytes text, size_t count)
{
    size_t at = 0;
    struct bytes name;
    struct bytes value;
    while (rpc_headers_next(&request->headers, &at, &name, &value)) {
        struct bytes given = fuzz_cut(&text, '\n');
        struct bytes given_name = fuzz_cut(&given, ' ');
        while (bytes_equal(given_name, BYTES_LITERAL("authorization"))) {
            given = fuzz_cut(&text, '\n');
            given_name = fuzz_cut(&given, ' ');
        }
        DEMAND(bytes_equal(name, given_name) && bytes_equal(value, given));
        DEMAND(rpc_headers_find(&request->headers, name).data != NULL);
        count--;
    }
    DEMAND(count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bytes token = {TOKEN, sizeof(TOKEN) - 1};
    static struct rpc_auth auth;
    struct rpc_request request;
    struct expected expected = {.left = HEADER_MAX};
    if (auth.count == 0)
        rpc_auth_init(&auth, &token, 1);
    rpc_request_init(&request, HEADER_MAX, MESSAGE_MAX);
    for (struct bytes rest = fuzz_bytes(data, size); rest.len > 0;) {
        struct bytes value = fuzz_cut(&rest, '\n');
        struct bytes name = fuzz_cut(&value, ' ');
        expect(&expected, name, value);
        rpc_request_header(&request, name, value);
        check_timeout(value);
        check_encoded(value);
    }
    if (size < 16)
        check_cut(fuzz_bytes(data, size));
    DEMAND(request.is_over == expected.is_over);
    DEMAND(rpc_auth_is_accepted(&auth, &request.credential) == expected.is_accepted);
    check_kept(&request, fuzz_bytes(data, size), expected.count);
    rpc_request_done(&request);
    return 0;
}
