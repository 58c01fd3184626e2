/* process_metrics: what the kernel knows about this process, as Prometheus' process_* families. */
#ifndef LIBS_OPS_PROCESS_METRICS_H
#define LIBS_OPS_PROCESS_METRICS_H

#include "libs/ops/exposition.h"

/* Append them; one that cannot be read is left out. False: the text's maximum is too small. */
MUST_CHECK bool process_metrics_render(const struct exposition *exposition);

#endif
