/*
 * fuzz_secret: any text as the webhook's secret in a request.
 *
 * Lines are the secret, the previous one and what came. It matches exactly when it is one of the
 * two that are set.
 */
#include "services/gateway/telegram/secret.h"

#include "tests/fuzz/fuzz.h"

static void check(const char *current, const char *previous, struct bytes given)
{
    struct secrets *secrets = secrets_new(current, previous);
    bool is_current = current[0] != '\0' && bytes_equal(given, bytes_of_text(current));
    bool is_previous = previous[0] != '\0' && bytes_equal(given, bytes_of_text(previous));
    DEMAND(secrets_match(secrets, given) == (is_current || is_previous));
    DEMAND(secrets_match(secrets, bytes_of_text(current)) == (current[0] != '\0'));
    DEMAND(secrets_match(secrets, bytes_of_text(previous)) == (previous[0] != '\0'));
    DEMAND(!secrets_match(secrets, (struct bytes){NULL, 0}));
    secrets_free(secrets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = fuzz_bytes(data, size);
    char *current = fuzz_text(fuzz_cut(&rest, '\n'));
    char *previous = fuzz_text(fuzz_cut(&rest, '\n'));
    check(current, previous, rest);
    free(current);
    free(previous);
    return 0;
}
