#include "services/store/postgres/fence_reader.h"

#include "libs/base/bytes.h"
#include "libs/base/mem.h"
#include "services/store/postgres/generation.h"
#include "services/store/postgres/session.h"

#include <stdio.h>
#include <stdlib.h>

struct fence_reader {
    const struct session_options *options;
    struct session *session; /* NULL: closed */
};

struct fence_reader *fence_reader_new(const struct session_options *options)
{
    struct fence_reader *reader = mem_alloc(sizeof(*reader));
    reader->options = options;
    return reader;
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)bytes_get_int64(bytes_of_text(PQgetvalue(result, row, column)), &number);
    return number;
}

static bool read_fences(struct session *session, struct position *out, struct err *err)
{
    int generation = 0;
    char sql[64];
    AUTO(result) PGresult *result = NULL;
    if (!generation_active(session, &generation, err))
        return false;
    (void)snprintf(sql, sizeof(sql), "SELECT partition, next_offset FROM g%d.fence", generation);
    if (!session_query(session, sql, NULL, &result, err))
        return false;
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++)
        position_raise(out, (int32_t)number_at(result, row, 0), number_at(result, row, 1));
    return true;
}

static bool find_applied(void *self, struct position *out, struct err *err)
{
    struct fence_reader *reader = self;
    if (reader->session != NULL && !session_ok(reader->session)) {
        session_free(reader->session);
        reader->session = NULL;
    }
    return (reader->session != NULL || session_open(reader->options, &reader->session, err)) &&
           read_fences(reader->session, out, err);
}

struct applied_port fence_reader_port(struct fence_reader *reader)
{
    return (struct applied_port){.find = find_applied, .self = reader};
}

void fence_reader_free(struct fence_reader *reader)
{
    if (reader == NULL)
        return;
    session_free(reader->session);
    free(reader);
}
