#include "lib/base/http_file.h"

#include "lib/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tr_http_file_write(const char *directory, const char *name, const char *job, const char *address,
    char **ret_path, tr_error_t *error) {
    char *path = NULL, *text = NULL;
    int rc = asprintf(&path, "%s/%s.json", directory, name) < 0 ? -ENOMEM : tr_directory_make(directory);
    int len = rc < 0 ? -1
                     : asprintf(&text,
                           "[{\"targets\": [\"%s\"], \"labels\": {\"job\": \"%s\", \"process\": \"%s\"}}]\n",
                           address, job, name);
    if (rc == 0)
        rc = len < 0 ? -ENOMEM : tr_file_write(path, text, (size_t)len, 0644);
    if (rc == 0)
        *ret_path = path;
    else
        tr_error_set(error, rc, "--http-file %s: %s", directory, strerror(-rc));
    if (len >= 0)
        free(text);
    if (rc < 0)
        free(path);
    return rc;
}
