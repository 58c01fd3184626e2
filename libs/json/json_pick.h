/*
 * json_pick: take the named members out of a JSON object, strictly.
 *
 * JSON allows a key twice and yyjson keeps both; whoever reads "the" value then depends on the
 * parser. So a wanted key that stands twice makes the object unusable; keys nobody wants do not
 * matter. null is the same as absent. No recursion, no allocation. Thread-safe.
 */
#ifndef LIBS_JSON_JSON_PICK_H
#define LIBS_JSON_JSON_PICK_H

#include "libs/base/bytes.h"

#include <yyjson.h>

enum json_type {
    JSON_INT64, /* an integer that int64 holds, written without fraction or exponent */
    JSON_TEXT,
    JSON_OBJECT,
    JSON_ANY,
};

struct json_member {
    const char *key;
    size_t key_len;
    enum json_type type;
};

#define JSON_MEMBER(key, type) {(key), sizeof(key) - 1, (type)} /* of a string literal */

/* out[i] becomes the value of members[i], NULL: absent. False: `object` is no object, or a wanted
 * member stands twice or has another type. */
bool json_pick(yyjson_val *object, const struct json_member *members, size_t count,
               yyjson_val **out);

/* Of values that json_pick found (not NULL). */
int64_t json_int64(yyjson_val *value);
struct bytes json_text(yyjson_val *value); /* UTF-8; may hold U+0000 */

bool json_key_is(yyjson_val *key, struct bytes name);

/* Objects and arrays nest at most `levels` deep, the root included; levels: 1 to 64. */
bool json_is_shallow(const yyjson_doc *document, size_t levels);

#endif
