#include "services/store/ingest_state.h"

#include "libs/base/log.h"
#include "services/store/ingest_metrics.h"

void ingest_tend_letters(struct ingest *ingest, int64_t now_unix_ms)
{
    struct letter_census census;
    struct err err;
    if (ingest->options.dead_letter_ms == 0)
        return;
    if (!ingest->store.tend_letters(ingest->store.self,
                                    now_unix_ms - ingest->options.dead_letter_ms, &census, &err)) {
        log_warn("dead letters could not be looked at, later again", LOG_TEXT("error", err.text));
        return;
    }
    ingest_metrics_letters(&census, now_unix_ms);
    if (census.expired > 0)
        log_info("bytes of dead letters expired", LOG_INT("count", census.expired));
}
