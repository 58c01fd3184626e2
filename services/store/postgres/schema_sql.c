#include "services/store/postgres/schema_sql.h"

#include "libs/base/buf.h"

#include <assert.h>
#include <string.h>

char *schema_sql(const char *text, int generation)
{
    static const char MARK[] = ":schema";
    struct buf sql;
    buf_init(&sql, SCHEMA_SQL_MAX);
    bool fits = true;
    for (const char *mark = strstr(text, MARK); mark != NULL; mark = strstr(text, MARK)) {
        fits = fits && buf_append(&sql, text, (size_t)(mark - text)) &&
               buf_appendf(&sql, "g%d", generation);
        text = mark + sizeof(MARK) - 1;
    }
    fits = fits && buf_append(&sql, text, strlen(text) + 1);
    assert(fits);
    return sql.data;
}
