/* settings_value: one row's text to its field and back. Pure, apart from the memory of texts. */
#ifndef LIBS_BASE_SETTINGS_VALUE_H
#define LIBS_BASE_SETTINGS_VALUE_H

#include "libs/base/buf.h"
#include "libs/base/settings.h"

/* Store `text` in the row's field of `settings`. ERR_REJECT says what is wrong; a secret is not
 * quoted in it. */
MUST_CHECK bool settings_value_set(const struct setting *row, const char *text, void *settings,
                                   struct err *err);

/* Release the field; a secret is wiped before. */
void settings_value_done(const struct setting *row, void *settings);

/* Append the field as the text that settings_value_set takes; a secret as "***" when it is not
 * empty. False: out is full. */
MUST_CHECK bool settings_value_show(const struct setting *row, const void *settings,
                                    struct buf *out);

/* Append the choices, comma separated. */
MUST_CHECK bool settings_value_choices(const struct setting *row, struct buf *out);

#endif
