/* replay_metrics: how far a rebuild is, for /metrics. Any thread may update; register once, before
 * threads start. */
#ifndef SERVICES_STORE_REPLAY_METRICS_H
#define SERVICES_STORE_REPLAY_METRICS_H

#include "services/store/replay_report.h"

void replay_metrics_add(void);
/* Also how far it and the live one are behind the log: only who rebuilds knows. */
void replay_metrics_add_lags(void);
void replay_metrics_none(void); /* nothing is rebuilt */
void replay_metrics_set(int generation, const struct replay_view *view,
                        const struct replay_speed *speed);

#endif
