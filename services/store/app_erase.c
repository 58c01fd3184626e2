#include "services/store/app_erase.h"

#include "libs/base/now.h"
#include "libs/base/random.h"
#include "libs/wire/event_id.h"
#include "services/store/app.h"
#include "services/store/app_ingest.h"
#include "services/store/erase.h"
#include "services/store/kafka/publisher.h"
#include "services/store/postgres/connect.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/fence_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCER APP_NAME "/" TELEFACT_VERSION
#define TOPIC_TIMEOUT_MS 5000
#define DELIVERY_TIMEOUT_MS 30000
#define WAIT_MAX_MS 600000
#define LOOK_EVERY_MS 250

bool app_erase_check(const struct store_settings *settings, struct err *err)
{
    if (settings->kafka_bootstrap_servers[0] == '\0')
        return err_set(err, ERR_REJECT, "STORE_KAFKA_BOOTSTRAP_SERVERS: missing");
    char *conninfo = database_url_conninfo(settings->database_url);
    bool is_good = connect_check(conninfo, err);
    free(conninfo);
    return is_good || err_prefix(err, "STORE_DATABASE_URL");
}

/* ---- waiting ---- */

static bool wait_applied(const struct store_settings *settings, const struct position *position,
                         struct err *err)
{
    char *conninfo = database_url_conninfo(settings->database_url);
    struct session_options session = {.conninfo = conninfo,
                                      .application_name = APP_NAME,
                                      .connect_timeout_ms = settings->connect_timeout_ms,
                                      .statement_timeout_ms = settings->statement_timeout_ms,
                                      .lock_timeout_ms = settings->lock_timeout_ms};
    struct fence_reader *reader = fence_reader_new(&session);
    struct applied_port applied = fence_reader_port(reader);
    struct erase_wait wait = {position, WAIT_MAX_MS, LOOK_EVERY_MS};
    bool is_applied = erase_wait(&applied, &wait, err);
    fence_reader_free(reader);
    free(conninfo);
    return is_applied || err_prefix(err, "the erase is in the log and will be applied, but");
}

/* ---- writing ---- */

static void say_position(const struct position *position, int32_t partitions, FILE *out)
{
    char line[64];
    char *text = position_text(position);
    (void)snprintf(line, sizeof(line), "written to %d partitions\nposition ", (int)partitions);
    (void)fputs(line, out);
    (void)fputs(text, out);
    (void)fputs("\n", out);
    (void)fflush(out);
    free(text);
}

static bool write_and_wait(struct publisher *publisher, const struct store_settings *settings,
                           const struct erase_options *options, FILE *out, struct err *err)
{
    struct log_sink sink = publisher_port(publisher);
    struct erase_command command = {.bot_id = settings->bot_id,
                                    .user_id = options->user_id,
                                    .producer = BYTES_LITERAL(PRODUCER),
                                    .partitions = publisher_partitions(publisher)};
    memcpy(command.uuid, options->id, sizeof(command.uuid));
    if (!erase_write(&sink, &command, err))
        return err_prefix(err, "not everything is written; run it again with --id");
    const struct position *position = sink.position(sink.self);
    say_position(position, command.partitions, out);
    if (options->is_waiting && !wait_applied(settings, position, err))
        return false;
    if (options->is_waiting)
        (void)fputs("applied\n", out);
    return true;
}

bool app_erase(const struct store_settings *settings, const struct erase_options *options,
               FILE *out, struct err *err)
{
    char topic[APP_TOPIC_MAX];
    char shown[37];
    struct publisher *publisher = NULL;
    struct erase_options chosen = *options;
    app_events_topic(settings, topic);
    struct publisher_options kafka = {.bootstrap_servers = settings->kafka_bootstrap_servers,
                                      .topic = topic,
                                      .passed = &settings->kafka,
                                      .delivery_timeout_ms = DELIVERY_TIMEOUT_MS,
                                      .topic_partitions = settings->topic_partitions};
    if (!publisher_new(&kafka, &publisher, err))
        return false;
    if (!chosen.has_id)
        random_uuid7(now_unix_ms(), chosen.id);
    event_id_show(chosen.id, shown);
    bool is_done = publisher_check_topic(publisher, TOPIC_TIMEOUT_MS, err);
    if (is_done) { /* before the first record: an interrupted erase is resumed by it */
        char line[96];
        (void)snprintf(line, sizeof(line), "erasing %" PRId64 ", --id %s\n", chosen.user_id, shown);
        (void)fputs(line, out);
        (void)fflush(out);
        is_done = write_and_wait(publisher, settings, &chosen, out, err);
    }
    publisher_free(publisher);
    return is_done;
}
