/* schema_sql: SQL text on the tables of one generation. */
#ifndef SERVICES_STORE_POSTGRES_SCHEMA_SQL_H
#define SERVICES_STORE_POSTGRES_SCHEMA_SQL_H

#define SCHEMA_SQL_MAX (64 << 10) /* bytes of the result; all our texts are far below */

/* `text` with every ":schema" replaced by g<generation>; the caller frees it. The name comes from a
 * number, never from input. */
char *schema_sql(const char *text, int generation);

#endif
