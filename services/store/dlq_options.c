#include "services/store/dlq_options.h"

#include <getopt.h>

#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 1000000

enum option_code { /* beyond the short options */
                   OPTION_DECISION = 256,
                   OPTION_CAUSE,
                   OPTION_PARTITION,
                   OPTION_LIMIT,
                   OPTION_FROM,
                   OPTION_JSON,
                   OPTION_REVEAL,
                   OPTION_ALL,
                   OPTION_FORCE,
                   OPTION_YES,
                   OPTION_OUTPUT,
};
#define BIT(code) (1U << ((code) - OPTION_DECISION))

static const struct {
    const char *word;
    enum dlq_action action;
    uint32_t allowed; /* options */
} ACTIONS[] = {
    {"list", DLQ_LIST,
     BIT(OPTION_DECISION) | BIT(OPTION_CAUSE) | BIT(OPTION_PARTITION) | BIT(OPTION_LIMIT) |
         BIT(OPTION_FROM) | BIT(OPTION_JSON)},
    {"show", DLQ_SHOW, BIT(OPTION_REVEAL)},
    {"retry", DLQ_RETRY, BIT(OPTION_CAUSE) | BIT(OPTION_ALL) | BIT(OPTION_FORCE) | BIT(OPTION_YES)},
    {"drop", DLQ_DROP, BIT(OPTION_CAUSE) | BIT(OPTION_ALL) | BIT(OPTION_YES)},
    {"export", DLQ_EXPORT,
     BIT(OPTION_DECISION) | BIT(OPTION_CAUSE) | BIT(OPTION_PARTITION) | BIT(OPTION_OUTPUT)},
};

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"decision", required_argument, NULL, OPTION_DECISION},
    {"cause", required_argument, NULL, OPTION_CAUSE},
    {"partition", required_argument, NULL, OPTION_PARTITION},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"from", required_argument, NULL, OPTION_FROM},
    {"json", no_argument, NULL, OPTION_JSON},
    {"reveal", no_argument, NULL, OPTION_REVEAL},
    {"all", no_argument, NULL, OPTION_ALL},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"yes", no_argument, NULL, OPTION_YES},
    {"output", required_argument, NULL, OPTION_OUTPUT},
    {NULL, 0, NULL, 0},
};

void dlq_options_print_usage(FILE *out)
{
    (void)fputs(
        "usage: telefact-store dlq list [FILTER]... [--limit N] [--from PLACE] [--json]\n"
        "       telefact-store dlq show PLACE [--reveal]\n"
        "       telefact-store dlq retry PLACE... | --cause CAUSE | --all  [--force]\n"
        "       telefact-store dlq drop PLACE... | --cause CAUSE | --all  [--yes]\n"
        "       telefact-store dlq export [FILTER]... [--output FILE]\n"
        "\n"
        "A dead letter is a record that was set aside; PLACE is where it stands in the log,\n"
        "written PARTITION:OFFSET.\n"
        "\n"
        "  list    the open ones, by place; --limit 50 of them, from --from on\n"
        "  show    one of them with its event; what people wrote only with --reveal\n"
        "  retry   write the record to the events topic again: the store applies it once\n"
        "    --force   also what would be refused again, and a PLACE that was decided on before\n"
        "  drop    decide that it stays set aside; --yes for more than one\n"
        "  export  everything, one JSON object a line, key and value in base64\n"
        "\n"
        "FILTER: --decision open|retried|dropped|any, --cause CAUSE, --partition N\n"
        "Needs STORE_DATABASE_URL and STORE_BOT_ID; retry needs Kafka's settings too.\n",
        out);
}

/* ---- values ---- */

static bool set_number(const char *name, const char *text, int64_t max, int64_t *out,
                       struct err *err)
{
    int64_t number = 0;
    if (!bytes_get_int64(bytes_of_text(text), &number) || number < 0 || number > max)
        return err_set(err, ERR_REJECT, "--%s: not a number up to %lld", name, (long long)max);
    *out = number;
    return true;
}

static bool set_place(const char *text, struct letter_place *out, struct err *err)
{
    size_t len = strcspn(text, ":");
    int64_t partition = 0;
    int64_t offset = 0;
    if (text[len] != ':' || !bytes_get_int64((struct bytes){text, len}, &partition) ||
        !bytes_get_int64(bytes_of_text(text + len + 1), &offset) || partition < 0 ||
        partition > INT32_MAX || offset < 0)
        return err_set(err, ERR_REJECT, "dlq: \"%s\" is no place, write PARTITION:OFFSET", text);
    *out = (struct letter_place){(int32_t)partition, offset};
    return true;
}

static bool set_decision(const char *text, enum letter_decision *out, struct err *err)
{
    if (strcmp(text, "any") == 0) {
        *out = LETTER_ANY;
        return true;
    }
    for (int decision = LETTER_OPEN; decision <= LETTER_DROPPED; decision++) {
        if (strcmp(text, letter_decision_name((enum letter_decision)decision)) == 0) {
            *out = (enum letter_decision)decision;
            return true;
        }
    }
    return err_set(err, ERR_REJECT, "--decision: open, retried, dropped or any");
}

