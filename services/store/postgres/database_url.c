#include "services/store/postgres/database_url.h"

#include "libs/base/mem.h"

#include <stdbool.h>
#include <string.h>

char *database_url_conninfo(const char *url)
{
    size_t len = strlen(url);
    const char *scheme_end = strstr(url, "://");
    const char *plus = memchr(url, '+', len);
    bool has_driver = scheme_end != NULL && plus != NULL && plus < scheme_end;
    char *conninfo = mem_text(url, len);
    if (has_driver)
        memmove(conninfo + (plus - url), scheme_end, len - (size_t)(scheme_end - url) + 1);
    return conninfo;
}
