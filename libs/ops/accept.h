/* accept: which form of the metrics the sender of an Accept header prefers. Pure. */
#ifndef LIBS_OPS_ACCEPT_H
#define LIBS_OPS_ACCEPT_H

#include "libs/base/bytes.h"

/* OpenMetrics 1.0, to plain text? What cannot be read of the header counts as not said. */
bool accept_prefers_openmetrics(struct bytes header);

#endif
