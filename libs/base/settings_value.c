#include "libs/base/settings_value.h"

#include "libs/base/mem.h"
#include "libs/base/redact.h"

#include <inttypes.h>
#include <stdlib.h>

#define CHOICES_BYTES_MAX 256
#define SET_CHOICES_MAX 32

/* A bot token is longer: no part of one that stands in a wrong variable is repeated. */
#define QUOTED_LEN_MAX 32

static void *field_of(const struct setting *row, void *settings)
{
    return (char *)settings + row->offset;
}

static const void *const_field_of(const struct setting *row, const void *settings)
{
    return (const char *)settings + row->offset;
}

static struct bytes quotable(struct bytes text)
{
    return text.len <= QUOTED_LEN_MAX ? text : BYTES_LITERAL("(a long value)");
}

static bool set_int(const struct setting *row, const char *text, int64_t *field, struct err *err)
{
    int64_t value;
    struct bytes shown = quotable(bytes_of_text(text));
    if (!bytes_get_int64(bytes_of_text(text), &value))
        return err_set(err, ERR_REJECT,
                       "\"%.*s\" is not a whole number; give %" PRId64 " to %" PRId64,
                       (int)shown.len, shown.data, row->min, row->max);
    if (value < row->min || value > row->max)
        return err_set(err, ERR_REJECT, "%" PRId64 " is out of range; give %" PRId64 " to %" PRId64,
                       value, row->min, row->max);
    *field = value;
    return true;
}

static bool set_bool(const char *text, bool *field, struct err *err)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        bool is_yes = strcmp(text, yes[i]) == 0;
        if (is_yes || strcmp(text, no[i]) == 0) {
            *field = is_yes;
            return true;
        }
    }
    struct bytes shown = quotable(bytes_of_text(text));
    return err_set(err, ERR_REJECT, "\"%.*s\" is not a truth value; give true or false",
                   (int)shown.len, shown.data);
}

/* The index of `name`, or -1. */
static int find_choice(const struct setting *row, struct bytes name)
{
    for (int i = 0; row->choices[i] != NULL; i++)
        if (bytes_equal(bytes_of_text(row->choices[i]), name))
            return i;
    return -1;
}

bool settings_value_choices(const struct setting *row, struct buf *out)
{
    for (size_t i = 0; row->choices[i] != NULL; i++)
        if (!buf_appendf(out, "%s%s", i == 0 ? "" : ", ", row->choices[i]))
            return false;
    return true;
}

static bool refuse_choice(const struct setting *row, struct bytes name, struct err *err)
{
    struct bytes shown = quotable(name);
    struct buf choices;
    buf_init(&choices, CHOICES_BYTES_MAX);
    bool is_whole = settings_value_choices(row, &choices);
    err_set(err, ERR_REJECT, "\"%.*s\" is unknown; give %s %.*s%s", (int)shown.len, shown.data,
            row->type == SETTING_SET ? "any of" : "one of", (int)choices.len,
            choices.len == 0 ? "" : choices.data, is_whole ? "" : ", …");
    buf_done(&choices);
    return false;
}

static bool set_choice(const struct setting *row, const char *text, int *field, struct err *err)
{
    int choice = find_choice(row, bytes_of_text(text));
    if (choice < 0)
        return refuse_choice(row, bytes_of_text(text), err);
    *field = choice;
    return true;
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && text.data[0] == ' ')
        text = (struct bytes){text.data + 1, text.len - 1};
    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text;
}

static bool set_set(const struct setting *row, const char *text, uint32_t *field, struct err *err)
{
    uint32_t bits = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        struct bytes name = trim((struct bytes){text, len});
        int choice = find_choice(row, name);
        if (choice < 0 || choice >= SET_CHOICES_MAX)
            return refuse_choice(row, name, err);
        bits |= UINT32_C(1) << choice;
        text += text[len] == ',' ? len + 1 : len;
    }
    *field = bits;
    return true;
}

static void set_text(const char *text, char **field)
{
    free(*field);
    *field = mem_text(text, strlen(text));
}

bool settings_value_set(const struct setting *row, const char *text, void *settings,
                        struct err *err)
{
    void *field = field_of(row, settings);
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_SECRET:
        set_text(text, field);
        return true;
    case SETTING_INT:
        return set_int(row, text, field, err);
    case SETTING_BOOL:
        return set_bool(text, field, err);
    case SETTING_CHOICE:
        return set_choice(row, text, field, err);
    case SETTING_SET:
        return set_set(row, text, field, err);
    }
    return err_set(err, ERR_FATAL, "the table has a row of an unknown type");
}

static void wipe(char *text)
{
    volatile char *at = text; /* a plain memset before free() would be optimised away */
    while (at != NULL && *at != '\0')
        *at++ = '\0';
}

void settings_value_done(const struct setting *row, void *settings)
{
    if (row->type != SETTING_TEXT && row->type != SETTING_SECRET)
        return;
    char **field = field_of(row, settings);
    if (row->type == SETTING_SECRET)
        wipe(*field);
    free(*field);
    *field = NULL;
}

static bool show_set(const struct setting *row, uint32_t bits, struct buf *out)
{
    const char *separator = "";
    for (int i = 0; row->choices[i] != NULL; i++) {
        if ((bits >> i & 1U) == 0)
            continue;
        if (!buf_appendf(out, "%s%s", separator, row->choices[i]))
            return false;
        separator = ",";
    }
    return true;
}

static bool show_text(const char *text, struct buf *out)
{
    return text == NULL || buf_append(out, text, strlen(text));
}

bool settings_value_show(const struct setting *row, const void *settings, struct buf *out)
{
    const void *field = const_field_of(row, settings);
    switch (row->type) {
    case SETTING_TEXT:
        return show_text(*(const char *const *)field, out);
    case SETTING_SECRET: {
        const char *secret = *(const char *const *)field;
        return secret == NULL || *secret == '\0' || show_text(REDACTED, out);
    }
    case SETTING_INT:
        return buf_appendf(out, "%" PRId64, *(const int64_t *)field);
    case SETTING_BOOL:
        return show_text(*(const bool *)field ? "true" : "false", out);
    case SETTING_CHOICE:
        return show_text(row->choices[*(const int *)field], out);
    case SETTING_SET:
        return show_set(row, *(const uint32_t *)field, out);
    }
    return false;
}
