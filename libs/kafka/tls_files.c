#include "libs/kafka/tls_files.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/kafka/certificate.h"
#include "libs/ops/metrics.h"
#include "libs/ops/refusals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AGAIN_MS 30000
#define EXPIRED_ALARM_MS 3600000
#define SECOND_MS 1000

enum kind { KIND_CA, KIND_CERTIFICATE, KIND_KEY, KIND_KEYSTORE, KINDS };

static const char *const PROPERTIES[KINDS] = {
    [KIND_CA] = "ssl.ca.location",
    [KIND_CERTIFICATE] = "ssl.certificate.location",
    [KIND_KEY] = "ssl.key.location",
    [KIND_KEYSTORE] = "ssl.keystore.location",
};

static const char *const NAMES[KINDS] = {
    [KIND_CA] = "ca",
    [KIND_CERTIFICATE] = "certificate",
    [KIND_KEY] = "key",
    [KIND_KEYSTORE] = "keystore",
};

struct stamp { /* of a file that stands still; all zero: it is not there */
    int64_t device;
    int64_t inode;
    int64_t bytes;
    int64_t changed_s; /* every write, rename and chmod moves it */
    int64_t changed_ns;
};

struct stamps {
    struct stamp of[KINDS];
};

struct tls_files {
    const char *paths[KINDS];        /* NULL: none */
    const char *keystore_password;   /* "" when none is set */
    struct stamps taken;             /* in use */
    struct stamps told;              /* of the last look that was true */
    struct stamps seen;              /* at the last look */
    int64_t again_ms;                /* when `told` is told again */
    int64_t good_until_s[KINDS];     /* of what is in use; 0: unknown */
    int64_t expired_alarm_ms[KINDS]; /* not before this */
};

static struct metric_series expiries[2 * KINDS];
static struct metric_series *first_expiry[KINDS]; /* NULL: not registered; the last one is next */
static struct metric expiries_metric = {
    .name = "kafka_certificate_expiry_timestamp_seconds",
    .help = "Unix time when the first and the last certificate of a file in use expires.",
    .kind = METRIC_GAUGE,
    .series = expiries,
};
static struct metric_series reloads[] = {{.labels = ""}};
static struct metric reloads_metric = {
    .name = "kafka_certificate_reloads_total",
    .help = "Times that changed certificate, key or authority files were taken into use.",
    .kind = METRIC_COUNTER,
    .series = reloads,
    .count = 1,
};

enum { EXPIRED, OF_NO_USE, REFUSALS };

/* Time bounds both. */
static struct refusal refusals[REFUSALS] = {
    [EXPIRED] = {.code = "certificate_expired",
                 .msg = "certificate has expired, new connections to Kafka will fail; replace the "
                        "file",
                 .is_alarm = true,
                 .is_each = true},
    [OF_NO_USE] = {.code = "certificates_of_no_use",
                   .msg = "changed certificate files cannot be used, going on with the old ones",
                   .is_alarm = true,
                   .is_each = true},
};

static const char *find(const struct settings_pairs *passed, const char *name)
{
    for (size_t i = 0; i < passed->count; i++)
        if (strcmp(passed->items[i].key, name) == 0)
            return passed->items[i].value;
    return NULL;
}

/* librdkafka takes "probe" as the order to search the usual places. */
static const char *path_of(const struct settings_pairs *passed, enum kind kind)
{
    const char *path = find(passed, PROPERTIES[kind]);
    bool is_path = path != NULL && path[0] != '\0' && strcmp(path, "probe") != 0;
    return is_path ? path : NULL;
}

/* A folder of authorities is watched as a whole. */
static bool has_dates(enum kind kind, const char *path)
{
    struct stat found;
    return kind != KIND_KEY && path != NULL && (stat(path, &found) != 0 || !S_ISDIR(found.st_mode));
}

void tls_files_add_metrics(const struct settings_pairs *passed)
{
    static const char *const labels[KINDS][2] = {
        [KIND_CA] = {"file=\"ca\",certificate=\"first\"", "file=\"ca\",certificate=\"last\""},
        [KIND_CERTIFICATE] = {"file=\"certificate\",certificate=\"first\"",
                              "file=\"certificate\",certificate=\"last\""},
        [KIND_KEYSTORE] = {"file=\"keystore\",certificate=\"first\"",
                           "file=\"keystore\",certificate=\"last\""},
    };
    bool has_any = false;
    refusals_add("kafka", refusals, REFUSALS);
    expiries_metric.count = 0;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        const char *path = path_of(passed, kind);
        has_any |= path != NULL;
        if (!has_dates(kind, path))
            continue;
        first_expiry[kind] = &expiries[expiries_metric.count];
        first_expiry[kind][0].labels = labels[kind][0];
        first_expiry[kind][1].labels = labels[kind][1];
        expiries_metric.count += 2;
    }
    if (has_any)
        metrics_add(&reloads_metric);
    if (expiries_metric.count > 0)
        metrics_add(&expiries_metric);
}

