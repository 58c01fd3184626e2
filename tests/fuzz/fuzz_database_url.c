/*
 * fuzz_database_url: any text as STORE_DATABASE_URL.
 *
 * Only a driver behind the scheme is taken out; what is said to be understood libpq understands;
 * and a refusal never holds anything of the text, which has a password in it.
 */
#include "services/store/postgres/database_url.h"

#include "services/store/postgres/connect.h"
#include "tests/fuzz/fuzz.h"

#include <libpq-fe.h>

static void check_conninfo(const char *url, const char *conninfo)
{
    size_t len = strlen(url);
    size_t kept = strlen(conninfo);
    const char *rest = strstr(url, "://");
    DEMAND(kept <= len);
    if (kept == len) {
        DEMAND(strcmp(url, conninfo) == 0);
        return;
    }
    size_t lead = strcspn(url, "+");
    DEMAND(rest != NULL && url + lead < rest && conninfo[lead] != '+');
    DEMAND(strncmp(url, conninfo, lead) == 0 && strcmp(conninfo + lead, rest) == 0);
}

static void check_connect(const char *conninfo)
{
    static char refusal[sizeof((struct err){0}.text)];
    struct err err = {0};
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    if (connect_check(conninfo, &err)) {
        DEMAND(options != NULL);
    } else {
        DEMAND(err.kind == ERR_FATAL);
        if (refusal[0] == '\0')
            memcpy(refusal, err.text, sizeof(refusal));
        DEMAND(strcmp(refusal, err.text) == 0);
    }
    PQconninfoFree(options);
    PQfreemem(why);
}

/* The same URL with a driver behind its scheme. */
static void check_driver(const char *conninfo)
{
    static const char scheme[] = "postgresql";
    if (strncmp(conninfo, "postgresql://", strlen("postgresql://")) != 0)
        return;
    size_t size = strlen(conninfo) + sizeof("+asyncpg");
    char *url = malloc(size);
    DEMAND(url != NULL);
    (void)snprintf(url, size, "%s+asyncpg%s", scheme, conninfo + strlen(scheme));
    char *again = database_url_conninfo(url);
    DEMAND(strcmp(again, conninfo) == 0);
    free(again);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = fuzz_text(fuzz_bytes(data, size));
    char *conninfo = database_url_conninfo(url);
    check_conninfo(url, conninfo);
    check_connect(conninfo);
    check_driver(conninfo);
    free(conninfo);
    free(url);
    return 0;
}
