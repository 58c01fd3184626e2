/*
 * settings_patch: a user's settings, a JSON object, changed by merge patches (RFC 7396).
 *
 * The outcome depends on the values alone, not on how their text is written: PostgreSQL's jsonb
 * writes it anew (spaces, order of members, 1e3 as 1000), and a batch may hold one patch or many.
 * Recursion is bounded by SETTINGS_LEVELS_MAX. Pure; thread-safe.
 */
#ifndef LIBS_JSON_SETTINGS_PATCH_H
#define LIBS_JSON_SETTINGS_PATCH_H

#include "libs/base/buf.h"

#define SETTINGS_LEVELS_MAX 32
/* Of the settings: 8 for each value, and the bytes of all keys and texts. */
#define SETTINGS_WEIGHT_MAX (32 << 10)
/* A number is written in at most so many characters, its exponent is within 308. */
#define SETTINGS_NUMBER_MAX 64
/* Most bytes of the text of settings: every byte of a text escaped, jsonb's long way of writing a
 * number, and its spaces. */
#define SETTINGS_TEXT_MAX (2 << 20)

/* NULL: the patch can be applied. Else what is wrong with it, a constant line that begins with the
 * field: no JSON object, too deep, a member twice, U+0000, a number out of range. */
const char *settings_patch_fault(struct bytes patch);

/* `settings` with the patch (one without a fault) applied, into the empty `out`. False: the result
 * would weigh more than SETTINGS_WEIGHT_MAX. */
MUST_CHECK bool settings_patch_apply(struct bytes settings, struct bytes patch, struct buf *out);

#endif
