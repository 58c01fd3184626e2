#include "services/gateway/webhook_command.h"

#include "services/gateway/bot_answer.h"
#include "services/gateway/translate.h"
#include "services/gateway/webhook_info.h"

#include <errno.h>

#define ANSWER_BYTES_MAX (1 << 20)
#define CERTIFICATE_BYTES_MAX (64 << 10) /* a PEM file has some thousands */
#define LIST_BYTES_MAX 4096
#define CONNECTIONS_STANDARD 40
#define FIELDS_MAX 6

struct job {
    const struct bot_port *bot;
    const struct webhook_options *options;
    const struct webhook_secrets *secrets;
    FILE *out;
    struct bot_field fields[FIELDS_MAX];
    size_t field_count;
    struct buf answer;
    struct buf certificate;
    struct buf kinds;
    char connections[24]; /* any int64 */
    yyjson_doc *document; /* of the last answer; what was read from it is a view */
};

static void job_init(struct job *job)
{
    buf_init(&job->answer, ANSWER_BYTES_MAX);
    buf_init(&job->certificate, CERTIFICATE_BYTES_MAX);
    buf_init(&job->kinds, LIST_BYTES_MAX);
}

static void job_done(struct job *job)
{
    buf_done(&job->answer);
    buf_done(&job->certificate);
    buf_done(&job->kinds);
    yyjson_doc_free(job->document);
}

static void add_field(struct job *job, const char *name, struct bytes value, bool is_file)
{
    job->fields[job->field_count++] =
        (struct bot_field){.name = name, .value = value, .is_file = is_file};
}

/* Call with the fields added so far. */
static bool call(struct job *job, const char *method, yyjson_val **out_result, struct err *err)
{
    yyjson_doc *document = NULL;
    buf_clear(&job->answer);
    struct bot_request request = {method, job->fields, job->field_count};
    if (!job->bot->call(job->bot->self, &request, &job->answer, err) ||
        !bot_answer_read(buf_bytes(&job->answer), &document, out_result, err))
        return err_prefix(err, "%s", method);
    yyjson_doc_free(job->document);
    job->document = document;
    return true;
}

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    char part[4096];
    size_t len = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return err_set(err, ERR_REJECT, "--certificate: %s", strerror(errno));
    bool fits = true;
    while (fits && (len = fread(part, 1, sizeof(part), file)) > 0)
        fits = buf_append(out, part, len);
    bool is_read = ferror(file) == 0;
    (void)fclose(file);
    if (!is_read || !fits || out->len == 0)
        return err_set(err, ERR_REJECT, "--certificate: not readable, empty or too long");
    return true;
}

static bool add_certificate(struct job *job, struct err *err)
{
    if (job->options->certificate_file == NULL)
        return true;
    if (!read_file(job->options->certificate_file, &job->certificate, err))
        return false;
    add_field(job, "certificate", buf_bytes(&job->certificate), true);
    return true;
}

static bool add_given(struct job *job, struct err *err)
{
    add_field(job, "secret_token", bytes_of_text(job->secrets->present), false);
    if (job->options->ip_address != NULL)
        add_field(job, "ip_address", bytes_of_text(job->options->ip_address), false);
    return add_certificate(job, err);
}

static void add_connections(struct job *job, int64_t number)
{
    (void)snprintf(job->connections, sizeof(job->connections), "%lld", (long long)number);
    add_field(job, "max_connections", bytes_of_text(job->connections), false);
}

/* The field's JSON array of names is begun, grown and ended. */
static bool add_name(struct buf *list, struct bytes name)
{
    return buf_appendf(list, "%s\"%.*s\"", list->len == 0 ? "[" : ",", (int)name.len, name.data);
}

static bool add_list(struct job *job, bool is_whole, struct err *err)
{
    if (!is_whole || !buf_append(&job->kinds, "]", 1))
        return err_set(err, ERR_REJECT, "the list of update kinds is too long");
    add_field(job, "allowed_updates", buf_bytes(&job->kinds), false);
    return true;
}

static bool add_kinds(struct job *job, struct err *err)
{
    uint32_t wanted = job->options->allowed_kinds;
    bool is_whole = true;
    for (unsigned kind = UPDATE_OTHER + 1; kind < UPDATE_KINDS; kind++) {
        if (wanted == 0 || (wanted >> kind & 1) != 0)
            is_whole =
                is_whole &&
                add_name(&job->kinds, bytes_of_text(update_kind_name((enum update_kind)kind)));
    }
    return add_list(job, is_whole, err);
}

/* Names come from Telegram: one that is no plain word could not have been asked for. */
static bool is_plain(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] != '_' && (name.data[i] < 'a' || name.data[i] > 'z'))
            return false;
    return name.len > 0;
}

