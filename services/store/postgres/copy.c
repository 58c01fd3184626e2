#include "services/store/postgres/copy.h"

#include "libs/base/mem.h"
#include "services/store/postgres/layout.h"

#include <stdlib.h>

#define PIECE_BYTES (64 << 10)

bool copy_begin(struct copy *copy, struct session *session, const char *sql, struct err *err)
{
    if (copy->piece == NULL)
        copy->piece = mem_alloc(PIECE_BYTES + LAYOUT_COPY_ROW_MAX);
    copy->session = session;
    copy->len = (size_t)(layout_copy_header(copy->piece) - copy->piece);
    return session_copy_begin(session, sql, err);
}

char *copy_room(struct copy *copy)
{
    return copy->piece + copy->len;
}

static bool send_piece(struct copy *copy, struct err *err)
{
    size_t len = copy->len;
    copy->len = 0;
    return session_copy_data(copy->session, copy->piece, len, err);
}

bool copy_put(struct copy *copy, const char *end, struct err *err)
{
    copy->len = (size_t)(end - copy->piece);
    return copy->len < PIECE_BYTES || send_piece(copy, err);
}

bool copy_end(struct copy *copy, struct err *err)
{
    copy->len = (size_t)(layout_copy_trailer(copy_room(copy)) - copy->piece);
    return send_piece(copy, err) && session_copy_end(copy->session, err);
}

void copy_done(struct copy *copy)
{
    free(copy->piece);
    *copy = (struct copy){0};
}
