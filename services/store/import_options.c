#include "services/store/import_options.h"

#include "libs/base/bytes.h"

#include <getopt.h>

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"from", required_argument, NULL, 'f'},
    {"from-file", required_argument, NULL, 'F'},
    {"source", required_argument, NULL, 's'},
    {"schema", required_argument, NULL, 'S'},
    {"dry-run", no_argument, NULL, 'd'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

void import_options_print_usage(FILE *out)
{
    (void)fputs(
        "usage: telefact-store import tt --from CONNINFO [OPTION]...\n"
        "       telefact-store import tt --from-file FILE [OPTION]...\n"
        "\n"
        "  tt             publish the users, videos and music of a TT-Bot database (version 5)\n"
        "    --from CONNINFO   the database, as postgresql://, postgresql+asyncpg:// or libpq's\n"
        "                      key=value form; other users of this machine may see it\n"
        "    --from-file FILE  a file that holds it instead\n"
        "    --schema NAME     where its tables are (default " IMPORT_SCHEMA_STANDARD ")\n"
        "    --source NAME     names the old bot in the ids of events "
        "(default " IMPORT_SOURCE_STANDARD ");\n"
        "                      under another name the same rows count again\n"
        "    --dry-run         read everything, say what would be imported, write nothing\n"
        "    --json            one JSON object a line instead of text for people\n"
        "\n"
        "Stop TT-Bot before. The old database is only read, from one snapshot. A row that was\n"
        "imported already counts once, so an import that was broken off is run again. Rows that\n"
        "no event can say exactly are named and left out; then the exit code is 1.\n"
        "\n"
        "The topic and the bot are the settings' (STORE_*), see --print-settings.\n"
        "Exit codes: 0 all rows are in the log, 1 failed or rows left out, 64 wrong usage,\n"
        "78 wrong configuration.\n",
        out);
}

/* One line of the text that ids are made from. */
static bool set_source(struct import_options *options, const char *name, struct err *err)
{
    struct bytes text = bytes_of_text(name);
    bool is_printable = bytes_is_utf8(text);
    for (size_t i = 0; i < text.len; i++)
        is_printable = is_printable && (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
    if (text.len == 0 || text.len > IMPORT_SOURCE_MAX || !is_printable)
        return err_set(err, ERR_REJECT, "--source: 1 to %d bytes of printable UTF-8",
                       IMPORT_SOURCE_MAX);
    options->source = name;
    return true;
}

static bool set_schema(struct import_options *options, const char *name, struct err *err)
{
    if (name[0] == '\0' || strlen(name) > IMPORT_SCHEMA_MAX || !bytes_is_utf8(bytes_of_text(name)))
        return err_set(err, ERR_REJECT, "--schema: 1 to %d bytes of UTF-8", IMPORT_SCHEMA_MAX);
    options->schema = name;
    return true;
}

static bool take(struct import_options *options, int code, const char *value, struct err *err)
{
    switch (code) {
    case 'f':
        options->from = value;
        return true;
    case 'F':
        options->from_file = value;
        return true;
    case 's':
        return set_source(options, value, err);
    case 'S':
        return set_schema(options, value, err);
    case 'd':
        options->is_dry_run = true;
        return true;
    case 'j':
        options->is_json = true;
        return true;
    case 'h':
        options->is_help = true;
        return true;
    default:
        return err_set(err, ERR_REJECT, "import tt: see import --help for its options");
    }
}

/* getopt prints what it does not know, which could be a connection string in the wrong place. */
static bool take_options(int argc, char **argv, struct import_options *out, struct err *err)
{
    int code = 0;
    bool is_good = true;
    int says_errors = opterr;
    optind = 0; /* glibc: begin anew, the words before were scanned already */
    opterr = 0;
    while (is_good && (code = getopt_long(argc, argv, "+h", OPTIONS, NULL)) != -1)
        is_good = take(out, code, optarg, err);
    opterr = says_errors;
    if (!is_good)
        return false;
    return optind >= argc ||
           err_set(err, ERR_REJECT, "import tt: takes no word beside its options");
}

bool import_options_parse(int argc, char **argv, struct import_options *out, struct err *err)
{
    *out =
        (struct import_options){.source = IMPORT_SOURCE_STANDARD, .schema = IMPORT_SCHEMA_STANDARD};
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        out->is_help = true;
        return true;
    }
    if (argc < 2 || strcmp(argv[1], "tt") != 0)
        return err_set(err, ERR_REJECT, "import: from what? There is tt; see import --help");
    if (!take_options(argc - 1, argv + 1, out, err))
        return false;
    if (!out->is_help && (out->from == NULL) == (out->from_file == NULL))
        return err_set(err, ERR_REJECT, "import tt: give either --from or --from-file");
    return true;
}
