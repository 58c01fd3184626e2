#include "services/store/page/page_routes.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/ingest_board.h"

#include <stdlib.h>

/* ---- what this process knows by itself ---- */

static void put_row(struct json_text *json, const struct board_row *row)
{
    json_text_open(json, NULL, '{');
    json_text_number(json, "partition", row->partition);
    json_text_string(json, "state", bytes_of_text(row->state));
    json_text_string(json, "reason", bytes_of_text(stop_reason_name(row->reason)));
    json_text_string(json, "why", bytes_of_text(stop_reason_text(row->reason)));
    json_text_number(json, "since_ms", row->since_ms);
    json_text_number(json, "applied", row->applied);
    json_text_number(json, "end", row->end);
    json_text_number(json, "rate_per_1000_s", row->rate);
    json_text_close(json, '}');
}

static void put_ingest(struct json_text *json, struct ingest *ingest)
{
    struct ingest_status status = ingest_status(ingest);
    struct board_view *view = mem_alloc(sizeof(*view));
    ingest_view(ingest, view);
    json_text_open(json, "ingest", '{');
    json_text_bool(json, "is_assigned", status.is_assigned);
    json_text_bool(json, "is_running", status.is_running);
    json_text_bool(json, "is_database_well", status.is_database_well);
    json_text_number(json, "lag_ms", ingest_lag_ms(ingest));
    json_text_number(json, "measured_ms", view->measured_ms);
    json_text_number(json, "topic_partitions", view->topic_partitions);
    json_text_open(json, "partitions", '[');
    for (size_t i = 0; i < view->count; i++)
        put_row(json, &view->rows[i]);
    json_text_close(json, ']');
    json_text_close(json, '}');
    free(view);
}

static void put_process(struct page_call *call)
{
    struct json_text *json = &call->json;
    const struct page_options *options = call->options;
    json_text_number(json, "now_ms", now_unix_ms());
    json_text_number(json, "started_ms", call->page->started_ms);
    json_text_string(json, "version", bytes_of_text(options->version));
    json_text_string(json, "topic", bytes_of_text(options->topic));
    json_text_id(json, "bot_id", options->bot_id);
    json_text_bool(json, "is_rpc", options->reads.ask != NULL);
    if (options->ingest == NULL)
        json_text_null(json, "ingest");
    else
        put_ingest(json, options->ingest);
}

/* ---- what the database says ---- */

static void put_letters(struct json_text *json, const struct read_letter_counts *letters)
{
    json_text_open(json, "letters", '[');
    for (size_t i = 0; i < letters->count; i++) {
        json_text_open(json, NULL, '{');
        json_text_number(json, "partition", letters->rows[i].partition);
        json_text_string(json, "cause", letters->rows[i].cause);
        json_text_number(json, "count", letters->rows[i].count);
        json_text_number(json, "oldest_ms", letters->rows[i].oldest_ms);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
}

static void put_generations(struct json_text *json, const struct read_generations *generations)
{
    json_text_open(json, "generations", '[');
    for (size_t i = 0; i < generations->count; i++) {
        json_text_open(json, NULL, '{');
        json_text_number(json, "id", generations->rows[i].id);
        json_text_string(json, "state", generations->rows[i].state);
        json_text_bool(json, "is_paused", generations->rows[i].is_paused);
        json_text_number(json, "created_ms", generations->rows[i].created_s * 1000);
        json_text_string(json, "detail", generations->rows[i].detail);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
}

/* A database that is away is no reason to say nothing. */
static void answer_status(struct page_call *call, const struct read_answer *answer,
                          const struct err *err)
{
    struct json_text *json = &call->json;
    json_text_open(json, NULL, '{');
    put_process(call);
    json_text_open(json, "tables", '{');
    json_text_bool(json, "is_known", answer != NULL);
    if (answer == NULL) {
        json_text_string(json, "why", bytes_of_text(err->text));
    } else {
        page_call_put_snapshot(call, answer);
        put_letters(json, &answer->pipeline.letters);
        put_generations(json, &answer->pipeline.generations);
    }
    json_text_close(json, '}');
    json_text_close(json, '}');
    page_call_end(call);
}

void page_get_status(struct page_call *call, struct page_query *query)
{
    const struct read_request request = {.kind = READ_PIPELINE};
    struct err err;
    if (!page_query_end(query, &err)) {
        page_call_refuse(call, PAGE_WRONG_ARGUMENT, err.text);
    } else if (call->options->reads.ask != NULL) {
        page_call_ask(call, &request, answer_status);
    } else {
        (void)err_set(&err, ERR_REJECT, "this process has not the role rpc");
        answer_status(call, NULL, &err);
    }
}

/* ---- a rebuild ---- */

static void put_rebuild(struct json_text *json, const struct rebuild_answer *answer)
{
    const struct replay_view *view = &answer->view;
    json_text_number(json, "generation", answer->generation);
    json_text_string(json, "state", bytes_of_text(generation_state_name(view->state)));
    json_text_bool(json, "is_paused", view->is_paused);
    json_text_number(json, "done", view->done);
    json_text_number(json, "total", view->total);
    json_text_number(json, "behind", view->behind);
    json_text_number(json, "live_behind", view->live_behind);
    json_text_string(json, "detail", bytes_of_text(view->detail));
}

static void answer_rebuild(struct page_call *call, const struct rebuild_answer *answer)
{
    struct json_text *json = &call->json;
    if (answer->outcome != REBUILD_DONE && answer->outcome != REBUILD_NOT_FOUND) {
        page_call_refuse(call, PAGE_UNAVAILABLE, answer->text);
        return;
    }
    json_text_open(json, NULL, '{');
    json_text_number(json, "now_ms", now_unix_ms());
    if (answer->outcome == REBUILD_DONE)
        put_rebuild(json, answer);
    else
        json_text_null(json, "generation");
    json_text_close(json, '}');
    page_call_end(call);
}

void page_get_rebuild(struct page_call *call, struct page_query *query)
{
    struct err err;
    if (page_query_end(query, &err))
        page_call_ask_rebuild(call, answer_rebuild);
    else
        page_call_refuse(call, PAGE_WRONG_ARGUMENT, err.text);
}
