#include "services/store/settings.h"

#include "libs/wire/position.h"

#define AT(field) offsetof(struct store_settings, field)

#define MIB (1 << 20)

static const char *const ROLES[] = {"ingest", "rpc", NULL};
static const char *const AD_MODES[] = {"or", "and", NULL};
static const char *const LOG_LEVELS[] = {"error", "warn", "info", "debug", NULL};
static const char *const LOG_FORMATS[] = {"logfmt", "json", NULL};

/* What exactly-once and bounded memory stand on. */
static const char *const REFUSED[] = {"acks",
                                      "allow.auto.create.topics",
                                      "auto.commit.enable",
                                      "auto.commit.interval.ms",
                                      "auto.offset.reset",
                                      "check.crcs",
                                      "enable.auto.commit",
                                      "enable.auto.offset.store",
                                      "enable.idempotence",
                                      "enable.partition.eof",
                                      "group.instance.id",
                                      "group.protocol",
                                      "isolation.level",
                                      "partition.assignment.strategy",
                                      "partitioner",
                                      "queued.max.messages.kbytes",
                                      "queued.min.messages",
                                      NULL};

static const struct setting ROWS[] = {
    {.name = "STORE_BOT_ID",
     .type = SETTING_INT,
     .offset = AT(bot_id),
     .min = 1,
     .max = INT64_MAX,
     .required = true,
     .doc = "Id of the bot whose events these are (the number before the colon of its token); a "
            "database belongs to "
            "one bot for ever."},
    {.name = "STORE_DATABASE_URL",
     .type = SETTING_SECRET,
     .offset = AT(database_url),
     .required = true,
     .alias = "DB_URL",
     .doc = "PostgreSQL as postgresql://, postgresql+asyncpg:// or libpq's key=value form; libpq's "
            "own PG* variables "
            "fill what it leaves out."},
    {.name = "STORE_ROLES",
     .type = SETTING_SET,
     .offset = AT(roles),
     .standard = "ingest,rpc",
     .choices = ROLES,
     .doc = "What this process does: ingest writes the tables from the log, rpc answers reads."},
    {.name = "STORE_MIGRATE_ON_START",
     .type = SETTING_BOOL,
     .offset = AT(migrate_on_start),
     .standard = "false",
     .doc = "Migrate the database before starting, as `telefact-store migrate` does; needs a role "
            "that may create "
            "schemas."},
    {.name = "STORE_KAFKA_BOOTSTRAP_SERVERS",
     .type = SETTING_TEXT,
     .offset = AT(kafka_bootstrap_servers),
     .doc = "Kafka brokers as host:port, comma separated; needed for the role ingest and "
            "to import."},
    {.name = "STORE_KAFKA_GROUP_ID",
     .type = SETTING_TEXT,
     .offset = AT(kafka_group_id),
     .standard = "telefact-store-g1",
     .doc = "Consumer group that shares the partitions among instances; positions come from "
            "PostgreSQL, never from "
            "it."},
    {.name = "STORE_TOPIC_PREFIX",
     .type = SETTING_TEXT,
     .offset = AT(topic_prefix),
     .standard = "telefact",
     .doc = "The events topic is <prefix>.events.v1; the same value as the gateway's."},
    {.name = "STORE_TOPIC_PARTITIONS",
     .type = SETTING_INT,
     .offset = AT(topic_partitions),
     .standard = "0",
     .min = 0,
     .max = POSITION_PARTITIONS_MAX,
     .doc = "Partitions that the events topic must have, or the store does not start; the same "
            "value as the gateway's. 0: as many as it has. A count that changes while the store "
            "runs stops it in any case."},
    {.name = "STORE_BATCH_MAX_EVENTS",
     .type = SETTING_INT,
     .offset = AT(batch_max_events),
     .standard = "65536",
     .min = 1,
     .max = 262144,
     .doc = "Most events of one transaction; reached only when the store is behind."},
    {.name = "STORE_BATCH_MAX_BYTES",
     .type = SETTING_INT,
     .offset = AT(batch_max_bytes),
     .standard = "8388608",
     .min = 65536,
     .max = 256 * MIB,
     .doc = "Most bytes of records and rows that one transaction holds in memory; a single larger "
            "record still "
            "passes."},
    {.name = "STORE_BATCH_LINGER_MS",
     .type = SETTING_INT,
     .offset = AT(batch_linger_ms),
     .standard = "2",
     .min = 0,
     .max = 1000,
     .doc = "How long an event waits for others before its transaction starts when nothing is "
            "behind."},
    {.name = "STORE_DEAD_LETTERS_PER_1000",
     .type = SETTING_INT,
     .offset = AT(dead_letters_per_1000),
     .standard = "10",
     .min = 0,
     .max = 1000,
     .doc = "A partition stops when more of its last 1,000 records became dead letters: then the "
            "fault is rather "
            "ours than theirs."},
    {.name = "STORE_DEAD_LETTER_DAYS",
     .type = SETTING_INT,
     .offset = AT(dead_letter_days),
     .standard = "30",
     .min = 1,
     .max = 36500,
     .doc = "How long a dead letter keeps the bytes of its record, by the record's timestamp; "
            "afterwards it can no longer be retried. Its place, cause and decision stay."},
    {.name = "STORE_POSITION_CHECK_MS",
     .type = SETTING_INT,
     .offset = AT(position_check_ms),
     .standard = "60000",
     .min = 100,
     .max = 86400000,
     .doc = "How often the record before each partition's position is compared with its "
            "fingerprint, to notice a "
            "rewritten log."},
    {.name = "STORE_CONNECT_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(connect_timeout_ms),
     .standard = "10000",
     .min = 100,
     .max = 600000,
     .doc = "Time to connect to PostgreSQL."},
    {.name = "STORE_STATEMENT_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(statement_timeout_ms),
     .standard = "30000",
     .min = 100,
     .max = 600000,
     .doc = "Time for one statement of the writer."},
    {.name = "STORE_LOCK_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(lock_timeout_ms),
     .standard = "5000",
     .min = 10,
     .max = 600000,
     .doc = "Time to wait for a lock of the writer before the batch is tried again."},
    {.name = "STORE_ZOMBIE_AFTER_MS",
     .type = SETTING_INT,
     .offset = AT(zombie_after_ms),
     .standard = "60000",
     .min = 1000,
     .max = 3600000,
     .doc = "Age of a blocking transaction of our own role after which the owner of the partition "
            "ends it; longer "
            "than Kafka's session timeout."},
    {.name = "STORE_RPC_LISTEN",
     .type = SETTING_TEXT,
     .offset = AT(rpc_listen),
     .standard = "127.0.0.1:9091",
     .doc = "Where the read RPCs are served (gRPC over HTTP/2 without TLS), as host:port."},
    {.name = "STORE_RPC_TOKENS_FILE",
     .type = SETTING_TEXT,
     .offset = AT(rpc_tokens_file),
     .doc = "File with the accepted bearer tokens, one a line; needed to listen beyond loopback."},
    {.name = "STORE_RPC_ADMIN_TOKENS_FILE",
     .type = SETTING_TEXT,
     .offset = AT(rpc_admin_tokens_file),
     .doc = "File with the bearer tokens that AdminService accepts, one a line, none of them in "
            "STORE_RPC_TOKENS_FILE; without it AdminService is off. Needs "
            "STORE_KAFKA_BOOTSTRAP_SERVERS, and a role of the database that may create schemas."},
    {.name = "STORE_RPC_ALLOW_PUBLIC",
     .type = SETTING_BOOL,
     .offset = AT(rpc_allow_public),
     .standard = "false",
     .doc = "Listen beyond loopback without tokens, because something in front authenticates."},
    {.name = "STORE_RPC_POOL_MIN",
     .type = SETTING_INT,
     .offset = AT(rpc_pool_min),
     .standard = "2",
     .min = 1,
     .max = 100,
     .doc = "Connections to PostgreSQL that are kept for reads."},
    {.name = "STORE_RPC_POOL_MAX",
     .type = SETTING_INT,
     .offset = AT(rpc_pool_max),
     .standard = "10",
     .min = 1,
     .max = 100,
     .doc = "Most connections to PostgreSQL for reads."},
    {.name = "STORE_AD_THRESHOLD",
     .type = SETTING_INT,
     .offset = AT(ad_threshold),
     .standard = "3",
     .min = 0,
     .max = 1000000,
     .doc = "Downloads after which the next advertisement is due."},
    {.name = "STORE_AD_MODE",
     .type = SETTING_CHOICE,
     .offset = AT(ad_mode),
     .standard = "or",
     .choices = AD_MODES,
     .doc = "Whether the threshold or the ended cool-down suffices for an advertisement (or), or "
            "both are needed "
            "(and)."},
    {.name = "STORE_ADMIN_LISTEN",
     .type = SETTING_TEXT,
     .offset = AT(admin_listen),
     .standard = "127.0.0.1:9101",
     .doc = "Where /livez, /readyz, /startupz, /metrics and the status page are served, as "
            "host:port."},
    {.name = "STORE_PAGE_TOKENS_FILE",
     .type = SETTING_TEXT,
     .offset = AT(page_tokens_file),
     .doc =
         "File with the bearer tokens that the status page accepts, one a line, none of them in "
         "STORE_RPC_ADMIN_TOKENS_FILE. Where STORE_ADMIN_LISTEN is not loopback, the page is off "
         "without this or STORE_PAGE_PROXY_HEADER; /metrics and the probes never ask for one."},
    {.name = "STORE_PAGE_PROXY_HEADER",
     .type = SETTING_TEXT,
     .offset = AT(page_proxy_header),
     .doc = "Name of a header by which a proxy in front says that it has let the request through; "
            "who sends it sees the status page. The proxy must take it away from what clients "
            "send, and nobody else may reach STORE_ADMIN_LISTEN."},
    {.name = "STORE_LOG_LEVEL",
     .type = SETTING_CHOICE,
     .offset = AT(log_level),
     .standard = "info",
     .choices = LOG_LEVELS,
     .doc = "Least important lines that are logged."},
    {.name = "STORE_LOG_FORMAT",
     .type = SETTING_CHOICE,
     .offset = AT(log_format),
     .standard = "logfmt",
     .choices = LOG_FORMATS,
     .doc = "Form of the log lines on standard error."},
    {.name = "STORE_DRAIN_TIMEOUT_MS",
     .type = SETTING_INT,
     .offset = AT(drain_timeout_ms),
     .standard = "25000",
     .min = 0,
     .max = 600000,
     .doc = "Time after SIGTERM to finish the batch and the calls in hand; shorter than the "
            "supervisor's patience."},
};

