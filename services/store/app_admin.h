/*
 * app_admin: AdminService of a running store: its tokens, the thread that does the orders, and its
 * own connections to PostgreSQL and Kafka, made when they are needed. Without tokens it is off.
 */
#ifndef SERVICES_STORE_APP_ADMIN_H
#define SERVICES_STORE_APP_ADMIN_H

#include "libs/loop/loop.h"
#include "libs/rpc/server.h"
#include "libs/rpc/tokens.h"
#include "services/store/settings.h"

struct app_admin;

/* What only the tokens' file can tell about the settings; no token may be one of `others`.
 * ERR_REJECT. */
MUST_CHECK bool app_admin_check(const struct store_settings *settings,
                                const struct rpc_tokens *others, struct err *err);

/* ERR_FATAL: the tokens cannot be used. Settings and conninfo are borrowed. */
MUST_CHECK bool app_admin_open(struct loop *loop, const struct store_settings *settings,
                               const char *conninfo, struct app_admin **out, struct err *err);
struct rpc_service app_admin_describe(struct app_admin *admin);
void app_admin_drain(struct app_admin *admin);
bool app_admin_is_idle(const struct app_admin *admin); /* no order is being done */
void app_admin_free(struct app_admin *admin);          /* after the server; NULL is fine */

#endif
