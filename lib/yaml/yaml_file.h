/*
 * A YAML file as a whole: its text, where it is, and where in it a key is, so that what turns out to be wrong
 * later (a program that is not there, an argument that a behaviour refuses) is told with its place, too.
 */
#ifndef TR_YAML_FILE_H
#define TR_YAML_FILE_H

#include "lib/base/arena.h"
#include "lib/base/error.h"

#include <stddef.h>

typedef struct tr_yaml_file {
    const char *path;      /* as given: what errors call it */
    const char *directory; /* absolute, of the file */
    const char *bytes;
    size_t len;
} tr_yaml_file_t;

/* Reads a file of at most `most` bytes, "-" is stdin; texts are in the arena. `what`: "fleet file", for errors. 0; -E2BIG,
 * the errno of a file that cannot be read, -ENOMEM. */
int tr_yaml_file_load(const char *path, const char *what, size_t most, tr_arena_t *arena,
    tr_yaml_file_t *ret_file, tr_error_t *error);
/* The same of a text that is at hand, of TR_YAML_BYTES_MAX at most, and is copied. */
int tr_yaml_file_take(const char *bytes, size_t len, const char *path, tr_arena_t *arena,
    tr_yaml_file_t *ret_file, tr_error_t *error);

/* Sets "FILE:LINE:COL: KEY: TEXT", the place being that of the value of `key` ("agents[1].args.limit"), or of
 * the nearest one around it that is there. Returns -EINVAL. */
int tr_yaml_file_wrong(const tr_yaml_file_t *self, const char *key, tr_error_t *error, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

#endif
