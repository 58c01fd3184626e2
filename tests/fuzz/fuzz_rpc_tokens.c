/*
 * fuzz_rpc_tokens: any bytes as a file of bearer tokens.
 *
 * The first line is what a client brings, the rest is the file. It is accepted exactly when a plain
 * reading finds only good tokens; those, and no others, are then let in. A refusal says where and
 * holds nothing of the file.
 */
#include "libs/rpc/tokens.h"

#include "libs/rpc/auth.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

#define TOKENS_MAX 64

static struct bytes trim(struct bytes line)
{
    while (line.len > 0 && (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t' ||
                            line.data[line.len - 1] == '\r'))
        line.len--;
    while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        line = (struct bytes){line.data + 1, line.len - 1};
    return line;
}

static bool is_good(struct bytes token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] < '!' || token.data[i] > '~')
            return false;
    return token.len >= 16;
}

/* How many tokens; -1: a line is none. */
static int read_tokens(struct bytes file, struct bytes out[TOKENS_MAX])
{
    int count = 0;
    while (file.len > 0 && count < TOKENS_MAX) {
        struct bytes line = trim(fuzz_cut(&file, '\n'));
        if (line.len == 0 || line.data[0] == '#')
            continue;
        if (!is_good(line))
            return -1;
        out[count++] = line;
    }
    return count;
}

static bool is_accepted(const struct rpc_auth *auth, struct bytes header)
{
    struct rpc_credential credential;
    rpc_credential_read(header, &credential);
    return rpc_auth_is_accepted(auth, &credential);
}

static bool is_let_in(const struct rpc_auth *auth, struct bytes token)
{
    char *header = malloc(token.len + strlen("bearer "));
    DEMAND(header != NULL);
    memcpy(header, "bearer ", strlen("bearer "));
    if (token.len > 0)
        memcpy(header + strlen("bearer "), token.data, token.len);
    bool is_in = is_accepted(auth, (struct bytes){header, token.len + strlen("bearer ")});
    free(header);
    return is_in;
}

/* The line as a whole header value: one of the tokens behind the scheme. */
static bool is_known_header(const struct rpc_tokens *tokens, struct bytes header)
{
    static const char scheme[] = "bearer ";
    size_t len = strlen(scheme);
    if (header.len < len || strncasecmp(header.data, scheme, len) != 0)
        return false;
    struct bytes token = {header.data + len, header.len - len};
    for (size_t i = 0; i < tokens->count; i++)
        if (bytes_equal(token, tokens->items[i]))
            return true;
    return false;
}

static void check_auth(const struct rpc_tokens *tokens, struct bytes client)
{
    struct rpc_auth auth;
    bool is_known = false;
    rpc_auth_init(&auth, tokens->items, tokens->count);
    for (size_t i = 0; i < tokens->count; i++) {
        is_known = is_known || bytes_equal(client, tokens->items[i]);
        DEMAND(is_let_in(&auth, tokens->items[i]));
        DEMAND(!is_let_in(&auth, (struct bytes){tokens->items[i].data, 15}));
    }
    DEMAND(is_let_in(&auth, client) == is_known);
    DEMAND(is_accepted(&auth, client) == is_known_header(tokens, client));
    DEMAND(!is_accepted(&auth, (struct bytes){NULL, 0}));
    rpc_auth_done(&auth);
}

static bool is_refusal(const char *text)
{
    static const char *const pieces[] = {"the token in line ", "is shorter than 16 bytes",
                                         "has other than printable ASCII"};
    if (strcmp(text, "holds no token") == 0)
        return true;
    if (strncmp(text, pieces[0], strlen(pieces[0])) != 0)
        return false;
    char *end = NULL;
    long line = strtol(text + strlen(pieces[0]), &end, 10);
    return line > 0 && *end == ' ' &&
           (strcmp(end + 1, pieces[1]) == 0 || strcmp(end + 1, pieces[2]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes expected[TOKENS_MAX];
    struct rpc_tokens tokens = {0};
    struct err err = {0};
    struct bytes file = fuzz_bytes(data, size);
    struct bytes client = fuzz_cut(&file, '\n');
    int count = read_tokens(file, expected);
    if (count == TOKENS_MAX)
        return -1;
    bool is_fine = rpc_tokens_parse(file, &tokens, &err);
    DEMAND(is_fine == (count > 0));
    if (is_fine) {
        DEMAND(tokens.count == (size_t)count);
        for (int i = 0; i < count; i++)
            DEMAND(bytes_equal(tokens.items[i], expected[i]));
        check_auth(&tokens, client);
    } else {
        DEMAND(err.kind == ERR_REJECT && tokens.items == NULL && is_refusal(err.text));
    }
    rpc_tokens_done(&tokens);
    return 0;
}
