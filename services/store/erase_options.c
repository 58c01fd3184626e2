#include "services/store/erase_options.h"

#include "libs/base/bytes.h"
#include "libs/wire/erasure.h"
#include "libs/wire/event_id.h"

#include <getopt.h>

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},     {"user", required_argument, NULL, 'u'},
    {"id", required_argument, NULL, 'i'}, {"yes", no_argument, NULL, 'y'},
    {"wait", no_argument, NULL, 'w'},     {NULL, 0, NULL, 0},
};

void erase_options_print_usage(FILE *out)
{
    (void)fputs(
        "usage: telefact-store erase --user ID [--yes] [--wait] [--id UUID]\n"
        "\n"
        "Erases a person (or a group: an id below zero) from everything that is made of the log:\n"
        "names, settings, links go; what the person did keeps counting under a pseudonym. Events "
        "of\n"
        "the id that are dated up to now and come later are dropped. It cannot be taken back.\n"
        "\n"
        "  --user ID  whom, by the Telegram id\n"
        "  --yes      do not ask; needed where nobody can be asked\n"
        "  --wait     also wait until the store has applied it, at most ten minutes\n"
        "  --id UUID  go on with an interrupted erase: the UUID that it printed first\n"
        "\n"
        "It writes one event to every partition of the events topic and prints the position "
        "behind\n"
        "them. The log itself keeps what it holds: see docs/erase.md.\n"
        "Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.\n",
        out);
}

static bool take_user(const char *text, struct erase_options *out, struct err *err)
{
    int64_t id = 0;
    if (!bytes_get_int64(bytes_of_text(text), &id) || id == 0)
        return err_set(err, ERR_REJECT, "--user: not a Telegram id");
    if (erasure_is_pseudonym(id))
        return err_set(err, ERR_REJECT, "--user: this is a pseudonym; nobody stands behind it");
    out->user_id = id;
    return true;
}

static bool take_id(const char *text, struct erase_options *out, struct err *err)
{
    if (!event_id_get_uuid7(bytes_of_text(text), out->id))
        return err_set(err, ERR_REJECT, "--id: not the UUID that an erase printed");
    out->has_id = true;
    return true;
}

static bool take(int code, struct erase_options *out, struct err *err)
{
    switch (code) {
    case 'h':
        out->is_help = true;
        return true;
    case 'u':
        return take_user(optarg, out, err);
    case 'i':
        return take_id(optarg, out, err);
    case 'y':
        out->is_agreed = true;
        return true;
    case 'w':
        out->is_waiting = true;
        return true;
    default:
        return err_set(err, ERR_REJECT,
                       "erase: unknown option, or one without its value; see --help");
    }
}

bool erase_options_parse(int argc, char **argv, struct erase_options *out, struct err *err)
{
    struct erase_options options = {0};
    int code = 0;
    opterr = 0;
    optind = 0; /* the words of the command line were parsed before */
    while ((code = getopt_long(argc, argv, "+:h", OPTIONS, NULL)) != -1)
        if (!take(code, &options, err))
            return false;
    if (!options.is_help && optind < argc)
        return err_set(err, ERR_REJECT, "erase: takes options only; see --help");
    if (!options.is_help && options.user_id == 0)
        return err_set(err, ERR_REJECT, "erase: --user is missing; see --help");
    *out = options;
    return true;
}
