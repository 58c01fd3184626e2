#include "tests/support/json_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

yyjson_doc *json_file_read(const char *path)
{
    yyjson_read_err error;
    yyjson_doc *document = yyjson_read_file(path, YYJSON_READ_NOFLAG, NULL, &error);
    if (document == NULL)
        fail_msg("%s: %s at byte %zu", path, error.msg, error.pos);
    return document;
}

struct bytes json_file_text(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    if (!yyjson_is_str(value))
        fail_msg("no text \"%s\"", key);
    return (struct bytes){yyjson_get_str(value), yyjson_get_len(value)};
}

int64_t json_file_int64(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    if (!yyjson_is_int(value))
        fail_msg("no integer \"%s\"", key);
    return yyjson_get_sint(value);
}
