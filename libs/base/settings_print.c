#include "libs/base/settings.h"

#include "libs/base/redact.h"
#include "libs/base/settings_name.h"
#include "libs/base/settings_value.h"

#include <ctype.h>
#include <inttypes.h>

#define VALUE_BYTES_MAX 8192

static void print_value(struct buf *value, FILE *out)
{
    size_t len = value->len == 0 ? 0 : redact_tokens(value->data, value->len);
    if (len > 0)
        (void)fwrite(value->data, 1, len, out);
    (void)fputc('\n', out);
}

static void show_row(const struct setting *row, const void *settings, FILE *out)
{
    struct buf value;
    buf_init(&value, VALUE_BYTES_MAX);
    if (!settings_value_show(row, settings, &value))
        buf_clear(&value);
    (void)fprintf(out, "%s=", row->name);
    print_value(&value, out);
    buf_done(&value);
}

/* A value that is longer than any of librdkafka's is left out. */
static void show_pair(const char *prefix, const struct setting_pair *pair, FILE *out)
{
    struct buf line;
    buf_init(&line, VALUE_BYTES_MAX);
    const char *value = settings_name_is_secret_property(pair->key) ? REDACTED : pair->value;
    if (!buf_appendf(&line, "%s%s=%s", prefix, pair->key, value) &&
        !buf_appendf(&line, "%s%s=", prefix, pair->key))
        buf_clear(&line);
    for (size_t i = strlen(prefix); i < line.len && line.data[i] != '='; i++)
        line.data[i] =
            line.data[i] == '.' ? '_' : (char)(toupper)((unsigned char)line.data[i]); /* no macro */
    print_value(&line, out);
    buf_done(&line);
}

void settings_show(const struct settings_table *table, const void *settings,
                   const struct settings_pairs *pairs, FILE *out)
{
    for (size_t i = 0; i < table->count; i++)
        show_row(&table->rows[i], settings, out);
    for (size_t i = 0; i < pairs->count; i++)
        show_pair(table->pass_prefix, &pairs->items[i], out);
}

static void print_choices(const struct setting *row, const char *lead, FILE *out)
{
    (void)fputs(lead, out);
    for (size_t i = 0; row->choices[i] != NULL; i++)
        (void)fprintf(out, "%s`%s`", i == 0 ? " " : ", ", row->choices[i]);
}

static void print_type(const struct setting *row, FILE *out)
{
    switch (row->type) {
    case SETTING_TEXT:
        (void)fputs("text", out);
        break;
    case SETTING_SECRET:
        (void)fprintf(out, "secret, or a file's path in `%s" SETTING_FILE_SUFFIX "`", row->name);
        break;
    case SETTING_INT:
        (void)fprintf(out, "%" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case SETTING_BOOL:
        (void)fputs("`true` or `false`", out);
        break;
    case SETTING_CHOICE:
        print_choices(row, "one of", out);
        break;
    case SETTING_SET:
        print_choices(row, "any of, comma separated:", out);
        break;
    }
}

static void print_standard(const struct setting *row, FILE *out)
{
    if (row->required && row->standard == NULL)
        (void)fputs("required", out);
    else if (row->standard != NULL && row->standard[0] != '\0')
        (void)fprintf(out, "`%s`", row->standard);
    else
        (void)fputs("none", out);
}

/* A bar would end the table's cell. */
static void print_cell(const char *text, FILE *out)
{
    for (; *text != '\0'; text++)
        (void)fprintf(out, "%s%c", *text == '|' ? "\\" : "", *text);
}

void settings_print_reference(const struct settings_table *table, const char *title, FILE *out)
{
    (void)fprintf(out, "## %s\n\n| variable | value | default | meaning |\n|---|---|---|---|\n",
                  title);
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        (void)fprintf(out, "| `%s`", row->name);
        if (row->alias != NULL)
            (void)fprintf(out, " (or `%s`)", row->alias);
        (void)fputs(" | ", out);
        print_type(row, out);
        (void)fputs(" | ", out);
        print_standard(row, out);
        (void)fputs(" | ", out);
        print_cell(row->doc, out);
        (void)fputs(" |\n", out);
    }
    if (table->pass_prefix != NULL)
        (void)fprintf(out,
                      "\nEvery other `%s<PROPERTY>` sets the librdkafka property of that name, "
                      "with `.` for `_`, in lower case.\n",
                      table->pass_prefix);
}
