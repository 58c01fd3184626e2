/*
 * fuzz_store_settings: any environment of telefact-store.
 *
 * One entry a line; the size chooses the command. What is accepted keeps the rules that the
 * settings have together, and what
 * --check-config shows of it is accepted again as the same.
 */
#include "services/store/settings.h"

#include "tests/fuzz/fuzz.h"

#define ENTRIES_MAX 48

typedef bool load_fn(char *const *entries, FILE *report, struct store_settings *out,
                     struct err *err);

static void check_settings(const struct store_settings *settings)
{
    DEMAND(settings->bot_id > 0 && settings->database_url[0] != '\0' && settings->roles != 0);
    DEMAND(settings->rpc_pool_min >= 1 && settings->rpc_pool_min <= settings->rpc_pool_max);
    DEMAND(settings->rpc_pool_max <= 100);
    DEMAND(settings->lock_timeout_ms < settings->statement_timeout_ms);
    DEMAND(settings->batch_max_events >= 1 && settings->batch_max_bytes >= 65536);
    DEMAND(settings->topic_partitions >= 0 && settings->topic_partitions <= 256);
    if ((settings->roles & STORE_ROLE_INGEST) != 0)
        DEMAND(settings->kafka_bootstrap_servers[0] != '\0');
}

/* True: accepted, and shown to `out`. */
static bool show(load_fn *load, char *const *entries, FILE *out)
{
    static struct fuzz_output report;
    struct store_settings settings = {0};
    struct err err = {0};
    bool is_good = load(entries, fuzz_output_begin(&report), &settings, &err);
    struct bytes faults = fuzz_output_end(&report);
    DEMAND(is_good == (faults.len == 0) && !fuzz_has_token(faults));
    if (is_good && load == store_settings_load)
        check_settings(&settings);
    if (is_good)
        store_settings_show(&settings, out);
    else
        DEMAND(err.kind == ERR_REJECT);
    store_settings_done(&settings);
    return is_good;
}

static void check_again(load_fn *load, struct bytes shown)
{
    static struct fuzz_output out;
    char *again[2 * ENTRIES_MAX + 1];
    char *text = fuzz_text(shown);
    fuzz_environment(text, again, 2 * ENTRIES_MAX);
    DEMAND(show(load, again, fuzz_output_begin(&out)));
    DEMAND(bytes_equal(fuzz_output_end(&out), shown));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static load_fn *const loads[] = {store_settings_load, store_settings_load_database};
    static struct fuzz_output out;
    char *entries[ENTRIES_MAX + 1];
    char *text = fuzz_text(fuzz_bytes(data, size));
    fuzz_environment(text, entries, ENTRIES_MAX);
    load_fn *load = loads[size % 2];
    bool is_good = show(load, entries, fuzz_output_begin(&out));
    struct bytes shown = fuzz_output_end(&out);
    DEMAND(is_good == (shown.len > 0) && !fuzz_has_token(shown));
    if (is_good)
        check_again(load, shown);
    free(text);
    return 0;
}
