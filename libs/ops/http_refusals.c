#include "libs/ops/http_refusals.h"

#include <assert.h>

static const struct {
    int status;
    const char *code;
} CODES[HTTP_REFUSALS] = {
    {0, "unread_answer"},         {400, "malformed_request"}, {404, "unknown_path"},
    {405, "wrong_method"},        {408, "late_request"},      {413, "large_body"},
    {417, "unknown_expectation"}, {431, "large_head"},        {501, "unknown_coding"},
    {505, "unknown_version"},
};

void http_refusals_add(struct http_refusals *refusals, const char *where, const char *msg)
{
    for (size_t i = 0; i < HTTP_REFUSALS; i++)
        refusals->rows[i] = (struct refusal){
            .code = CODES[i].code,
            .msg = CODES[i].status == 0 ? "answer was not taken in time" : msg,
        };
    refusals_add(where, refusals->rows, HTTP_REFUSALS);
}

void http_refusals_tell(struct http_refusals *refusals, int status)
{
    size_t i = 0;
    while (i < HTTP_REFUSALS && CODES[i].status != status)
        i++;
    assert(i < HTTP_REFUSALS);
    log_refusal(&refusals->rows[i], LOG_INT("status", status));
}
