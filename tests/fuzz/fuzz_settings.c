/*
 * fuzz_settings: any environment against a table with all types of rows.
 *
 * The input is the environment, one entry a line. What is accepted is shown and must be accepted
 * again as the same; no secret may stand in what is shown or reported.
 */
#include "libs/base/settings.h"

#include "tests/fuzz/fuzz.h"

#define ENTRIES_MAX 32
#define SECRET "TOPSECRETVALUE"

struct values {
    char *text;
    char *secret;
    int64_t number;
    bool is_on;
    int choice;
    uint32_t set;
};

static const char *const CHOICES[] = {"one", "two", "three", NULL};
static const char *const REFUSED[] = {"acks", NULL};

#define ROW(name_, type_, field_, ...) \
    {.name = (name_), \
     .type = (type_), \
     .offset = offsetof(struct values, field_), \
     .doc = "x", \
     __VA_ARGS__}

static const struct setting ROWS[] = {
    ROW("APP_TEXT", SETTING_TEXT, text, .standard = "t", .alias = "OTHER"),
    ROW("APP_SECRET", SETTING_SECRET, secret, .standard = SECRET),
    ROW("APP_NUMBER", SETTING_INT, number, .standard = "1", .min = -5, .max = 1000000),
    ROW("APP_ON", SETTING_BOOL, is_on, .standard = "no"),
    ROW("APP_CHOICE", SETTING_CHOICE, choice, .standard = "two", .choices = CHOICES),
    ROW("APP_SET", SETTING_SET, set, .standard = "one,three", .choices = CHOICES),
};

static const struct settings_table TABLE = {.prefix = "APP_",
                                            .pass_prefix = "APP_KAFKA_",
                                            .pass_refused = REFUSED,
                                            .rows = ROWS,
                                            .count = sizeof(ROWS) / sizeof(*ROWS)};

static bool holds_secret(struct bytes text)
{
    return text.len > 0 && memmem(text.data, text.len, SECRET, strlen(SECRET)) != NULL;
}

static void check_values(const struct values *values)
{
    DEMAND(values->number >= -5 && values->number <= 1000000);
    DEMAND(values->choice >= 0 && values->choice < 3 && values->set < 8);
}

/* True: accepted, and shown to `out`. */
static bool show(char **entries, FILE *out)
{
    static struct fuzz_output report;
    struct values values = {0};
    struct settings_pairs pairs = {0};
    struct err err = {0};
    bool is_good =
        settings_load(&TABLE, entries, &values, &pairs, fuzz_output_begin(&report), &err);
    struct bytes faults = fuzz_output_end(&report);
    DEMAND(is_good == (faults.len == 0));
    DEMAND(!holds_secret(faults) && !fuzz_has_token(faults));
    DEMAND(is_good || values.text == NULL);
    if (is_good) {
        check_values(&values);
        settings_show(&TABLE, &values, &pairs, out);
    }
    settings_done(&TABLE, &values, &pairs);
    return is_good;
}

static void check_again(struct bytes shown)
{
    static struct fuzz_output out;
    char *entries[ENTRIES_MAX + 1];
    char *text = fuzz_text(shown);
    DEMAND(!holds_secret(shown) && !fuzz_has_token(shown));
    fuzz_environment(text, entries, ENTRIES_MAX);
    DEMAND(show(entries, fuzz_output_begin(&out)));
    DEMAND(!holds_secret(fuzz_output_end(&out)));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_output out;
    char *entries[ENTRIES_MAX + 1];
    if (holds_secret(fuzz_bytes(data, size))) /* the fuzzer learns it from the search */
        return -1;
    char *text = fuzz_text(fuzz_bytes(data, size));
    fuzz_environment(text, entries, ENTRIES_MAX);
    bool is_good = show(entries, fuzz_output_begin(&out));
    struct bytes shown = fuzz_output_end(&out);
    if (is_good)
        check_again(shown);
    free(text);
    return 0;
}
