/* database_url: the connection string that libpq understands, from what SQLAlchemy users write. */
#ifndef SERVICES_STORE_POSTGRES_DATABASE_URL_H
#define SERVICES_STORE_POSTGRES_DATABASE_URL_H

/* "postgresql+asyncpg://…" (or any other driver) without the driver; anything else as it is. The
 * caller frees it. */
char *database_url_conninfo(const char *url);

#endif
