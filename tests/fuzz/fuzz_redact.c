/*
 * fuzz_redact: any text around and without a bot token.
 *
 * The size chooses what is looked at. A token never survives, whatever stands before and behind it;
 * nothing else changes, and hiding twice changes nothing. A failure's text is one line without
 * tokens.
 */
#include "libs/base/redact.h"

#include "libs/base/err.h"
#include "tests/fuzz/fuzz.h"

#define ID "7812345690"
#define SECRET "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw7"

static bool holds(struct bytes text, struct bytes part)
{
    return text.len > 0 && memmem(text.data, text.len, part.data, part.len) != NULL;
}

/* What is left is the text with pieces replaced: the rest stands in its order. */
static void check_kept(struct bytes text, struct bytes kept)
{
    size_t at = 0;
    for (size_t i = 0; i < kept.len; i++) {
        if (kept.data[i] == '*')
            continue;
        while (at < text.len && text.data[at] != kept.data[i])
            at++;
        DEMAND(at < text.len);
        at++;
    }
}

static struct bytes redact(char *text, size_t len)
{
    struct bytes kept = {text, redact_tokens(text, len)};
    DEMAND(kept.len <= len && !fuzz_has_token(kept));
    return kept;
}

static void check_alone(struct bytes text)
{
    char *copy = fuzz_copy(text);
    struct bytes kept = redact(copy, text.len);
    check_kept(text, kept);
    char *again = fuzz_copy(kept);
    DEMAND(bytes_equal(redact(again, kept.len), kept));
    if (memchr(text.data, ':', text.len) == NULL && memchr(text.data, '%', text.len) == NULL)
        DEMAND(bytes_equal(text, kept));
    free(again);
    free(copy);
}

static void check_around(struct bytes before, struct bytes after, const char *separator)
{
    size_t size = before.len + after.len + strlen(ID SECRET) + strlen(separator) + 1;
    char *text = malloc(size);
    DEMAND(text != NULL);
    if (before.len > 0)
        memcpy(text, before.data, before.len);
    size_t len = before.len;
    len += (size_t)snprintf(text + len, size - len, ID "%s" SECRET, separator);
    if (after.len > 0)
        memcpy(text + len, after.data, after.len);
    struct bytes kept = redact(text, len + after.len);
    /* The text around may itself hold it, but not whole tokens. */
    if (!holds(before, BYTES_LITERAL(SECRET)) && !holds(after, BYTES_LITERAL(SECRET)))
        DEMAND(!holds(kept, BYTES_LITERAL(SECRET)));
    free(text);
}

static void check_err(struct bytes text)
{
    struct err err;
    DEMAND(!err_set(&err, ERR_REJECT, "%.*s: refused", (int)text.len, text.data));
    DEMAND(!err_prefix(&err, "%.*s", (int)text.len, text.data));
    struct bytes shown = bytes_of_text(err.text);
    DEMAND(fuzz_is_one_line(shown) && !fuzz_has_token(shown));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = fuzz_bytes(data, size);
    struct bytes after = text;
    struct bytes before = fuzz_cut(&after, '\n');
    switch (size % 4) { /* one of them: an input is as good as any other */
    case 0:
        check_alone(text);
        break;
    case 1:
        check_err(text);
        break;
    case 2:
        check_around(before, after, ":");
        break;
    default:
        check_around(before, after, "%3A");
        break;
    }
    return 0;
}
