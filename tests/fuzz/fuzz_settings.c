/*
 * fuzz_settings: any environment against a table with all types of rows.
 *
 * The input is the environment, one entry a line. What is accepted is shown and must be accepted
 * again as the same; no secret may stand in what is shown or reported.
 */
#include "libs/base/settings.h"

#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MAX 32
#define SECRET "TOPSECRETVALUE"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

struct memory_file {
    FILE *file;
    char *text;
    size_t len;
};

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void memory_file_open(struct memory_file *memory)
{
    memory->file = open_memstream(&memory->text, &memory->len);
    demand(memory->file != NULL, "memory");
}

static void memory_file_close(struct memory_file *memory)
{
    (void)fclose(memory->file);
    demand(strstr(memory->text, SECRET) == NULL, "a secret is shown");
}

/* Cut into lines in place; a secret's file could be any file of the machine, so those are left out.
 */
static void split(char *text, char **entries)
{
    size_t count = 0;
    char *rest = text;
    while (rest != NULL && count < ENTRIES_MAX) {
        char *line = rest;
        rest = strchr(rest, '\n');
        if (rest != NULL)
            *rest++ = '\0';
        if (strstr(line, "_FILE=") == NULL)
            entries[count++] = line;
    }
    entries[count] = NULL;
}

static bool show(char **entries, struct memory_file *out)
{
    struct values values = {0};
    struct settings_pairs pairs = {0};
    struct memory_file report = {0};
    struct err err = {0};
    memory_file_open(&report);
    bool is_good = settings_load(&TABLE, entries, &values, &pairs, report.file, &err);
    memory_file_close(&report);
    demand(is_good == (report.len == 0), "the report does not fit the result");
    demand(is_good || values.text == NULL, "a failure leaves values");
    free(report.text);

    memory_file_open(out);
    if (is_good) {
        demand(values.number >= -5 && values.number <= 1000000, "a number is out of range");
        demand(values.choice >= 0 && values.choice < 3 && values.set < 8, "no such choice");
        settings_show(&TABLE, &values, &pairs, out->file);
    }
    memory_file_close(out);
    settings_done(&TABLE, &values, &pairs);
    return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *entries[ENTRIES_MAX + 1];
    char *text = malloc(size + 1);
    demand(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';
    if (strstr(text, SECRET) != NULL) { /* the fuzzer learns it from strstr above */
        free(text);
        return 0;
    }
    split(text, entries);

    struct memory_file first = {0};
    if (show(entries, &first)) {
        char *shown[ENTRIES_MAX + 1];
        struct memory_file second = {0};
        char *copy = strdup(first.text);
        demand(copy != NULL, "memory");
        split(copy, shown);
        demand(show(shown, &second), "what was shown is refused");
        free(second.text);
        free(copy);
    }
    free(first.text);
    free(text);
    return 0;
}
