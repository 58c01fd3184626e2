/*
 * redact: find and hide bot tokens: six or more digits, ':' (or "%3A"), 35 or more of A-Z a-z 0-9 _
 * -.
 *
 * A token grants full control of a bot and stands in every URL of the Bot API, so texts of other
 * libraries bring it along. Pure; thread-safe.
 */
#ifndef LIBS_BASE_REDACT_H
#define LIBS_BASE_REDACT_H

#include <stddef.h>

#define REDACTED "***"

/* The length of the token that begins at text[0], 0: none. Ask only where no digit stands before.
 */
size_t redact_token_len(const char *text, size_t len);

/* Replace every token by REDACTED, in place. A token that may have been cut by the end of the text
 * is hidden too. Returns the new length. */
size_t redact_tokens(char *text, size_t len);

#endif
