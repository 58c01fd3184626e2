#include "libs/rpc/tokens.h"

#include "libs/base/buf.h"
#include "libs/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define TOKEN_BYTES_MIN 16U

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(err, ERR_REJECT, "%s", strerror(errno));
    char chunk[4096];
    size_t len;
    bool has_room = true;
    while (has_room && (len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        has_room = buf_append(out, chunk, len);
    bool is_broken = ferror(file) != 0;
    (void)fclose(file);
    if (is_broken)
        return err_set(err, ERR_REJECT, "cannot be read");
    return has_room || err_set(err, ERR_REJECT, "larger than %zu bytes", FILE_BYTES_MAX);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next line without the blanks around it; false at the end. */
static bool next_line(struct bytes *rest, struct bytes *out)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct bytes line = {rest->data, len};
    size_t taken = end == NULL ? len : len + 1;
    *rest = (struct bytes){rest->data + taken, rest->len - taken};
    while (line.len > 0 && (is_blank(line.data[line.len - 1]) || line.data[line.len - 1] == '\r'))
        line.len--;
    while (line.len > 0 && is_blank(line.data[0]))
        line = (struct bytes){line.data + 1, line.len - 1};
    *out = line;
    return true;
}

static bool is_printable(struct bytes token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~')
            return false;
    }
    return true;
}

/* How many tokens the text holds. */
static bool count_tokens(struct bytes text, size_t *out, struct err *err)
{
    struct bytes line;
    size_t count = 0;
    for (int number = 1; next_line(&text, &line); number++) {
        if (line.len == 0 || line.data[0] == '#')
            continue;
        if (line.len < TOKEN_BYTES_MIN)
            return err_set(err, ERR_REJECT, "the token in line %d is shorter than %u bytes", number,
                           TOKEN_BYTES_MIN);
        if (!is_printable(line))
            return err_set(err, ERR_REJECT, "the token in line %d has other than printable ASCII",
                           number);
        count++;
    }
    if (count == 0)
        return err_set(err, ERR_REJECT, "holds no token");
    *out = count;
    return true;
}

/* One block of memory: the items, then all their text. */
static void copy_tokens(struct bytes text, size_t count, struct rpc_tokens *out)
{
    out->items = mem_alloc(count * sizeof(*out->items) + text.len);
    out->count = 0;
    char *at = (char *)(out->items + count);
    struct bytes line;
    while (next_line(&text, &line)) {
        if (line.len == 0 || line.data[0] == '#')
            continue;
        memcpy(at, line.data, line.len);
        out->items[out->count++] = (struct bytes){at, line.len};
        at += line.len;
    }
}

bool rpc_tokens_parse(struct bytes text, struct rpc_tokens *out, struct err *err)
{
    size_t count = 0;
    if (!count_tokens(text, &count, err))
        return false;
    copy_tokens(text, count, out);
    return true;
}

bool rpc_tokens_load(const char *path, struct rpc_tokens *out, struct err *err)
{
    if (path[0] == '\0') {
        *out = (struct rpc_tokens){0};
        return true;
    }
    struct buf file;
    buf_init(&file, FILE_BYTES_MAX);
    bool is_fine = read_file(path, &file, err) && rpc_tokens_parse(buf_bytes(&file), out, err);
    buf_done(&file);
    return is_fine || err_prefix(err, "%s", path);
}

void rpc_tokens_done(struct rpc_tokens *tokens)
{
    free(tokens->items);
    *tokens = (struct rpc_tokens){0};
}

bool rpc_tokens_share(const struct rpc_tokens *a, const struct rpc_tokens *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (bytes_equal(a->items[i], b->items[j]))
                return true;
    return false;
}

/* The host of "host:port", without the brackets of an IPv6 address; false when it does not fit. */
static bool copy_host(const char *listen, char *out, size_t size)
{
    const char *colon = strrchr(listen, ':');
    struct bytes host = {listen, colon == NULL ? strlen(listen) : (size_t)(colon - listen)};
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct bytes){host.data + 1, host.len - 2};
    if (host.len >= size)
        return false;
    memcpy(out, host.data, host.len);
    out[host.len] = '\0';
    return true;
}

bool rpc_listen_is_loopback(const char *listen)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (!copy_host(listen, host, sizeof(host)))
        return false;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24U == 127U;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
