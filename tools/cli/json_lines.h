/* A file of JSON objects, one a line, given out in batches: what is large need not be in memory as a whole. */
#ifndef TR_TOOLS_JSON_LINES_H
#define TR_TOOLS_JSON_LINES_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdio.h>

typedef struct tr_json_lines {
    FILE *in; /* closed by finish, unless it is stdin */
    const char *name;
    char *line;
    size_t room, number;
} tr_json_lines_t;

/* path: "-" is stdin; borrowed until finish. 0 or negative errno with a text. */
int tr_json_lines_open(tr_json_lines_t *self, const char *path, tr_error_t *error);
/* A new list of at most `most` objects, of none at the end. Empty lines are passed over. -EINVAL with FILE:LINE, -EIO, -ENOMEM. */
int tr_json_lines_read(tr_json_lines_t *self, size_t most, json_t **ret_list, tr_error_t *error);
void tr_json_lines_finish(tr_json_lines_t *self);

#endif
