#include "services/gateway/translate_text.h"

#include "libs/base/mem.h"

#include <assert.h>

static size_t replace_nul(struct bytes text, size_t max, char *out)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        struct bytes piece = {text.data + at, text.len - at};
        piece.len = bytes_utf8_char(piece);
        at += piece.len;
        if (piece.data[0] == '\0')
            piece = BYTES_LITERAL("\xEF\xBF\xBD"); /* U+FFFD */
        if (piece.len > max - len)
            break;
        memcpy(out + len, piece.data, piece.len);
        len += piece.len;
    }
    return len;
}

struct bytes text_fit(struct bytes text, size_t max, struct scratch *scratch)
{
    struct bytes cut = bytes_cut_utf8(text, max);
    if (cut.len == 0 || memchr(cut.data, '\0', cut.len) == NULL)
        return cut;
    if (scratch->bytes == NULL)
        scratch->bytes = mem_array(SCRATCH_BYTES, 1);
    assert(scratch->used + max <= SCRATCH_BYTES);
    char *out = scratch->bytes + scratch->used;
    size_t len = replace_nul(cut, max, out);
    scratch->used += len;
    return (struct bytes){out, len};
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct bytes skip_blanks(struct bytes text)
{
    while (text.len > 0 && is_blank(text.data[0]))
        text = (struct bytes){text.data + 1, text.len - 1};
    return text;
}

bool text_is_command(struct bytes text, struct bytes command, struct bytes *out_rest)
{
    struct bytes word = skip_blanks(text);
    size_t len = 0;
    while (len < word.len && !is_blank(word.data[len]))
        len++;
    if (len < command.len || memcmp(word.data, command.data, command.len) != 0)
        return false;
    if (len > command.len && word.data[command.len] != '@')
        return false;
    *out_rest = skip_blanks((struct bytes){word.data + len, word.len - len});
    return true;
}
