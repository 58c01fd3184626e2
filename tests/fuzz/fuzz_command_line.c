/*
 * fuzz_command_line: any words after a program's name.
 *
 * One word a line. What runs, with what, and the exit code are those that a plain reading of the
 * words gives; help goes to standard output, refusals to standard error.
 */
#include "libs/base/command_line.h"

#include "tests/fuzz/fuzz.h"

#include <getopt.h>

#define WORDS_MAX 8
#define CODE_RAN 3

enum act { RUN, MIGRATE, CREATE, WEBHOOK, CHECK_CONFIG, REFERENCE, HELP, VERSION, REFUSE };

static struct {
    enum act act;
    int runs;
    int dones;
    int words;
} did;

static int note(void *settings, enum act act)
{
    const int64_t *numbers = settings;
    DEMAND(numbers[0] == 0 && numbers[1] == 0);
    ((int64_t *)settings)[1] = 1;
    did.act = act;
    did.runs++;
    return CODE_RAN;
}

static int run(void *settings)
{
    return note(settings, RUN);
}

static int migrate(void *settings)
{
    return note(settings, MIGRATE);
}

static int create(void *settings)
{
    return note(settings, CREATE);
}

static int webhook(void *settings, int argc, char **argv)
{
    DEMAND(argc >= 1 && strcmp(argv[0], "webhook") == 0 && argv[argc] == NULL);
    did.words = argc;
    return note(settings, WEBHOOK);
}

static int check_config(void *settings)
{
    return note(settings, CHECK_CONFIG);
}

static void settings_done(void *settings)
{
    DEMAND(((const int64_t *)settings)[1] == 1);
    did.dones++;
}

static void print_reference(FILE *out)
{
    did.act = REFERENCE;
    (void)fputs("reference\n", out);
}

static const struct subcommand SUBCOMMANDS[] = {{.words = "run", .run = run},
                                                {.words = "migrate", .run = migrate},
                                                {.words = "topics create", .run = create},
                                                {.words = "webhook", .run_with = webhook}};

static const struct command_line LINE = {
    .name = "program",
    .version = "1.2.3",
    .synopsis = "  run\n",
    .subcommands = SUBCOMMANDS,
    .count = sizeof(SUBCOMMANDS) / sizeof(*SUBCOMMANDS),
    .settings_size = 2 * sizeof(int64_t),
    .settings_done = settings_done,
    .check_config = check_config,
    .print_reference = print_reference,
};

/* As getopt_long reads a long option: any beginning of one name that is no other's. */
static enum act expect_long(const char *name)
{
    static const char *const names[] = {"help", "version", "check-config", "print-settings"};
    static const enum act acts[] = {HELP, VERSION, CHECK_CONFIG, REFERENCE};
    size_t len = strlen(name);
    for (size_t i = 0; i < 4 && len > 0; i++)
        if (strncmp(names[i], name, len) == 0)
            return acts[i];
    return REFUSE;
}

static enum act expect_words(char **words, int count)
{
    char joined[64] = "";
    if (count == 0)
        return RUN;
    if (strcmp(words[0], "webhook") == 0)
        return WEBHOOK;
    for (int i = 0; i < count; i++)
        if (strlen(joined) + strlen(words[i]) + 2 < sizeof(joined))
            (void)snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
                           i == 0 ? "" : " ", words[i]);
        else
            return REFUSE;
    if (strcmp(joined, "run") == 0)
        return RUN;
    if (strcmp(joined, "migrate") == 0)
        return MIGRATE;
    return strcmp(joined, "topics create") == 0 ? CREATE : REFUSE;
}

/* words[0] is the program's name. */
static enum act expect(char **words, int count)
{
    const char *first = count > 1 ? words[1] : "";
    if (strcmp(first, "--") == 0)
        return expect_words(words + 2, count - 2);
    if (strncmp(first, "--", 2) == 0)
        return expect_long(first + 2);
    if (first[0] != '-' || first[1] == '\0')
        return expect_words(words + 1, count - 1);
    if (first[1] == 'h')
        return HELP;
    return first[1] == 'V' ? VERSION : REFUSE;
}

static void check(enum act expected, int code, struct bytes out, struct bytes errors)
{
    if (expected == REFUSE) {
        DEMAND(code == EXIT_USAGE && did.runs == 0 && out.len == 0 && errors.len > 0);
        return;
    }
    DEMAND(errors.len == 0);
    bool is_shown = expected == HELP || expected == VERSION || expected == REFERENCE;
    DEMAND(is_shown == (out.len > 0));
    DEMAND(code == (is_shown ? EXIT_SUCCESS : CODE_RAN));
    DEMAND(did.runs == (is_shown ? 0 : 1) && did.dones == did.runs);
    if (expected != HELP && expected != VERSION)
        DEMAND(did.act == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output out;
    static struct fuzz_output errors;
    char *words[WORDS_MAX + 2];
    FILE *kept_out = stdout;
    FILE *kept_errors = fuzz_errors();
    char *text = fuzz_text(fuzz_bytes(data, size));
    words[0] = (char[]){"program"};
    int count = 1 + (text[0] == '\0' ? 0 : fuzz_lines(text, words + 1, WORDS_MAX));
    words[count] = NULL;
    enum act expected = expect(words, count);

    memset(&did, 0, sizeof(did));
    optind = 0; /* glibc: begin anew */
    stdout = fuzz_output_begin(&out);
    stderr = fuzz_output_begin(&errors);
    int code = command_line_run(&LINE, count, words);
    stdout = kept_out;
    stderr = kept_errors;
    check(expected, code, fuzz_output_end(&out), fuzz_output_end(&errors));
    free(text);
    return 0;
}
