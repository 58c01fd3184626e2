#include "libs/json/settings_patch.h"

#include "libs/base/mem.h"
#include "libs/json/json_pick.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX 308
#define VALUE_WEIGHT 8

/* Numbers stay as they are written: a double would change large ones. */
#define READ_FLAGS YYJSON_READ_NUMBER_AS_RAW

static yyjson_doc *read_json(struct bytes text)
{
    return yyjson_read(text.data, text.len, READ_FLAGS);
}

/* ---- faults ---- */

static bool has_nul(yyjson_val *text)
{
    return memchr(yyjson_get_str(text), '\0', yyjson_get_len(text)) != NULL;
}

/* Written as JSON demands, which the parser has checked. */
static bool is_number_fine(yyjson_val *number)
{
    struct bytes text = {yyjson_get_raw(number), yyjson_get_len(number)};
    if (text.len > SETTINGS_NUMBER_MAX)
        return false;
    size_t at = 0;
    while (at < text.len && text.data[at] != 'e' && text.data[at] != 'E')
        at++;
    if (at == text.len)
        return true;
    at++;
    at += text.data[at] == '+' || text.data[at] == '-' ? 1 : 0;
    int64_t exponent = 0;
    return bytes_get_int64((struct bytes){text.data + at, text.len - at}, &exponent) &&
           exponent <= EXPONENT_MAX;
}

static bool has_member_before(yyjson_val *object, yyjson_val *key)
{
    struct bytes name = {yyjson_get_str(key), yyjson_get_len(key)};
    yyjson_obj_iter iter;
    yyjson_obj_iter_init(object, &iter);
    for (yyjson_val *other; (other = yyjson_obj_iter_next(&iter)) != key;)
        if (json_key_is(other, name))
            return true;
    return false;
}

static bool has_member_twice(yyjson_val *object)
{
    yyjson_obj_iter iter;
    yyjson_obj_iter_init(object, &iter);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter)) != NULL;)
        if (has_member_before(object, key))
            return true;
    return false;
}

/* Of one value, without what stands inside it. */
static const char *value_fault(yyjson_val *value)
{
    if (yyjson_is_str(value) && has_nul(value))
        return "user_settings_patched.merge_patch: U+0000 in a text";
    if (yyjson_is_raw(value) && !is_number_fine(value))
        return "user_settings_patched.merge_patch: a number beyond 64 characters or 1e308";
    if (yyjson_is_obj(value) && has_member_twice(value))
        return "user_settings_patched.merge_patch: a member stands twice";
    return NULL;
}

/* The values of a document lie one after the other, keys among them. */
static const char *document_fault(const yyjson_doc *document)
{
    if (!yyjson_is_obj(document->root))
        return "user_settings_patched.merge_patch: not a JSON object";
    if (!json_is_shallow(document, SETTINGS_LEVELS_MAX))
        return "user_settings_patched.merge_patch: nested deeper than 32 levels";
    const char *fault = NULL;
    for (size_t i = 0; i < document->val_read && fault == NULL; i++)
        fault = value_fault(&document->root[i]);
    return fault;
}

const char *settings_patch_fault(struct bytes patch)
{
    yyjson_doc *document = read_json(patch);
    if (document == NULL)
        return "user_settings_patched.merge_patch: not JSON";
    const char *fault = document_fault(document);
    yyjson_doc_free(document);
    return fault;
}

/* ---- applying ---- */

static size_t weight_of(const yyjson_doc *document)
{
    size_t weight = 0;
    for (size_t i = 0; i < document->val_read; i++) {
        yyjson_val *value = &document->root[i];
        weight += VALUE_WEIGHT + (yyjson_is_str(value) ? yyjson_get_len(value) : 0);
    }
    return weight;
}

/* Of a text that is JSON. */
static yyjson_doc *read_good(struct bytes text)
{
    yyjson_doc *document = read_json(text);
    if (document == NULL)
        mem_exhausted();
    return document;
}

/* The merged value's text; the caller frees it. */
static char *merge(struct bytes settings, struct bytes patch, size_t *out_len)
{
    yyjson_doc *before = read_good(settings);
    yyjson_doc *change = read_good(patch);
    yyjson_mut_doc *after = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_merge_patch(after, before->root, change->root);
    yyjson_mut_doc_set_root(after, root);
    char *text = yyjson_mut_write(after, YYJSON_WRITE_NOFLAG, out_len);
    if (root == NULL || text == NULL)
        mem_exhausted();
    yyjson_mut_doc_free(after);
    yyjson_doc_free(change);
    yyjson_doc_free(before);
    return text;
}

static bool is_light(struct bytes text)
{
    yyjson_doc *document = read_good(text);
    bool is_fine = weight_of(document) <= SETTINGS_WEIGHT_MAX;
    yyjson_doc_free(document);
    return is_fine;
}

bool settings_patch_apply(struct bytes settings, struct bytes patch, struct buf *out)
{
    size_t len = 0;
    char *text = merge(settings, patch, &len);
    bool is_applied = is_light((struct bytes){text, len}) && buf_append(out, text, len);
    free(text);
    return is_applied;
}
