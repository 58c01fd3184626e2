#include "services/store/import.h"

static bool write_event(const struct import_job *job, const struct event *event, struct err *err)
{
    struct record record;
    bool is_written = record_of_event(event, NULL, &record)
                          ? job->sink->put(job->sink->self, &record, LOG_PARTITION_OF_KEY, err)
                          : err_set(err, ERR_FATAL, "an event is larger than an event may be");
    record_done(&record);
    return is_written;
}

static bool move_row(const struct import_job *job, const struct import_row *row,
                     struct import_status *status, struct err *err)
{
    struct import_events made;
    struct import_counts *counts = &status->tables[status->table];
    const char *why = import_row_events(&job->rules, status->table, row, &made);
    counts->read++;
    if (why != NULL) {
        counts->skipped++;
        job->listener.skipped(job->listener.self, status->table, row->key, why);
        return true;
    }
    for (size_t i = 0; job->sink != NULL && i < made.count; i++)
        if (!write_event(job, &made.events[i], err))
            return false;
    counts->events += (int64_t)made.count;
    counts->cut += made.is_cut ? 1 : 0;
    return true;
}

static bool move_page(const struct import_job *job, const struct import_page *page,
                      struct import_status *status, struct err *err)
{
    for (size_t i = 0; i < page->count; i++)
        if (!move_row(job, &page->rows[i], status, err))
            return false;
    if (job->sink != NULL)
        status->durable = job->sink->durable(job->sink->self);
    job->listener.moved(job->listener.self, status);
    return true;
}

static bool move_table(const struct import_job *job, struct import_status *status, struct err *err)
{
    int64_t from = INT64_MIN;
    struct import_counts *counts = &status->tables[status->table];
    for (;;) {
        struct import_page page;
        if (!job->source.page(job->source.self, status->table, from, &page, err))
            return false;
        if (page.count == 0)
            break;
        int64_t last = page.rows[page.count - 1].key;
        if (!move_page(job, &page, status, err))
            return false;
        if (last == INT64_MAX)
            break;
        from = last + 1;
    }
    return counts->read == counts->rows ||
           err_set(err, ERR_FATAL, "table %s has %lld rows, and its pages had %lld",
                   import_table_name(status->table), (long long)counts->rows,
                   (long long)counts->read);
}

static bool count_rows(const struct import_job *job, struct import_status *status, struct err *err)
{
    for (int i = 0; i < IMPORT_TABLES; i++)
        if (!job->source.count(job->source.self, (enum import_table)i, &status->tables[i].rows,
                               err))
            return false;
    return true;
}

static bool flush(const struct import_job *job, struct import_status *status, struct err *err)
{
    if (job->sink == NULL)
        return true;
    bool is_durable = job->sink->flush(job->sink->self, err);
    status->durable = job->sink->durable(job->sink->self);
    return is_durable;
}

bool import_run(const struct import_job *job, struct import_status *out, struct err *err)
{
    *out = (struct import_status){0};
    if (!count_rows(job, out, err))
        return false;
    for (int i = 0; i < IMPORT_TABLES; i++) {
        out->table = (enum import_table)i;
        if (!move_table(job, out, err))
            return false;
    }
    return flush(job, out, err);
}

int64_t import_skipped(const struct import_status *status)
{
    int64_t skipped = 0;
    for (int i = 0; i < IMPORT_TABLES; i++)
        skipped += status->tables[i].skipped;
    return skipped;
}
