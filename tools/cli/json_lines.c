#include "tools/cli/json_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int tr_json_lines_open(tr_json_lines_t *self, const char *path, tr_error_t *error) {
    bool piped = strcmp(path, "-") == 0;
    *self = (tr_json_lines_t){.in = piped ? stdin : fopen(path, "re"), .name = piped ? "stdin" : path};
    return self->in ? 0 : tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
}

static int read_line(tr_json_lines_t *self, ssize_t len, json_t *list, tr_error_t *error) {
    json_error_t wrong;
    if (strspn(self->line, " \t\r\n") == (size_t)len)
        return 0;
    json_t *object = json_loadb(self->line, (size_t)len, JSON_REJECT_DUPLICATES, &wrong);
    if (!object)
        return tr_error_set(
            error, -EINVAL, "%s:%zu:%d: no JSON: %s", self->name, self->number, wrong.column, wrong.text);
    if (!json_is_object(object)) {
        json_decref(object);
        return tr_error_set(error, -EINVAL, "%s:%zu: expected an object", self->name, self->number);
    }
    return json_array_append_new(list, object) == 0 ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

int tr_json_lines_read(tr_json_lines_t *self, size_t most, json_t **ret_list, tr_error_t *error) {
    json_t *list = json_array();
    ssize_t len = 0;
    int rc = list ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    while (
        rc == 0 && json_array_size(list) < most && (len = getline(&self->line, &self->room, self->in)) >= 0) {
        self->number++;
        rc = read_line(self, len, list, error);
    }
    if (rc == 0 && len < 0 && ferror(self->in))
        rc = tr_error_set(error, -EIO, "%s: cannot be read", self->name);
    if (rc < 0) {
        json_decref(list);
        list = NULL;
    }
    *ret_list = list;
    return rc;
}

void tr_json_lines_finish(tr_json_lines_t *self) {
    if (self->in && self->in != stdin)
        fclose(self->in);
    free(self->line);
    *self = (tr_json_lines_t){0};
}
