#include "libs/json/json_pick.h"

#include <assert.h>

#define LEVELS_MAX 64

static bool is_int64(yyjson_val *value)
{
    return yyjson_is_sint(value) ||
           (yyjson_is_uint(value) && yyjson_get_uint(value) <= (uint64_t)INT64_MAX);
}

static bool has_type(yyjson_val *value, enum json_type type)
{
    switch (type) {
    case JSON_INT64:
        return is_int64(value);
    case JSON_TEXT:
        return yyjson_is_str(value);
    case JSON_OBJECT:
        return yyjson_is_obj(value);
    case JSON_ANY:
        break;
    }
    return true;
}

bool json_key_is(yyjson_val *key, struct bytes name)
{
    return yyjson_get_len(key) == name.len && memcmp(yyjson_get_str(key), name.data, name.len) == 0;
}

static size_t find_member(yyjson_val *key, const struct json_member *members, size_t count)
{
    size_t i = 0;
    while (i < count && !json_key_is(key, (struct bytes){members[i].key, members[i].key_len}))
        i++;
    return i;
}

bool json_pick(yyjson_val *object, const struct json_member *members, size_t count,
               yyjson_val **out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = NULL;
    if (!yyjson_is_obj(object))
        return false;

    yyjson_obj_iter iter;
    yyjson_obj_iter_init(object, &iter);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter)) != NULL;) {
        size_t i = find_member(key, members, count);
        if (i == count)
            continue;
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        if (out[i] != NULL || !(yyjson_is_null(value) || has_type(value, members[i].type)))
            return false;
        out[i] = value;
    }
    for (size_t i = 0; i < count; i++) {
        if (yyjson_is_null(out[i]))
            out[i] = NULL;
    }
    return true;
}

int64_t json_int64(yyjson_val *value)
{
    return yyjson_get_sint(value);
}

struct bytes json_text(yyjson_val *value)
{
    return (struct bytes){yyjson_get_str(value), yyjson_get_len(value)};
}

/* The children of one container that are still to be looked at. */
struct level {
    bool is_object;
    yyjson_obj_iter members;
    yyjson_arr_iter elements;
};

static void level_init(struct level *level, yyjson_val *container)
{
    level->is_object = yyjson_is_obj(container);
    if (level->is_object)
        yyjson_obj_iter_init(container, &level->members);
    else
        yyjson_arr_iter_init(container, &level->elements);
}

static yyjson_val *next_child(struct level *level)
{
    if (level->is_object)
        return yyjson_obj_iter_get_val(yyjson_obj_iter_next(&level->members));
    return yyjson_arr_iter_next(&level->elements);
}

bool json_is_shallow(const yyjson_doc *document, size_t levels)
{
    assert(levels > 0 && levels <= LEVELS_MAX);
    yyjson_val *root = document->root;
    if (document->val_read <= levels || !yyjson_is_ctn(root))
        return true;

    struct level stack[LEVELS_MAX];
    size_t depth = 1;
    level_init(&stack[0], root);
    while (depth > 0) {
        yyjson_val *child = next_child(&stack[depth - 1]);
        if (child == NULL) {
            depth--;
        } else if (yyjson_is_ctn(child)) {
            if (depth == levels)
                return false;
            level_init(&stack[depth++], child);
        }
    }
    return true;
}
