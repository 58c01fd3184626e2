#include "libs/base/settings.h"

#include "libs/base/mem.h"
#include "libs/base/redact.h"
#include "libs/base/secret_file.h"
#include "libs/base/settings_name.h"
#include "libs/base/settings_value.h"

#include <stdarg.h>
#include <stdlib.h>

#define NAME_BYTES_MAX 128

struct reading {
    const struct settings_table *table;
    char *const *environ_list;
    void *settings;
    struct settings_pairs pairs;
    FILE *report;
    size_t faults;
};

/* One line of printable text without tokens, whatever an environment holds. */
static void print_clean(char *text, size_t len, FILE *out)
{
    len = redact_tokens(text, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ')
            text[i] = '?';
    (void)fwrite(text, 1, len, out);
}

static void PRINTF_LIKE(3, 4)
    add_fault(struct reading *reading, struct bytes name, const char *fmt, ...)
{
    char shown[NAME_BYTES_MAX];
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t shown_len = name.len < sizeof(shown) ? name.len : sizeof(shown);
    memcpy(shown, name.data, shown_len);
    print_clean(shown, shown_len, reading->report);
    (void)fputs(": ", reading->report);
    print_clean(text, strlen(text), reading->report);
    (void)fputc('\n', reading->report);
    reading->faults++;
}

/* A variable that is set to nothing counts as unset: NULL. */
static const char *find_variable(char *const *environ_list, const char *name)
{
    size_t len = strlen(name);
    for (; *environ_list != NULL; environ_list++)
        if (strncmp(*environ_list, name, len) == 0 && (*environ_list)[len] == '=')
            return (*environ_list)[len + 1] == '\0' ? NULL : *environ_list + len + 1;
    return NULL;
}

/* Owned by the caller; NULL: a fault was added. */
static char *load_secret_file(struct reading *reading, struct bytes variable, const char *path)
{
    char *text = NULL;
    struct err err;
    if (!secret_file_load(path, &text, &err))
        add_fault(reading, variable, "%s", err.text);
    return text;
}

/* Keep the secret in `*out_loaded` for the caller to free. */
static const char *find_secret(struct reading *reading, const struct setting *row,
                               const char *value, char **out_loaded)
{
    char name[NAME_BYTES_MAX];
    (void)snprintf(name, sizeof(name), "%s" SETTING_FILE_SUFFIX, row->name);
    const char *path = find_variable(reading->environ_list, name);
    if (path == NULL)
        return value;
    if (value != NULL) {
        add_fault(reading, bytes_of_text(row->name), "is set and so is %s; keep one of them", name);
        return value;
    }
    *out_loaded = load_secret_file(reading, bytes_of_text(name), path);
    return *out_loaded;
}

static void read_row(struct reading *reading, const struct setting *row)
{
    struct bytes name = bytes_of_text(row->name);
    char *loaded = NULL;
    size_t faults_before = reading->faults;
    const char *value = find_variable(reading->environ_list, row->name);
    if (row->type == SETTING_SECRET)
        value = find_secret(reading, row, value, &loaded);
    if (value == NULL && row->alias != NULL) {
        value = find_variable(reading->environ_list, row->alias);
        name = value == NULL ? name : bytes_of_text(row->alias);
    }
    if (value == NULL)
        value = row->standard;

    struct err err;
    if (value == NULL && row->required && reading->faults == faults_before)
        add_fault(reading, name, "is required; set it: %s", row->doc);
    bool is_text = row->type == SETTING_TEXT || row->type == SETTING_SECRET;
    if (value == NULL && is_text)
        value = "";
    if (value != NULL && !settings_value_set(row, value, reading->settings, &err))
        add_fault(reading, name, "%s", err.text);
    free(loaded);
}

static bool is_refused_property(const struct settings_table *table, const char *key)
{
    for (const char *const *refused = table->pass_refused; refused != NULL && *refused != NULL;
         refused++)
        if (strcmp(*refused, key) == 0)
            return true;
    return false;
}

/* Takes both texts. */
static void add_pair(struct reading *reading, char *key, char *value)
{
    struct settings_pairs *pairs = &reading->pairs;
    pairs->items = mem_grow(pairs->items, pairs->count + 1, sizeof(*pairs->items));
    struct setting_pair *pair = &pairs->items[pairs->count++];
    pair->key = key;
    pair->value = value;
}

static void read_passed(struct reading *reading, struct bytes name, const char *value)
{
    size_t prefix_len = strlen(reading->table->pass_prefix);
    struct bytes stem = {name.data + prefix_len, name.len - prefix_len};
    char *key = settings_name_property(stem);
    size_t key_len = strlen(key);
    char *text = NULL;
    bool is_file = settings_name_is_secret_property(key) &&
                   settings_name_has_suffix(stem, SETTING_FILE_SUFFIX);
    if (is_file) {
        key[key_len - strlen(SETTING_FILE_SUFFIX)] = '\0';
        text = load_secret_file(reading, name, value);
    } else {
        text = mem_text(value, strlen(value));
    }

    bool is_refused = is_refused_property(reading->table, key);
    if (is_refused)
        add_fault(reading, name, "%s is chosen by the service and may not be changed; remove it",
                  key);
    if (is_refused || text == NULL) {
        free(key);
        free(text);
        return;
    }
    add_pair(reading, key, text);
}

static void read_entry(struct reading *reading, const char *entry)
{
    const struct settings_table *table = reading->table;
    struct bytes name = {entry, strcspn(entry, "=")};
    const char *value = entry[name.len] == '=' ? entry + name.len + 1 : "";
    if (!settings_name_has_prefix(name, table->prefix) || settings_name_row(table, name) != NULL ||
        settings_name_file_row(table, name) != NULL || settings_name_is_service_link(name, value))
        return;

    bool is_passed = table->pass_prefix != NULL && name.len > strlen(table->pass_prefix) &&
                     settings_name_has_prefix(name, table->pass_prefix) &&
                     settings_name_is_plain(name);
    if (is_passed) {
        if (*value != '\0')
            read_passed(reading, name, value);
        return;
    }
    const char *nearest = settings_name_nearest(table, name);
    if (nearest != NULL)
        add_fault(reading, name, "is unknown; did you mean %s?", nearest);
    else
        add_fault(reading, name, "is unknown; remove it or see --print-settings");
}

/* NOLINTNEXTLINE(readability-function-size): two outputs and where faults are told, all needed */
bool settings_load(const struct settings_table *table, char *const *environ_list, void *out,
                   struct settings_pairs *out_pairs, FILE *report, struct err *err)
{
    struct reading reading = {
        .table = table, .environ_list = environ_list, .settings = out, .report = report};
    for (size_t i = 0; i < table->count; i++)
        read_row(&reading, &table->rows[i]);
    for (char *const *entry = environ_list; *entry != NULL; entry++)
        read_entry(&reading, *entry);

    if (reading.faults > 0) {
        settings_done(table, out, &reading.pairs);
        return err_set(err, ERR_REJECT, "%zu of the settings %s wrong", reading.faults,
                       reading.faults == 1 ? "is" : "are");
    }
    *out_pairs = reading.pairs;
    return true;
}

void settings_done(const struct settings_table *table, void *settings, struct settings_pairs *pairs)
{
    for (size_t i = 0; i < table->count; i++)
        settings_value_done(&table->rows[i], settings);
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].key);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    *pairs = (struct settings_pairs){0};
}
