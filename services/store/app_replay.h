/*
 * app_replay: `telefact-store replay …`: makes, fills, watches, swaps and drops generations.
 *
 * Filling is done by the ordinary ingest thread; the main thread leads. Killing it at any moment
 * loses work at most, so a signal that comes during an index or a comparison ends it at once.
 */
#ifndef SERVICES_STORE_APP_REPLAY_H
#define SERVICES_STORE_APP_REPLAY_H

#include "services/store/replay_options.h"
#include "services/store/settings.h"

/* Returns the exit code. */
int app_replay(const struct store_settings *settings, const struct replay_options *options);

#endif