static bool add_present_kinds(struct job *job, yyjson_val *names, struct err *err)
{
    bool is_whole = true;
    if (yyjson_arr_size(names) == 0)
        return true; /* left out, Telegram keeps what it has */
    yyjson_arr_iter all = yyjson_arr_iter_with(names);
    for (yyjson_val *each = yyjson_arr_iter_next(&all); each != NULL;
         each = yyjson_arr_iter_next(&all)) {
        struct bytes name = {yyjson_get_str(each), yyjson_get_len(each)};
        is_whole = is_whole && is_plain(name) && add_name(&job->kinds, name);
    }
    return add_list(job, is_whole, err);
}

static bool set(struct job *job, struct err *err)
{
    const struct webhook_options *options = job->options;
    yyjson_val *result = NULL;
    add_field(job, "url", bytes_of_text(options->url), false);
    add_connections(job, options->max_connections == 0 ? CONNECTIONS_STANDARD
                                                       : options->max_connections);
    if (!add_given(job, err) || !add_kinds(job, err) || !call(job, "setWebhook", &result, err))
        return false;
    (void)fputs("webhook: set; Telegram posts the waiting updates now\n", job->out);
    return true;
}

static bool load_info(struct job *job, struct webhook_info *out, struct err *err)
{
    yyjson_val *result = NULL;
    return call(job, "getWebhookInfo", &result, err) && webhook_info_read(result, out, err);
}

static bool show_info(struct job *job, struct err *err)
{
    struct webhook_info info;
    if (!load_info(job, &info, err))
        return false;
    struct buf shown;
    buf_init(&shown, WEBHOOK_INFO_BYTES_MAX);
    webhook_info_show(&info, &shown);
    (void)fwrite(shown.data, 1, shown.len, job->out);
    buf_done(&shown);
    return true;
}

static bool delete_webhook(struct job *job, struct err *err)
{
    yyjson_val *result = NULL;
    if (!call(job, "deleteWebhook", &result, err))
        return false;
    (void)fputs("webhook: none is set; waiting updates are kept for polling\n", job->out);
    return true;
}

static bool rotate(struct job *job, struct err *err)
{
    struct webhook_info info;
    yyjson_val *result = NULL;
    if (!load_info(job, &info, err))
        return false;
    if (info.url.len == 0)
        return err_set(err, ERR_REJECT, "no webhook is set; use webhook set --url URL");
    if (info.has_certificate && job->options->certificate_file == NULL)
        return err_set(err, ERR_REJECT,
                       "the webhook has a certificate of its own, which Telegram would forget; "
                       "give it again with --certificate FILE");
    yyjson_doc *present = job->document; /* info points into it */
    job->document = NULL;
    add_field(job, "url", info.url, false);
    if (info.max_connections > 0)
        add_connections(job, info.max_connections);
    bool is_set = add_given(job, err) && add_present_kinds(job, info.allowed_updates, err) &&
                  call(job, "setWebhook", &result, err);
    yyjson_doc_free(present);
    if (is_set)
        (void)fputs("webhook: Telegram sends the new secret from now on; requests on their way "
                    "still have the old one\n"
                    "next: after a minute start every gateway without "
                    "GATEWAY_WEBHOOK_SECRET_PREVIOUS\n",
                    job->out);
    return is_set;
}

bool webhook_command_check(const struct webhook_options *options,
                           const struct webhook_secrets *secrets, struct err *err)
{
    bool is_rotation = options->action == WEBHOOK_ROTATE_SECRET;
    if ((is_rotation || options->action == WEBHOOK_SET) && secrets->present[0] == '\0')
        return err_set(err, ERR_REJECT, "GATEWAY_WEBHOOK_SECRET: missing; Telegram has to send it");
    if (is_rotation && secrets->previous[0] == '\0')
        return err_set(err, ERR_REJECT,
                       "GATEWAY_WEBHOOK_SECRET_PREVIOUS: missing; it is the secret that Telegram "
                       "sends until now, and the gateways must accept both");
    if (is_rotation && strcmp(secrets->present, secrets->previous) == 0)
        return err_set(err, ERR_REJECT,
                       "GATEWAY_WEBHOOK_SECRET: is the same as "
                       "GATEWAY_WEBHOOK_SECRET_PREVIOUS, so nothing changes");
    return true;
}

static bool run(struct job *job, struct err *err)
{
    switch (job->options->action) {
    case WEBHOOK_SET:
        return set(job, err);
    case WEBHOOK_INFO:
        return show_info(job, err);
    case WEBHOOK_DELETE:
        return delete_webhook(job, err);
    case WEBHOOK_ROTATE_SECRET:
        return rotate(job, err);
    case WEBHOOK_HELP:
        break;
    }
    webhook_options_print_usage(job->out);
    return true;
}

bool webhook_command_run(const struct bot_port *bot, const struct webhook_options *options,
                         const struct webhook_secrets *secrets, FILE *out, struct err *err)
{
    struct job job = {.bot = bot, .options = options, .secrets = secrets, .out = out};
    job_init(&job);
    bool is_done = run(&job, err);
    job_done(&job);
    return is_done;
}