static bool set_partition(const char *text, int32_t *out, struct err *err)
{
    int64_t number = 0;
    if (!set_number("partition", text, INT32_MAX, &number, err))
        return false;
    *out = (int32_t)number;
    return true;
}

static bool set_limit(const char *text, int64_t *out, struct err *err)
{
    if (!set_number("limit", text, LIST_LIMIT_MAX, out, err))
        return false;
    return *out > 0 || err_set(err, ERR_REJECT, "--limit: at least 1");
}

/* ---- options ---- */

struct parsing {
    struct dlq_options *options;
    uint32_t given; /* options, as BIT */
};

static bool take(struct parsing *parsing, int code, const char *value, struct err *err)
{
    struct dlq_options *options = parsing->options;
    switch (code) {
    case OPTION_DECISION:
        return set_decision(value, &options->filter.decision, err);
    case OPTION_CAUSE:
        options->filter.cause = value;
        return true;
    case OPTION_PARTITION:
        return set_partition(value, &options->filter.partition, err);
    case OPTION_LIMIT:
        return set_limit(value, &options->limit, err);
    case OPTION_FROM:
        return set_place(value, &options->from, err);
    case OPTION_OUTPUT:
        options->output = value;
        return true;
    default:
        options->is_json = options->is_json || code == OPTION_JSON;
        options->reveals = options->reveals || code == OPTION_REVEAL;
        options->forces = options->forces || code == OPTION_FORCE;
        return true;
    }
}

static bool take_options(struct parsing *parsing, int argc, char **argv, uint32_t allowed,
                         struct err *err)
{
    int code = 0;
    optind = 0; /* glibc: begin anew, the words before were scanned already */
    while ((code = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1) {
        if (code == 'h') {
            parsing->options->action = DLQ_HELP;
            return true;
        }
        if (code == '?' || (allowed & BIT(code)) == 0)
            return err_set(err, ERR_REJECT, "dlq %s: see dlq --help for its options", argv[0]);
        parsing->given |= BIT(code);
        if (!take(parsing, code, optarg, err))
            return false;
    }
    return true;
}

static bool take_places(struct dlq_options *options, int count, char **words, struct err *err)
{
    if (count > DLQ_PLACES_MAX)
        return err_set(err, ERR_REJECT, "dlq: at most %d places", DLQ_PLACES_MAX);
    for (int i = 0; i < count; i++)
        if (!set_place(words[i], &options->places[options->place_count++], err))
            return false;
    return true;
}

/* Which letters are meant must be said once. */
static bool check_choice(const struct parsing *parsing, struct err *err)
{
    const struct dlq_options *options = parsing->options;
    size_t count = options->place_count;
    int ways = (count > 0 ? 1 : 0) + ((parsing->given & BIT(OPTION_ALL)) != 0 ? 1 : 0) +
               (options->filter.cause != NULL ? 1 : 0);
    switch (options->action) {
    case DLQ_HELP:
        return true;
    case DLQ_LIST:
    case DLQ_EXPORT:
        return count == 0 || err_set(err, ERR_REJECT, "dlq: places are for show, retry and drop");
    case DLQ_SHOW:
        return count == 1 || err_set(err, ERR_REJECT, "dlq show: one place is needed");
    case DLQ_RETRY:
    case DLQ_DROP:
        if (ways != 1)
            return err_set(err, ERR_REJECT, "dlq: either places, or --cause, or --all");
        if (options->action == DLQ_DROP && count != 1 && (parsing->given & BIT(OPTION_YES)) == 0)
            return err_set(err, ERR_REJECT, "dlq drop: more than one, say --yes");
        return true;
    }
    return true;
}

bool dlq_options_parse(int argc, char **argv, struct dlq_options *out, struct err *err)
{
    struct parsing parsing = {.options = out};
    *out = (struct dlq_options){.filter = {.decision = LETTER_OPEN, .partition = -1},
                                .limit = LIST_LIMIT};
    if (argc < 2)
        return err_set(err, ERR_REJECT, "dlq: list, show, retry, drop or export?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return true;
    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(*ACTIONS); i++) {
        if (strcmp(argv[1], ACTIONS[i].word) != 0)
            continue;
        out->action = ACTIONS[i].action;
        if (out->action == DLQ_EXPORT)
            out->filter.decision = LETTER_ANY;
        return take_options(&parsing, argc - 1, argv + 1, ACTIONS[i].allowed, err) &&
               (out->action == DLQ_HELP ||
                take_places(out, argc - 1 - optind, argv + 1 + optind, err)) &&
               check_choice(&parsing, err);
    }
    return err_set(err, ERR_REJECT, "dlq: \"%s\" is none of list, show, retry, drop, export",
                   argv[1]);
}
