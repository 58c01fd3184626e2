/*
 * app: the running store, from the first connection to the last commit.
 *
 * Two threads: the main loop serves operators and RPCs and takes signals; the ingest thread moves
 * the log into the tables. They share atomics of ingest and its board (ingest_board.h), nothing
 * else.
 */
#ifndef SERVICES_STORE_APP_H
#define SERVICES_STORE_APP_H

#include "services/store/settings.h"

#define APP_NAME "telefact-store"

/* Serve until SIGTERM. Returns the exit code. */
int app_run(const struct store_settings *settings);

/* Bring the database up to this build's schema. Returns the exit code. */
int app_migrate(const struct store_settings *settings);

/* What only the adapters can tell about the settings. ERR_REJECT. */
MUST_CHECK bool app_check(const struct store_settings *settings, struct err *err);

#endif
