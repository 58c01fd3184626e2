/* fuzz_store_commands: any words after `telefact-store`; see fuzz_commands.h. Standard input is no
 * terminal. */
#include "services/store/commands.h"
#include "services/store/dlq_options.h"
#include "services/store/erase_options.h"
#include "services/store/verify_options.h"
#include "tests/fuzz/fuzz_commands.h"

/* EXIT_SUCCESS: it shows its help. */
static int expect_verify(char **words, int count)
{
    char *copy[FUZZ_WORDS_MAX + 2] = {NULL};
    struct verify_options options;
    struct err err;
    memcpy(copy, words, (size_t)count * sizeof(*words));
    if (!verify_options_parse(count, copy, &options, &err))
        return EXIT_USAGE;
    return options.is_help ? EXIT_SUCCESS : EXIT_CONFIG;
}

static int expect_dlq(char **words, int count)
{
    char *copy[FUZZ_WORDS_MAX + 2] = {NULL};
    struct dlq_options options;
    struct err err;
    memcpy(copy, words, (size_t)count * sizeof(*words));
    if (!dlq_options_parse(count, copy, &options, &err))
        return EXIT_USAGE;
    return options.action == DLQ_HELP ? EXIT_SUCCESS : EXIT_CONFIG;
}

static int expect_erase(char **words, int count)
{
    char *copy[FUZZ_WORDS_MAX + 2] = {NULL};
    struct erase_options options;
    struct err err;
    memcpy(copy, words, (size_t)count * sizeof(*words));
    if (!erase_options_parse(count, copy, &options, &err))
        return EXIT_USAGE;
    DEMAND(options.is_help || options.user_id != 0);
    if (options.is_help)
        return EXIT_SUCCESS;
    return options.is_agreed ? EXIT_CONFIG : EXIT_USAGE; /* nobody can be asked */
}

static int expect(char **words, int count)
{
    if (count == 0 || (count == 1 && strcmp(words[0], "run") == 0) ||
        (count == 1 && strcmp(words[0], "migrate") == 0))
        return EXIT_CONFIG;
    if (strcmp(words[0], "verify") == 0)
        return expect_verify(words, count);
    if (strcmp(words[0], "erase") == 0)
        return expect_erase(words, count);
    return strcmp(words[0], "dlq") == 0 ? expect_dlq(words, count) : EXIT_USAGE;
}

/* fuzz_import_options and fuzz_replay_options. */
static bool has_own_fuzzer(const char *word)
{
    return strcmp(word, "import") == 0 || strcmp(word, "replay") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(fuzz_bytes(data, size));
    struct fuzz_words words;
    int code = fuzz_commands(commands_run, (char[]){"telefact-store"}, text, &words);
    if (words.count == 0 || (words.all[1][0] != '-' && !has_own_fuzzer(words.all[1])))
        DEMAND(code == expect(words.all + 1, words.count));
    free(text);
    return 0;
}
