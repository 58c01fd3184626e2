/*
 * fuzz_replay_options: any words after `telefact-store replay`.
 *
 * One word a line. What is accepted keeps its bounds and has at most one end; a refusal is one
 * line.
 */
#include "services/store/replay_options.h"

#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 16

static void check_options(const struct replay_options *options)
{
    DEMAND(options->generation >= 0 && options->generation <= 1000000);
    DEMAND(options->action != REPLAY_DROP || options->generation > 0);
    DEMAND(options->cpu_percent >= 1 && options->cpu_percent <= 100);
    DEMAND(options->grace_ms >= 0 && options->live_lag_max >= 0);
    DEMAND(!options->has_as_of_time || options->as_of_ms >= 0);
    for (size_t i = 0; i < options->as_of_position.count; i++)
        DEMAND(options->as_of_position.entries[i].next_offset >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[WORDS_MAX + 2] = {(char[]){"replay"}};
    char *text = fuzz_text(fuzz_bytes(data, size));
    int count = 1 + (text[0] == '\0' ? 0 : fuzz_lines(text, words + 1, WORDS_MAX));
    struct replay_options options;
    struct err err = {0};
    FILE *kept = fuzz_errors();
    if (replay_options_parse(count, words, &options, &err))
        check_options(&options);
    else
        DEMAND(err.kind == ERR_REJECT && fuzz_is_one_line(bytes_of_text(err.text)));
    stderr = kept;
    replay_options_done(&options);
    free(text);
    return 0;
}
