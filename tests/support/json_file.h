/* json_file: a fixture file as a yyjson document; a file that is missing or no JSON fails the test.
 */
#ifndef TESTS_SUPPORT_JSON_FILE_H
#define TESTS_SUPPORT_JSON_FILE_H

#include "libs/base/bytes.h"

#include <yyjson.h>

yyjson_doc *json_file_read(const char *path); /* the caller frees it */

/* A member that has to be there, of this type. */
struct bytes json_file_text(yyjson_val *object, const char *key);
int64_t json_file_int64(yyjson_val *object, const char *key);

#endif
