/*
 * fuzz_gateway_settings: any environment of telefact-gateway.
 *
 * One entry a line; the size chooses the command. What is accepted keeps the rules that the
 * settings have together, and what
 * --check-config shows of it is accepted again as the same. A refusal shows no bot token.
 */
#include "services/gateway/settings.h"

#include "tests/fuzz/fuzz.h"

#define ENTRIES_MAX 48
#define SECRET_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

typedef bool load_fn(char *const *entries, struct settings *out, FILE *report, struct err *err);

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_web(const char *url)
{
    return begins_with(url, "http://") || begins_with(url, "https://");
}

static void check_webhook(const struct settings *settings)
{
    const char *secret = settings->webhook_secret;
    DEMAND(strlen(secret) >= 1 && strlen(secret) <= 256);
    DEMAND(strspn(secret, SECRET_CHARS) == strlen(secret));
    DEMAND(settings->webhook_path[0] == '/' && strpbrk(settings->webhook_path, " ?#:") == NULL);
    if (settings->forward_url[0] != '\0')
        DEMAND(is_web(settings->forward_url) &&
               settings->delivery_timeout_ms + settings->forward_timeout_ms <= 55000);
}

static void check_settings(const struct settings *settings)
{
    DEMAND(settings->bot_id > 0 && is_web(settings->api_base_url));
    if (settings->bot_token[0] != '\0') {
        const char *colon = strchr(settings->bot_token, ':');
        DEMAND(colon != NULL && colon[1] != '\0');
        DEMAND(strtoll(settings->bot_token, NULL, 10) == settings->bot_id);
    }
    if (gateway_takes_webhook(settings))
        check_webhook(settings);
    if (gateway_polls(settings))
        DEMAND(settings->bot_token[0] != '\0' && settings->forward_url[0] == '\0');
    DEMAND((settings->roles & ROLE_WORKER) == 0 && settings->roles != 0);
    DEMAND(settings->topic_partitions >= 1 && settings->topic_partitions <= 256);
    DEMAND(settings->max_body_bytes <= settings->max_in_flight_bytes);
    DEMAND(settings->kafka_bootstrap_servers[0] != '\0' && settings->topic_prefix[0] != '\0');
    DEMAND(strlen(settings->topic_prefix) <= 200 && gateway_compression(settings) != NULL);
}

/* True: accepted, and shown to `out`. */
static bool show(load_fn *load, char *const *entries, FILE *out)
{
    static struct fuzz_output report;
    struct settings settings = {0};
    struct err err = {0};
    bool is_good = load(entries, &settings, fuzz_output_begin(&report), &err);
    struct bytes faults = fuzz_output_end(&report);
    DEMAND(is_good == (faults.len == 0) && !fuzz_has_token(faults));
    if (is_good && load == gateway_settings_load)
        check_settings(&settings);
    if (is_good)
        gateway_settings_show(&settings, out);
    else
        DEMAND(err.kind == ERR_REJECT);
    gateway_settings_done(&settings);
    return is_good;
}

static bool is_secret(const char *entry)
{
    return begins_with(entry, "GATEWAY_BOT_TOKEN=") ||
           begins_with(entry, "GATEWAY_WEBHOOK_SECRET") ||
           begins_with(entry, "GATEWAY_FORWARD_URL=");
}

/* Secrets are shown as "***": they are taken from where they came. */
static void check_again(load_fn *load, char *const *entries, struct bytes shown)
{
    static struct fuzz_output out;
    char *again[2 * ENTRIES_MAX + 2];
    char *text = fuzz_text(shown);
    int count = 0;
    for (int i = 0; entries[i] != NULL; i++)
        if (is_secret(entries[i]))
            again[count++] = entries[i];
    fuzz_environment(text, again + count, 2 * ENTRIES_MAX - count);
    DEMAND(show(load, again, fuzz_output_begin(&out)));
    DEMAND(bytes_equal(fuzz_output_end(&out), shown));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static load_fn *const loads[] = {gateway_settings_load, gateway_settings_load_topics,
                                     gateway_settings_load_bot};
    static struct fuzz_output out;
    char *entries[ENTRIES_MAX + 1];
    char *text = fuzz_text(fuzz_bytes(data, size));
    fuzz_environment(text, entries, ENTRIES_MAX);
    load_fn *load = loads[size % 3];
    bool is_good = show(load, entries, fuzz_output_begin(&out));
    struct bytes shown = fuzz_output_end(&out);
    DEMAND(is_good == (shown.len > 0) && !fuzz_has_token(shown));
    if (is_good)
        check_again(load, entries, shown);
    free(text);
    return 0;
}
