#include "services/store/page/page_refusals.h"

#include "libs/ops/refusals.h"

#define REFUSED "request of the status page refused"

static const int STATUS[PAGE_REFUSALS] = {
    [PAGE_WRONG_ARGUMENT] = 400, [PAGE_NO_TOKEN] = 401, [PAGE_WRONG_HOST] = 403,
    [PAGE_NOT_SERVED] = 404,     [PAGE_TOO_MANY] = 503, [PAGE_UNAVAILABLE] = 503,
};

static struct refusal table[PAGE_REFUSALS] = {
    [PAGE_WRONG_ARGUMENT] = {.code = "wrong_argument", .msg = REFUSED},
    [PAGE_NO_TOKEN] = {.code = "unauthenticated", .msg = REFUSED},
    [PAGE_WRONG_HOST] = {.code = "foreign_host", .msg = REFUSED},
    [PAGE_NOT_SERVED] = {.code = "not_served", .msg = REFUSED},
    [PAGE_TOO_MANY] = {.code = "too_many", .msg = REFUSED},
    [PAGE_UNAVAILABLE] = {.code = "unavailable", .msg = REFUSED},
};

void page_refusals_add(void)
{
    refusals_add("page", table, PAGE_REFUSALS);
}

int page_refusal_status(enum page_refusal refusal)
{
    return STATUS[refusal];
}

void page_refusal_tell(enum page_refusal refusal, const char *why)
{
    log_refusal(&table[refusal], LOG_INT("status", STATUS[refusal]), LOG_TEXT("why", why));
}