static struct stamps stamps_now(const struct tls_files *files)
{
    struct stamps stamps = {0};
    for (int kind = 0; kind < KINDS; kind++) {
        struct stat found;
        if (files->paths[kind] == NULL || stat(files->paths[kind], &found) != 0)
            continue;
        stamps.of[kind] = (struct stamp){.device = (int64_t)found.st_dev,
                                         .inode = (int64_t)found.st_ino,
                                         .bytes = found.st_size,
                                         .changed_s = found.st_ctim.tv_sec,
                                         .changed_ns = found.st_ctim.tv_nsec};
    }
    return stamps;
}

static bool is_same(const struct stamps *left, const struct stamps *right)
{
    return memcmp(left, right, sizeof(*left)) == 0;
}

static void read_dates(struct tls_files *files, enum kind kind)
{
    struct certificate_dates dates;
    struct err err;
    files->good_until_s[kind] = 0;
    if (!has_dates(kind, files->paths[kind]))
        return;
    const char *password = kind == KIND_KEYSTORE ? files->keystore_password : NULL;
    if (!certificate_read_dates(files->paths[kind], password, &dates, &err)) {
        log_warn("expiry of a certificate file is not known", LOG_TEXT("file", NAMES[kind]),
                 LOG_TEXT("error", err.text));
        return;
    }
    /* A chain is broken by its first certificate, but of many authorities one may be enough. */
    files->good_until_s[kind] = kind == KIND_CA ? dates.last_s : dates.first_s;
    files->expired_alarm_ms[kind] = 0;
    if (first_expiry[kind] == NULL)
        return;
    metric_set(&first_expiry[kind][0], dates.first_s);
    metric_set(&first_expiry[kind][1], dates.last_s);
}

struct tls_files *tls_files_new(const struct settings_pairs *passed)
{
    struct tls_files files = {.keystore_password = find(passed, "ssl.keystore.password")};
    bool has_any = false;
    if (files.keystore_password == NULL)
        files.keystore_password = "";
    for (enum kind kind = 0; kind < KINDS; kind++) {
        files.paths[kind] = path_of(passed, kind);
        has_any |= files.paths[kind] != NULL;
    }
    if (!has_any)
        return NULL;
    files.taken = stamps_now(&files);
    files.seen = files.taken;
    for (enum kind kind = 0; kind < KINDS; kind++)
        read_dates(&files, kind);
    return mem_copy(&files, sizeof(files));
}

void tls_files_free(struct tls_files *files)
{
    free(files);
}

static void alarm_expired(struct tls_files *files, int64_t now_ms)
{
    int64_t now_s = now_unix_ms() / SECOND_MS;
    for (int kind = 0; kind < KINDS; kind++) {
        if (files->good_until_s[kind] == 0 || files->good_until_s[kind] > now_s ||
            now_ms < files->expired_alarm_ms[kind])
            continue;
        files->expired_alarm_ms[kind] = now_ms + EXPIRED_ALARM_MS;
        log_refusal(&refusals[EXPIRED], LOG_TEXT("file", NAMES[kind]),
                    LOG_TEXT("path", files->paths[kind]),
                    LOG_INT("expired_s", now_s - files->good_until_s[kind]));
    }
}

bool tls_files_look(struct tls_files *files, int64_t now_ms)
{
    if (files == NULL)
        return false;
    alarm_expired(files, now_ms);
    struct stamps now = stamps_now(files);
    bool stands_still = is_same(&now, &files->seen);
    files->seen = now;
    if (!stands_still || is_same(&now, &files->taken))
        return false;
    if (is_same(&now, &files->told) && now_ms < files->again_ms)
        return false;
    files->told = now;
    files->again_ms = now_ms + AGAIN_MS;
    return true;
}

void tls_files_taken(struct tls_files *files)
{
    files->taken = files->told;
    for (enum kind kind = 0; kind < KINDS; kind++)
        read_dates(files, kind);
    metric_add(&reloads[0], 1);
    log_info("changed certificate files are in use");
}

void tls_files_refused(const char *why)
{
    log_refusal(&refusals[OF_NO_USE], LOG_TEXT("why", why));
}
