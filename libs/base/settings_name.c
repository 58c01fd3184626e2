#include "libs/base/settings_name.h"

#include "libs/base/mem.h"

#define NAME_BYTES_MAX 80
#define DISTANCE_MAX 3

bool settings_name_has_prefix(struct bytes name, const char *prefix)
{
    size_t len = strlen(prefix);
    return name.len >= len && memcmp(name.data, prefix, len) == 0;
}

bool settings_name_has_suffix(struct bytes name, const char *suffix)
{
    size_t len = strlen(suffix);
    return name.len >= len && memcmp(name.data + name.len - len, suffix, len) == 0;
}

const struct setting *settings_name_row(const struct settings_table *table, struct bytes name)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        if (bytes_equal(bytes_of_text(row->name), name) ||
            (row->alias != NULL && bytes_equal(bytes_of_text(row->alias), name)))
            return row;
    }
    return NULL;
}

const struct setting *settings_name_file_row(const struct settings_table *table, struct bytes name)
{
    if (!settings_name_has_suffix(name, SETTING_FILE_SUFFIX))
        return NULL;
    struct bytes stem = {name.data, name.len - strlen(SETTING_FILE_SUFFIX)};
    const struct setting *row = settings_name_row(table, stem);
    return row != NULL && row->type == SETTING_SECRET ? row : NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions and replacements from a to b (Levenshtein). */
static size_t distance(struct bytes a, struct bytes b)
{
    size_t row[NAME_BYTES_MAX + 1];
    if (a.len > NAME_BYTES_MAX || b.len > NAME_BYTES_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.data[i - 1] == b.data[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = least(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b.len];
}

const char *settings_name_nearest(const struct settings_table *table, struct bytes name)
{
    const char *nearest = NULL;
    /* In a short name a few other letters make another word. */
    size_t nearest_distance = (name.len < 16 ? name.len / 4 : DISTANCE_MAX) + 1;
    for (size_t i = 0; i < table->count; i++) {
        struct bytes row = bytes_of_text(table->rows[i].name);
        size_t longer = name.len > row.len ? name.len - row.len : row.len - name.len;
        size_t this_distance = longer < nearest_distance ? distance(name, row) : longer;
        if (this_distance < nearest_distance) {
            nearest = table->rows[i].name;
            nearest_distance = this_distance;
        }
    }
    return nearest;
}

/* "_PORT_9091_TCP", "_SERVICE_PORT_GRPC" and the like somewhere in the name. */
static bool contains(struct bytes name, const char *part, bool digit_follows)
{
    size_t len = strlen(part);
    for (size_t i = 0; i + len < name.len; i++)
        if (memcmp(name.data + i, part, len) == 0 &&
            (!digit_follows || (name.data[i + len] >= '0' && name.data[i + len] <= '9')))
            return true;
    return false;
}

bool settings_name_is_service_link(struct bytes name, const char *value)
{
    if (settings_name_has_suffix(name, "_SERVICE_HOST") ||
        settings_name_has_suffix(name, "_SERVICE_PORT"))
        return true;
    if (settings_name_has_suffix(name, "_PORT"))
        return strstr(value, "://") != NULL;
    return contains(name, "_SERVICE_PORT_", false) || contains(name, "_PORT_", true);
}

bool settings_name_is_plain(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

char *settings_name_property(struct bytes name)
{
    char *key = mem_text(name.data, name.len);
    for (char *c = key; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        else if (*c == '_')
            *c = '.';
    }
    return key;
}

bool settings_name_is_secret_property(const char *key)
{
    return strstr(key, "password") != NULL || strstr(key, "secret") != NULL ||
           strstr(key, ".pem") != NULL || strcmp(key, "sasl.oauthbearer.config") == 0;
}
