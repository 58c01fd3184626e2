/*
 * fuzz_settings_patch: any bytes as the merge patch of a user's settings.
 *
 * What has no fault can be applied to any settings, leaves an object without a fault, and applied
 * again changes nothing.
 */
#include "libs/json/settings_patch.h"
#include "tests/fuzz/fuzz.h"

/* False: too heavy. */
static bool apply(struct bytes settings, struct bytes patch, struct buf *out)
{
    buf_init(out, SETTINGS_TEXT_MAX);
    bool is_applied = settings_patch_apply(settings, patch, out);
    DEMAND(is_applied == (out->len > 0));
    DEMAND(!is_applied || settings_patch_fault(buf_bytes(out)) == NULL);
    return is_applied;
}

static void check(struct bytes settings, struct bytes patch)
{
    struct buf once;
    struct buf twice = {0};
    if (apply(settings, patch, &once)) {
        DEMAND(apply(buf_bytes(&once), patch, &twice));
        DEMAND(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
    }
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const settings[] = {
        "{}", "{\"a\":1,\"b\":{\"c\":\"d\",\"e\":[1,{\"f\":null}]},\"g\":\"\\u00e9\"}"};
    struct bytes patch = fuzz_bytes(data, size);
    const char *fault = settings_patch_fault(patch);
    if (fault != NULL) {
        DEMAND(strncmp(fault, "user_settings_patched.merge_patch: ", 35) == 0);
        return 0;
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        check(bytes_of_text(settings[i]), patch);
    return 0;
}
