#include "services/store/app_import.h"

#include "libs/base/now.h"
#include "libs/base/secret_file.h"
#include "services/store/app.h"
#include "services/store/app_ingest.h"
#include "services/store/import.h"
#include "services/store/import_report.h"
#include "services/store/kafka/publisher.h"
#include "services/store/postgres/connect.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/tt_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PRODUCER APP_NAME "/" TELEFACT_VERSION " import"
#define KAFKA_TIMEOUT_MS 10000      /* for an answer about the topic */
#define DELIVERY_TIMEOUT_MS 60000   /* an outage as long as that is waited for */
#define STATEMENT_TIMEOUT_MS 600000 /* to count a large table */

struct app_import {
    const struct store_settings *settings;
    const struct import_options *options;
    char topic[APP_TOPIC_MAX];
    struct tt_source *source;
    struct publisher *publisher; /* NULL: a dry run */
};

static bool load_conninfo(const struct import_options *options, char **out, struct err *err)
{
    char *loaded = NULL;
    if (options->from_file != NULL && !secret_file_load(options->from_file, &loaded, err))
        return err_prefix(err, "--from-file");
    *out = database_url_conninfo(loaded != NULL ? loaded : options->from);
    free(loaded);
    return true;
}

bool app_import_check(const struct store_settings *settings, const struct import_options *options,
                      char **out_conninfo, struct err *err)
{
    char *conninfo = NULL;
    if (!options->is_dry_run && settings->kafka_bootstrap_servers[0] == '\0')
        return err_set(err, ERR_REJECT, "STORE_KAFKA_BOOTSTRAP_SERVERS: missing");
    if (!load_conninfo(options, &conninfo, err))
        return false;
    if (!connect_check(conninfo, err)) {
        free(conninfo);
        return err_prefix(err, options->from != NULL ? "--from" : "--from-file");
    }
    *out_conninfo = conninfo;
    return true;
}

static void on_skipped(void *self, enum import_table table, int64_t key, const char *why)
{
    import_report_skipped(self, table, key, why);
}

static void on_moved(void *self, const struct import_status *status)
{
    import_report_moved(self, status, now_monotonic_ms());
}

static enum import_form form_of(const struct import_options *options)
{
    if (options->is_json)
        return IMPORT_JSON;
    return isatty(STDOUT_FILENO) == 1 ? IMPORT_BAR : IMPORT_LINES;
}

static bool open_source(struct app_import *app, const char *conninfo, struct err *err)
{
    struct session_options options = {.conninfo = conninfo,
                                      .application_name = APP_NAME,
                                      .connect_timeout_ms = app->settings->connect_timeout_ms,
                                      .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                      .lock_timeout_ms = app->settings->lock_timeout_ms};
    return tt_source_open(&options, app->options->schema, &app->source, err);
}

static bool open_publisher(struct app_import *app, struct err *err)
{
    const struct store_settings *settings = app->settings;
    if (app->options->is_dry_run)
        return true;
    app_events_topic(settings, app->topic);
    struct publisher_options options = {.bootstrap_servers = settings->kafka_bootstrap_servers,
                                        .topic = app->topic,
                                        .passed = &settings->kafka,
                                        .delivery_timeout_ms = DELIVERY_TIMEOUT_MS,
                                        .topic_partitions = settings->topic_partitions};
    return publisher_new(&options, &app->publisher, err) &&
           publisher_check_topic(app->publisher, KAFKA_TIMEOUT_MS, err);
}

static bool move_rows(struct app_import *app, bool *out_is_whole, struct err *err)
{
    struct import_report report = {.out = stdout, .form = form_of(app->options)};
    struct import_status status;
    struct log_sink sink = {0};
    if (app->publisher != NULL)
        sink = publisher_port(app->publisher);
    struct import_job job = {
        .rules = {.bot_id = app->settings->bot_id,
                  .source = bytes_of_text(app->options->source),
                  .producer = BYTES_LITERAL(PRODUCER),
                  .now_s = now_unix_ms() / 1000},
        .source = tt_source_port(app->source),
        .sink = app->publisher != NULL ? &sink : NULL,
        .listener = {.skipped = on_skipped, .moved = on_moved, .self = &report},
    };
    bool is_done = import_run(&job, &status, err);
    if (is_done)
        import_report_done(&report, &status, app->options->is_dry_run);
    else
        import_report_broken(&report, &status);
    *out_is_whole = import_skipped(&status) == 0;
    return is_done;
}

bool app_import_run(const struct store_settings *settings, const struct import_options *options,
                    const char *conninfo, bool *out_is_whole, struct err *err)
{
    struct app_import app = {.settings = settings, .options = options};
    bool is_done = open_source(&app, conninfo, err) && open_publisher(&app, err) &&
                   move_rows(&app, out_is_whole, err);
    publisher_free(app.publisher);
    tt_source_free(app.source);
    return is_done;
}
