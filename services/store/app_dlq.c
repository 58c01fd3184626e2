#include "services/store/app_dlq.h"

#include "libs/base/log.h"
#include "services/store/app.h"
#include "services/store/app_ingest.h"
#include "services/store/dlq_decide.h"
#include "services/store/dlq_list.h"
#include "services/store/kafka/publisher.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/letter_desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELIVERY_TIMEOUT_MS 30000
#define TOPIC_TIMEOUT_MS 10000

bool app_dlq_check(const struct store_settings *settings, const struct dlq_options *options,
                   struct err *err)
{
    bool lacks_kafka = options->action == DLQ_RETRY && settings->kafka_bootstrap_servers[0] == '\0';
    return !lacks_kafka ||
           err_set(err, ERR_REJECT,
                   "STORE_KAFKA_BOOTSTRAP_SERVERS: missing, and dlq retry needs it");
}

/* ---- deciding ---- */

static bool decide(struct dlq_job *job, struct err *err)
{
    struct dlq_outcome outcome = {0};
    bool is_done = dlq_decide(job, &outcome, err);
    (void)fflush(job->out);
    log_info("dead letters decided", LOG_INT("decided", outcome.decided),
             LOG_INT("refused", outcome.refused));
    if (is_done && outcome.refused > 0)
        return err_set(err, ERR_REJECT, "not all could be decided: see the lines above");
    return is_done;
}

static bool retry(const struct store_settings *settings, struct dlq_job *job, struct err *err)
{
    char topic[APP_TOPIC_MAX];
    app_events_topic(settings, topic);
    struct publisher_options options = {.bootstrap_servers = settings->kafka_bootstrap_servers,
                                        .topic = topic,
                                        .passed = &settings->kafka,
                                        .delivery_timeout_ms = DELIVERY_TIMEOUT_MS,
                                        .topic_partitions = settings->topic_partitions};
    struct publisher *publisher = NULL;
    if (!publisher_new(&options, &publisher, err))
        return false;
    struct log_sink sink = publisher_port(publisher);
    bool is_done = publisher_check_topic(publisher, TOPIC_TIMEOUT_MS, err);
    if (is_done) {
        job->target = (struct dlq_target){.sink = &sink,
                                          .bot_id = settings->bot_id,
                                          .topic_partitions = publisher_partitions(publisher)};
        is_done = decide(job, err);
        char *position = position_text(sink.position(sink.self));
        if (position[0] != '\0')
            log_info("written to the log", LOG_TEXT("position", position));
        free(position);
    }
    publisher_free(publisher);
    return is_done;
}

/* ---- exporting ---- */

/* A file of one's own: it holds what people wrote. */
static bool export_to_file(const struct letter_desk *desk, const struct dlq_options *options,
                           struct err *err)
{
    int fd = open(options->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (out == NULL)
        return err_set(err, ERR_REJECT, "--output: %s", strerror(errno));
    bool is_done = dlq_export(desk, options, out, err);
    if (fclose(out) != 0 && is_done)
        return err_set(err, ERR_REJECT, "--output: %s", strerror(errno));
    return is_done;
}

/* ---- all of them ---- */

static bool run(const struct store_settings *settings, const struct letter_desk *desk,
                const struct dlq_options *options, struct err *err)
{
    struct dlq_job job = {.desk = desk, .options = options, .out = stdout};
    switch (options->action) {
    case DLQ_HELP:
        return true;
    case DLQ_LIST:
        return dlq_list(desk, options, stdout, err);
    case DLQ_SHOW:
        return dlq_show(desk, options, stdout, err);
    case DLQ_RETRY:
        return retry(settings, &job, err);
    case DLQ_DROP:
        return decide(&job, err);
    case DLQ_EXPORT:
        return options->output == NULL ? dlq_export(desk, options, stdout, err)
                                       : export_to_file(desk, options, err);
    }
    return true;
}

int app_dlq(const struct store_settings *settings, const struct dlq_options *options)
{
    struct err err;
    char *conninfo = database_url_conninfo(settings->database_url);
    struct session_options session = {.conninfo = conninfo,
                                      .application_name = APP_NAME "-dlq",
                                      .is_writer = options->action == DLQ_RETRY ||
                                                   options->action == DLQ_DROP,
                                      .connect_timeout_ms = settings->connect_timeout_ms,
                                      .statement_timeout_ms = settings->statement_timeout_ms,
                                      .lock_timeout_ms = settings->lock_timeout_ms};
    struct letter_desk_pg *desk = NULL;
    bool is_done = letter_desk_open(&session, settings->bot_id, &desk, &err);
    if (is_done) {
        struct letter_desk port = letter_desk_port(desk);
        is_done = run(settings, &port, options, &err);
    }
    letter_desk_free(desk);
    free(conninfo);
    if (!is_done)
        log_error("dlq", LOG_TEXT("error", err.text));
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
