/* The files below a path that may be documents. */
#ifndef TR_TOOLS_KB_WALK_H
#define TR_TOOLS_KB_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_kb_file {
    const char *path;
    const char *id;   /* relative to the directory that was given; of a file that was given, as it was */
    uint64_t version; /* another one when it has changed: of its time and size */
    size_t size;
    bool given; /* by its own name */
} tr_kb_file_t;

/* False ends it. */
typedef bool (*tr_kb_file_fn)(void *arg, const tr_kb_file_t *file);
/* Regular files, in the order of their names; symbolic links below a directory and what begins with a dot are left out. 0, or the
 * negative errno of a path that cannot be read. */
int tr_kb_walk(const char *path, tr_kb_file_fn each, void *arg);

#endif
