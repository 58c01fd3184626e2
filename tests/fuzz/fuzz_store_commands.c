/* fuzz_store_commands: any words after `telefact-store`; see fuzz_commands.h. (What `import` takes
 * is fuzz_import_options'.) */
#include "services/store/commands.h"
#include "tests/fuzz/fuzz_commands.h"

static bool is_command(char **words, int count)
{
    return count == 0 ||
           (count == 1 && (strcmp(words[0], "run") == 0 || strcmp(words[0], "migrate") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(fuzz_bytes(data, size));
    struct fuzz_words words;
    int code = fuzz_commands(commands_run, (char[]){"telefact-store"}, text, &words);
    bool has_options = words.count > 0 && strcmp(words.all[1], "import") == 0;
    if (words.count == 0 || (words.all[1][0] != '-' && !has_options))
        DEMAND((code == EXIT_CONFIG) == is_command(words.all + 1, words.count));
    free(text);
    return 0;
}
