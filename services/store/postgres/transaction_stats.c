#include "services/store/postgres/transaction_stats.h"

static bool send_totals(struct transaction *transaction, struct err *err)
{
    const struct fold_totals *totals = NULL;
    size_t count = fold_changed_totals(transaction->fold, &totals);
    for (size_t i = 0; i < count; i++)
        layout_put_totals(&transaction->pipeline.columns, &totals[i]);
    return pipeline_send_rows(&transaction->pipeline, LAYOUT_ADD_TOTALS, err);
}

/* Only what went down can have become zeros. */
static bool can_be_zeros(const struct fold_bucket *bucket)
{
    bool has_less = false;
    for (int i = 0; i < FOLD_COUNTS; i++)
        has_less = has_less || bucket->counts[i] < 0;
    return has_less;
}

static bool send_buckets(struct transaction *transaction, struct err *err)
{
    struct pipeline *pipeline = &transaction->pipeline;
    const struct fold_bucket *buckets = NULL;
    size_t count = fold_changed_buckets(transaction->fold, &buckets);
    for (size_t i = 0; i < count; i++) {
        layout_put_bucket(&pipeline->columns, &buckets[i]);
        if (!pipeline_send_full(pipeline, LAYOUT_ADD_BUCKETS, err))
            return false;
    }
    if (!pipeline_send_rows(pipeline, LAYOUT_ADD_BUCKETS, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!can_be_zeros(&buckets[i]))
            continue;
        layout_put_bucket_key(&pipeline->columns, &buckets[i]);
        if (!pipeline_send_full(pipeline, LAYOUT_DROP_BUCKETS, err))
            return false;
    }
    return pipeline_send_rows(pipeline, LAYOUT_DROP_BUCKETS, err);
}

static bool send_tops(struct transaction *transaction, struct err *err)
{
    struct pipeline *pipeline = &transaction->pipeline;
    const struct fold_top *tops = NULL;
    size_t count = fold_changed_tops(transaction->fold, &tops);
    for (size_t i = 0; i < count; i++)
        if (tops[i].videos > 0)
            layout_put_top(&pipeline->columns, &tops[i]);
    if (!pipeline_send_rows(pipeline, LAYOUT_PUT_TOPS, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (tops[i].videos == 0)
            layout_put_top_key(&pipeline->columns, &tops[i]);
    return pipeline_send_rows(pipeline, LAYOUT_DROP_TOPS, err);
}

/* Counts by text: what is added, then what may have become zero. */
struct text_table {
    enum layout_statement add, drop;
    void (*put)(struct layout_columns *columns, const struct fold_text_count *row);
    void (*put_key)(struct layout_columns *columns, const struct fold_text_count *row);
};

static bool send_texts(struct transaction *transaction, const struct text_table *table,
                       const struct fold_text_count *rows, size_t count, struct err *err)
{
    struct pipeline *pipeline = &transaction->pipeline;
    for (size_t i = 0; i < count; i++) {
        table->put(&pipeline->columns, &rows[i]);
        if (!pipeline_send_full(pipeline, table->add, err))
            return false;
    }
    if (!pipeline_send_rows(pipeline, table->add, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].chats > 0)
            continue;
        table->put_key(&pipeline->columns, &rows[i]);
        if (!pipeline_send_full(pipeline, table->drop, err))
            return false;
    }
    return pipeline_send_rows(pipeline, table->drop, err);
}

static bool send_langs(struct transaction *transaction, struct err *err)
{
    static const struct text_table LANGS = {LAYOUT_ADD_LANGS, LAYOUT_DROP_LANGS, layout_put_lang,
                                            layout_put_lang_key};
    const struct fold_text_count *rows = NULL;
    size_t count = fold_changed_langs(transaction->fold, &rows);
    return send_texts(transaction, &LANGS, rows, count, err);
}

static bool send_links(struct transaction *transaction, struct err *err)
{
    static const struct text_table LINKS = {LAYOUT_ADD_LINKS, LAYOUT_DROP_LINKS, layout_put_link,
                                            layout_put_link_key};
    const struct fold_text_count *rows = NULL;
    size_t count = fold_changed_links(transaction->fold, &rows);
    return send_texts(transaction, &LINKS, rows, count, err);
}

bool transaction_send_stats(struct transaction *transaction, struct err *err)
{
    return send_totals(transaction, err) && send_buckets(transaction, err) &&
           send_tops(transaction, err) && send_langs(transaction, err) &&
           send_links(transaction, err);
}
