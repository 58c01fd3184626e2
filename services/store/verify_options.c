#include "services/store/verify_options.h"

#include "libs/base/bytes.h"

#include <getopt.h>
#include <limits.h>

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, 'j'},
    {"generation", required_argument, NULL, 'g'},
    {NULL, 0, NULL, 0},
};

void verify_options_print_usage(FILE *out)
{
    (void)fputs(
        "usage: telefact-store verify [--generation N] [--json]\n"
        "\n"
        "Recounts a generation's tables and compares them with each other, in one snapshot\n"
        "and without writing. The report goes to standard output, progress to standard\n"
        "error. It scans every table several times and holds its snapshot that long.\n"
        "\n"
        "  --generation N  that generation (default: the active one)\n"
        "  --json          the report as one JSON object\n"
        "\n"
        "Exit codes: 0 nothing differs, 1 something does or it failed, 64 wrong usage,\n"
        "78 wrong configuration. Needs STORE_DATABASE_URL and STORE_BOT_ID alone.\n",
        out);
}

static bool set_generation(struct verify_options *options, const char *text, struct err *err)
{
    int64_t number = 0;
    if (!bytes_get_int64(bytes_of_text(text), &number) || number < 1 || number > INT_MAX)
        return err_set(err, ERR_REJECT, "--generation: a number from 1 on, not \"%s\"", text);
    options->generation = (int)number;
    return true;
}

bool verify_options_parse(int argc, char **argv, struct verify_options *out, struct err *err)
{
    struct verify_options options = {0};
    int code = 0;
    optind = 0; /* glibc: begin anew, the words before were scanned already */
    while ((code = getopt_long(argc, argv, "+h", OPTIONS, NULL)) != -1) {
        if (code == '?')
            return err_set(err, ERR_REJECT, "verify: see verify --help for its options");
        if (code == 'g' && !set_generation(&options, optarg, err))
            return false;
        options.is_help = options.is_help || code == 'h';
        options.is_json = options.is_json || code == 'j';
    }
    if (optind < argc)
        return err_set(err, ERR_REJECT, "verify: \"%s\" is too much", argv[optind]);
    *out = options;
    return true;
}