static const struct settings_table TABLE = {
    .prefix = "STORE_",
    .pass_prefix = "STORE_KAFKA_",
    .pass_refused = REFUSED,
    .rows = ROWS,
    .count = sizeof(ROWS) / sizeof(ROWS[0]),
};

static bool check_together(const struct store_settings *settings, FILE *report, struct err *err)
{
    int faults = 0;
    bool ingests = (settings->roles & STORE_ROLE_INGEST) != 0;
    if (ingests && settings->kafka_bootstrap_servers[0] == '\0') {
        (void)fputs("STORE_KAFKA_BOOTSTRAP_SERVERS: missing, and the role ingest needs it\n",
                    report);
        faults++;
    }
    bool orders =
        (settings->roles & STORE_ROLE_RPC) != 0 && settings->rpc_admin_tokens_file[0] != '\0';
    if (!ingests && orders && settings->kafka_bootstrap_servers[0] == '\0') {
        (void)fputs("STORE_KAFKA_BOOTSTRAP_SERVERS: missing, and STORE_RPC_ADMIN_TOKENS_FILE needs "
                    "it\n",
                    report);
        faults++;
    }
    if (settings->rpc_pool_min > settings->rpc_pool_max) {
        (void)fputs(
            "STORE_RPC_POOL_MIN: larger than STORE_RPC_POOL_MAX; lower one or raise the other\n",
            report);
        faults++;
    }
    if (settings->lock_timeout_ms >= settings->statement_timeout_ms) {
        (void)fputs("STORE_LOCK_TIMEOUT_MS: not below STORE_STATEMENT_TIMEOUT_MS; a lock that "
                    "nobody gives back would look like a slow statement\n",
                    report);
        faults++;
    }
    return faults == 0 || err_set(err, ERR_REJECT, "%d settings are wrong", faults);
}

bool store_settings_load_database(char *const *environ_list, FILE *report,
                                  struct store_settings *out, struct err *err)
{
    return settings_load(&TABLE, environ_list, out, &out->kafka, report, err);
}

bool store_settings_load(char *const *environ_list, FILE *report, struct store_settings *out,
                         struct err *err)
{
    return store_settings_load_database(environ_list, report, out, err) &&
           check_together(out, report, err);
}

void store_settings_done(struct store_settings *settings)
{
    settings_done(&TABLE, settings, &settings->kafka);
}

void store_settings_show(const struct store_settings *settings, FILE *out)
{
    settings_show(&TABLE, settings, &settings->kafka, out);
}

void store_settings_print_reference(FILE *out)
{
    settings_print_reference(&TABLE, "Settings of telefact-store", out);
}
