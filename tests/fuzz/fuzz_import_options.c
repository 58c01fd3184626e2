/*
 * fuzz_import_options: any words after `telefact-store import`.
 *
 * One word a line. What is accepted has one place to import from and names within their limits, and
 * means the same when it is written again in full; a refusal is one line that repeats no word which
 * could be a connection string.
 */
#include "services/store/import_options.h"

#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 16

static void check_options(const struct import_options *options)
{
    struct bytes source = bytes_of_text(options->source);
    struct bytes schema = bytes_of_text(options->schema);
    DEMAND((options->from == NULL) != (options->from_file == NULL));
    DEMAND(source.len > 0 && source.len <= IMPORT_SOURCE_MAX && bytes_is_utf8(source));
    DEMAND(fuzz_is_one_line(source));
    DEMAND(schema.len > 0 && schema.len <= IMPORT_SCHEMA_MAX && bytes_is_utf8(schema));
}

static int add_words(char **words, int count, char *option, const char *value)
{
    words[count] = option;
    words[count + 1] = (char *)(uintptr_t)value;
    return count + 2;
}

/* Written in full, every option is there once and in another order. */
static void check_again(const struct import_options *options)
{
    char *words[WORDS_MAX + 1] = {(char[]){"import"}, (char[]){"tt"}};
    int count = 2;
    if (options->is_json)
        words[count++] = (char[]){"--json"};
    if (options->is_dry_run)
        words[count++] = (char[]){"--dry-run"};
    count = add_words(words, count, (char[]){"--schema"}, options->schema);
    count = add_words(words, count, (char[]){"--source"}, options->source);
    if (options->from != NULL)
        count = add_words(words, count, (char[]){"--from"}, options->from);
    else
        count = add_words(words, count, (char[]){"--from-file"}, options->from_file);

    struct import_options again;
    struct err err;
    DEMAND(import_options_parse(count, words, &again, &err));
    DEMAND(again.from == options->from && again.from_file == options->from_file);
    DEMAND(again.source == options->source && again.schema == options->schema);
    DEMAND(again.is_json == options->is_json && again.is_dry_run == options->is_dry_run);
    DEMAND(!again.is_help);
}

static void check_refusal(const struct err *err)
{
    struct bytes why = bytes_of_text(err->text);
    DEMAND(err->kind == ERR_REJECT && why.len > 0 && fuzz_is_one_line(why));
    DEMAND(memmem(why.data, why.len, "secret", strlen("secret")) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output errors;
    char *words[WORDS_MAX + 2] = {(char[]){"import"}};
    char *text = fuzz_text(fuzz_bytes(data, size));
    int count = 1 + (text[0] == '\0' ? 0 : fuzz_lines(text, words + 1, WORDS_MAX));
    struct import_options options;
    struct err err = {0};
    FILE *kept = fuzz_errors();
    stderr = fuzz_output_begin(&errors);
    bool is_good = import_options_parse(count, words, &options, &err);
    stderr = kept;
    DEMAND(fuzz_output_end(&errors).len == 0); /* getopt's own words would repeat ours */
    if (!is_good) {
        check_refusal(&err);
    } else if (!options.is_help) {
        check_options(&options);
        check_again(&options);
    }
    free(text);
    return 0;
}
