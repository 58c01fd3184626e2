/*
 * translate_text: the texts of an update as events hold them. Pure; thread-safe.
 */
#ifndef SERVICES_GATEWAY_TRANSLATE_TEXT_H
#define SERVICES_GATEWAY_TRANSLATE_TEXT_H

#include "libs/base/bytes.h"

/* Room for texts that differ from the update's: the link, four names. */
#define SCRATCH_BYTES (2048 + 4 * 256)

/* Memory of changed texts: NULL until the first one, then SCRATCH_BYTES that the caller frees. */
struct scratch {
    char *bytes;
    size_t used;
};

/* At most max bytes of valid UTF-8, cut between characters, each U+0000 replaced by U+FFFD. A text
 * that needs no replacement is a view of `text`. All texts of one scratch together: at most
 * SCRATCH_BYTES of max. */
struct bytes text_fit(struct bytes text, size_t max, struct scratch *scratch);

/* Is the first word of `text` the command ("/start"), alone or as "/start@any_name"? *out_rest is
 * what follows the word and the blanks after it. Words are separated by ASCII white space. */
bool text_is_command(struct bytes text, struct bytes command, struct bytes *out_rest);

#endif
