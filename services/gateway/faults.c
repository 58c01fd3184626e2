#include "services/gateway/faults.h"

#include <stddef.h>

#ifdef TELEFACT_FAULTS

const char *const GATEWAY_FAULT_POINTS[] = {
    "gateway.received",       "gateway.translated",
    "gateway.before_produce", "gateway.after_produce",
    "gateway.delivered",      "gateway.before_forward",
    "gateway.after_forward",  "gateway.answered",
    "gateway.polled",         "gateway.before_confirm",
    "publish.received",       "publish.before_produce",
    "publish.after_produce",  "publish.delivered",
    "publish.answered",       NULL,
};

const char *const GATEWAY_FAULT_BUGS[] = {
    "gateway.ack_before_delivery", "gateway.ack_failed_delivery", "gateway.fresh_event_id",
    "gateway.drop_unparsable",     "gateway.key_without_bot",     "gateway.clock_for_date",
    "gateway.no_key_gate",         "gateway.confirm_all_polled",  NULL,
};

#else

typedef int faults_are_not_compiled_in; /* a translation unit must not be empty */

#endif
