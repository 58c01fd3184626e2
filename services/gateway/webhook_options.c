#include "services/gateway/webhook_options.h"

#include "libs/base/bytes.h"
#include "libs/base/redact.h"
#include "services/gateway/translate.h"

#include <getopt.h>

#define CONNECTIONS_MAX 100 /* Telegram's own limit */

_Static_assert(UPDATE_KINDS <= 32, "a kind is a bit of allowed_kinds");

static const struct {
    const char *word;
    enum webhook_action action;
    const char *options; /* the short codes that it takes */
} ACTIONS[] = {
    {"set", WEBHOOK_SET, "hucimk"},
    {"info", WEBHOOK_INFO, "h"},
    {"delete", WEBHOOK_DELETE, "h"},
    {"rotate-secret", WEBHOOK_ROTATE_SECRET, "hci"},
};

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"url", required_argument, NULL, 'u'},
    {"certificate", required_argument, NULL, 'c'},
    {"ip-address", required_argument, NULL, 'i'},
    {"max-connections", required_argument, NULL, 'm'},
    {"allowed-updates", required_argument, NULL, 'k'},
    {NULL, 0, NULL, 0},
};

void webhook_options_print_usage(FILE *out)
{
    (void)fputs(
        "usage: telefact-gateway webhook set --url URL [OPTION]...\n"
        "       telefact-gateway webhook info\n"
        "       telefact-gateway webhook delete\n"
        "       telefact-gateway webhook rotate-secret [--certificate FILE] [--ip-address IP]\n"
        "\n"
        "  set            have Telegram post to URL, with the secret GATEWAY_WEBHOOK_SECRET\n"
        "    --max-connections N     requests at a time, 1 to 100 (default 40)\n"
        "    --allowed-updates LIST  kinds, comma separated (default all, reactions and\n"
        "                            chat_member included)\n"
        "    --certificate FILE      a self-signed certificate (PEM) that Telegram shall trust\n"
        "    --ip-address IP         the address to use instead of what DNS says\n"
        "  info           show what Telegram knows of the webhook\n"
        "  delete         have Telegram post no more; waiting updates are kept for polling\n"
        "  rotate-secret  give Telegram the new secret and keep the rest of the webhook:\n"
        "    1. start every gateway with the new GATEWAY_WEBHOOK_SECRET and with the old one as\n"
        "       GATEWAY_WEBHOOK_SECRET_PREVIOUS; both are accepted\n"
        "    2. run this with the same two\n"
        "    3. after a minute start every gateway without GATEWAY_WEBHOOK_SECRET_PREVIOUS\n"
        "    Telegram does not tell which certificate or address was given: give them again.\n"
        "\n"
        "Waiting updates are never dropped. The token is GATEWAY_BOT_TOKEN.\n",
        out);
}

static bool set_connections(struct webhook_options *options, const char *text, struct err *err)
{
    int64_t number = 0;
    if (!bytes_get_int64(bytes_of_text(text), &number) || number < 1 || number > CONNECTIONS_MAX)
        return err_set(err, ERR_REJECT, "--max-connections: 1 to %d, not \"%s\"", CONNECTIONS_MAX,
                       text);
    options->max_connections = (int)number;
    return true;
}

static bool add_kind(struct webhook_options *options, struct bytes name, struct err *err)
{
    for (unsigned kind = UPDATE_OTHER + 1; kind < UPDATE_KINDS; kind++) {
        if (bytes_equal(name, bytes_of_text(update_kind_name((enum update_kind)kind)))) {
            options->allowed_kinds |= UINT32_C(1) << kind;
            return true;
        }
    }
    return err_set(err, ERR_REJECT, "--allowed-updates: \"%.*s\" is no kind of update",
                   (int)name.len, name.data);
}

static bool set_kinds(struct webhook_options *options, const char *list, struct err *err)
{
    for (;;) {
        size_t len = strcspn(list, ",");
        if (!add_kind(options, (struct bytes){list, len}, err))
            return false;
        if (list[len] == '\0')
            return true;
        list += len + 1;
    }
}

static bool has_token(const char *text)
{
    char copy[1024];
    size_t len = strlen(text);
    if (len >= sizeof(copy))
        return true; /* no URL of a webhook is that long */
    memcpy(copy, text, len + 1);
    size_t left = redact_tokens(copy, len);
    return left != len || memcmp(copy, text, len) != 0;
}

static bool set_url(struct webhook_options *options, const char *url, struct err *err)
{
    if (strncmp(url, "https://", strlen("https://")) != 0 &&
        strncmp(url, "http://", strlen("http://")) != 0)
        return err_set(err, ERR_REJECT,
                       "--url: must start with https:// (http:// for a Bot API "
                       "server of your own)");
    if (has_token(url))
        return err_set(err, ERR_REJECT,
                       "--url: holds a bot token or is too long; URLs are logged "
                       "by proxies, use a random path");
    options->url = url;
    return true;
}

static bool take(struct webhook_options *options, int code, const char *value, struct err *err)
{
    switch (code) {
    case 'u':
        return set_url(options, value, err);
    case 'c':
        options->certificate_file = value;
        return true;
    case 'i':
        options->ip_address = value;
        return true;
    case 'm':
        return set_connections(options, value, err);
    case 'k':
        return set_kinds(options, value, err);
    default:
        options->action = WEBHOOK_HELP;
        return true;
    }
}

static bool take_options(int argc, char **argv, const char *allowed, struct webhook_options *out,
                         struct err *err)
{
    int code = 0;
    optind = 0; /* glibc: begin anew, the words before were scanned already */
    while ((code = getopt_long(argc, argv, "+h", OPTIONS, NULL)) != -1) {
        if (code == '?' || strchr(allowed, code) == NULL)
            return err_set(err, ERR_REJECT, "webhook %s: see webhook --help for its options",
                           argv[0]);
        if (!take(out, code, optarg, err))
            return false;
    }
    if (optind < argc)
        return err_set(err, ERR_REJECT, "webhook %s: \"%s\" is too much", argv[0], argv[optind]);
    return true;
}

bool webhook_options_parse(int argc, char **argv, struct webhook_options *out, struct err *err)
{
    *out = (struct webhook_options){0};
    if (argc < 2)
        return err_set(err, ERR_REJECT, "webhook: set, info, delete or rotate-secret?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return true;
    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(*ACTIONS); i++) {
        if (strcmp(argv[1], ACTIONS[i].word) != 0)
            continue;
        out->action = ACTIONS[i].action;
        if (!take_options(argc - 1, argv + 1, ACTIONS[i].options, out, err))
            return false;
        if (out->action == WEBHOOK_SET && out->url == NULL)
            return err_set(err, ERR_REJECT, "webhook set: --url is missing");
        return true;
    }
    return err_set(err, ERR_REJECT, "webhook: \"%s\" is none of set, info, delete, rotate-secret",
                   argv[1]);
}
