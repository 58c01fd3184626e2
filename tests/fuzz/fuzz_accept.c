/*
 * fuzz_accept: any text as the Accept header of who asks for metrics.
 *
 * OpenMetrics goes to nobody who does not name it, and to everybody who adds it to what they said;
 * neither the case nor blanks around it decide.
 */
#include "libs/ops/accept.h"

#include "tests/fuzz/fuzz.h"

#include <ctype.h>

#define ADDED ", application/openmetrics-text;version=1.0.0"

static bool names_openmetrics(const char *lower)
{
    return strstr(lower, "application/openmetrics-text") != NULL;
}

static void check_added(struct bytes text)
{
    char *longer = malloc(text.len + sizeof(ADDED));
    DEMAND(longer != NULL);
    if (text.len > 0)
        memcpy(longer, text.data, text.len);
    memcpy(longer + text.len, ADDED, sizeof(ADDED) - 1);
    DEMAND(accept_prefers_openmetrics((struct bytes){longer, text.len + sizeof(ADDED) - 1}));
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = fuzz_bytes(data, size);
    char *copy = fuzz_copy(text);
    bool prefers = accept_prefers_openmetrics((struct bytes){copy, size});
    free(copy);
    char *lower = fuzz_text(text);
    for (size_t i = 0; i < size; i++)
        lower[i] = (char)tolower((unsigned char)lower[i]);
    DEMAND(prefers == accept_prefers_openmetrics((struct bytes){lower, size}));
    bool has_nul = memchr(lower, '\0', size) != NULL;
    DEMAND(!prefers || has_nul || names_openmetrics(lower));
    check_added(text);
    free(lower);
    return 0;
}
