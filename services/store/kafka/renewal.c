#include "services/store/kafka/renewal.h"

#include "libs/base/now.h"
#include "libs/base/random.h"
#include "libs/kafka/refusal.h"
#include "libs/kafka/tls_files.h"

#define REFUSED_FIRST_MS 500
#define REFUSED_MAX_MS 5000

void renewal_init(struct renewal *renewal, const struct settings_pairs *passed)
{
    *renewal = (struct renewal){
        .files = tls_files_new(passed),
        .backoff = {.first_ms = REFUSED_FIRST_MS, .max_ms = REFUSED_MAX_MS},
    };
}

void renewal_done(struct renewal *renewal)
{
    tls_files_free(renewal->files);
}

static bool have_files_changed(struct renewal *renewal, int64_t now_ms)
{
    if (renewal->files == NULL || now_ms < renewal->look_at_ms)
        return false;
    renewal->look_at_ms = now_ms + TLS_FILES_LOOK_MS;
    return tls_files_look(renewal->files, now_ms);
}

static bool is_retry_due(struct renewal *renewal, int64_t now_ms)
{
    if (renewal->refusal == RD_KAFKA_RESP_ERR_NO_ERROR || now_ms < renewal->retry_at_ms)
        return false;
    renewal->retry_at_ms = now_ms + backoff_next(&renewal->backoff, random_u32());
    return true;
}

bool renewal_is_due(struct renewal *renewal, int64_t now_ms)
{
    renewal->has_changed_files = have_files_changed(renewal, now_ms);
    return renewal->has_changed_files || is_retry_due(renewal, now_ms);
}

void renewal_made(struct renewal *renewal)
{
    renewal->refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (renewal->has_changed_files)
        tls_files_taken(renewal->files);
    renewal->has_changed_files = false;
}

void renewal_failed(struct renewal *renewal, const struct err *err)
{
    if (renewal->has_changed_files)
        tls_files_refused(err->text);
    else
        (void)kafka_refusal_tell(renewal->refusal, err->text);
    renewal->has_changed_files = false;
}

void renewal_note(struct renewal *renewal, rd_kafka_resp_err_t code, const char *text)
{
    if (!kafka_refusal_tell(code, text) || renewal->refusal != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    renewal->refusal = code;
    renewal->retry_at_ms = now_monotonic_ms() + backoff_next(&renewal->backoff, random_u32());
}
