#include "services/store/page/page_access.h"

#include "libs/http/parser.h"
#include "libs/rpc/tokens.h"

#define HOST_MAX 64

/* What clients and ordinary proxies send of themselves proves nothing. */
static const char *const COMMON[] = {
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "referer",
    "te",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
};

bool page_access_is_on(const struct page_access *access)
{
    return access->is_loopback || access->auth.count > 0 || access->proxy_header[0] != '\0';
}

static bool is_own_name(struct bytes host)
{
    char text[HOST_MAX];
    if (host.data == NULL || host.len >= sizeof(text))
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    return rpc_listen_is_loopback(text);
}

enum page_verdict page_access_judge(const struct page_access *access,
                                    const struct page_caller *caller)
{
    struct rpc_credential credential;
    bool has_tokens = access->auth.count > 0;
    bool has_header = access->proxy_header[0] != '\0';
    if (!page_access_is_on(access))
        return PAGE_OFF;
    if (!has_tokens && !has_header)
        return is_own_name(caller->host) ? PAGE_OPEN : PAGE_FOREIGN_HOST;
    if (has_header && caller->proxy.len > 0)
        return PAGE_OPEN;
    rpc_credential_read(caller->authorization, &credential);
    return has_tokens && rpc_auth_is_accepted(&access->auth, &credential) ? PAGE_OPEN
                                                                          : PAGE_UNAUTHENTICATED;
}

bool page_access_check_header(const char *name, struct err *err)
{
    struct bytes text = bytes_of_text(name);
    for (size_t i = 0; i < text.len; i++)
        if (!http_is_token_char(text.data[i]))
            return err_set(err, ERR_REJECT, "not a name of a header");
    for (size_t i = 0; i < sizeof(COMMON) / sizeof(*COMMON); i++)
        if (http_name_equal(text, bytes_of_text(COMMON[i])))
            return err_set(err, ERR_REJECT,
                           "%s is sent by anybody; name one that the proxy alone sets", COMMON[i]);
    return true;
}
