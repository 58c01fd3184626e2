#include "libs/base/secret_file.h"

#include "libs/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool secret_file_load(const char *path, char **out, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(err, ERR_REJECT, "cannot open %s: %s", path, strerror(errno));
    char *text = mem_alloc(SECRET_FILE_BYTES_MAX + 1);
    size_t len = fread(text, 1, SECRET_FILE_BYTES_MAX, file);
    bool is_whole = ferror(file) == 0 && fgetc(file) == EOF;
    (void)fclose(file);
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    text[len] = '\0';
    if (is_whole && len > 0 && strlen(text) == len) {
        *out = text;
        return true;
    }
    free(text);
    return err_set(err, ERR_REJECT, "%s is empty, unreadable, longer than %d bytes or no text",
                   path, SECRET_FILE_BYTES_MAX);
}
