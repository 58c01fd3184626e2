/*
 * fuzz_listen: any text as the address where RPCs are served.
 *
 * What is taken for loopback, and so may do without tokens, is "localhost" or an address that the
 * resolver gives back as loopback and nothing else, whatever its notation.
 */
#include "libs/rpc/tokens.h"

#include "tests/fuzz/fuzz.h"

#include <netdb.h>
#include <netinet/in.h>

/* The host of "host:port", as listen_open takes it apart. */
static char *host_of(const char *text)
{
    const char *colon = strrchr(text, ':');
    struct bytes host = {text, colon == NULL ? strlen(text) : (size_t)(colon - text)};
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct bytes){host.data + 1, host.len - 2};
    return fuzz_text(host);
}

static bool is_loopback(const struct addrinfo *info)
{
    const void *address = info->ai_addr;
    if (info->ai_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    const struct sockaddr_in *v4 = address;
    return info->ai_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static void check_loopback(const char *host)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (strcmp(host, "localhost") == 0)
        return;
    DEMAND(getaddrinfo(host, NULL, &hints, &found) == 0 && found != NULL);
    for (const struct addrinfo *info = found; info != NULL; info = info->ai_next)
        DEMAND(is_loopback(info));
    freeaddrinfo(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(fuzz_bytes(data, size));
    if (rpc_listen_is_loopback(text)) {
        char *host = host_of(text);
        check_loopback(host);
        free(host);
    }
    free(text);
    return 0;
}
