#include "services/store/postgres/pipeline.h"

#include "libs/base/mem.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_OF_A_STATEMENT 4096 /* bounds the memory of one statement and its answer */

bool pipeline_enter(struct pipeline *pipeline, struct err *err)
{
    pipeline->count = 0;
    return session_enter_pipeline(pipeline->session, err);
}

bool pipeline_send(struct pipeline *pipeline, enum layout_statement statement,
                   const struct session_params *params, struct err *err)
{
    if (pipeline->count == pipeline->capacity) {
        pipeline->capacity += 64;
        pipeline->plan = mem_grow(pipeline->plan, pipeline->capacity, sizeof(*pipeline->plan));
    }
    pipeline->plan[pipeline->count++] = (int)statement;
    return session_send(pipeline->session, layout_name(statement), params, err);
}

bool pipeline_send_plain(struct pipeline *pipeline, enum layout_statement statement,
                         struct err *err)
{
    struct session_params none = {0};
    return pipeline_send(pipeline, statement, &none, err);
}

bool pipeline_send_rows(struct pipeline *pipeline, enum layout_statement statement, struct err *err)
{
    struct layout_columns *columns = &pipeline->columns;
    if (columns->arrays[0].count == 0)
        return true;
    layout_columns_finish(columns, statement);
    struct session_params params = {columns->values, columns->lengths, columns->count};
    bool is_sent = pipeline_send(pipeline, statement, &params, err);
    layout_columns_reset(columns);
    return is_sent;
}

bool pipeline_send_full(struct pipeline *pipeline, enum layout_statement statement, struct err *err)
{
    return pipeline->columns.arrays[0].count < ROWS_OF_A_STATEMENT ||
           (pipeline_send_rows(pipeline, statement, err) && session_flush(pipeline->session, err));
}

bool pipeline_send_ids(struct pipeline *pipeline, enum layout_statement statement,
                       struct pipeline_ids ids, struct err *err)
{
    for (size_t i = 0; i < ids.count; i++) {
        array_int64(&pipeline->columns.arrays[0], ids.items[i]);
        if (!pipeline_send_full(pipeline, statement, err))
            return false;
    }
    return pipeline_send_rows(pipeline, statement, err);
}

enum layout_statement pipeline_statement(const struct pipeline *pipeline, size_t number)
{
    assert(number < pipeline->count);
    return (enum layout_statement)pipeline->plan[number];
}

void pipeline_done(struct pipeline *pipeline)
{
    layout_columns_done(&pipeline->columns);
    free(pipeline->plan);
    *pipeline = (struct pipeline){0};
}
