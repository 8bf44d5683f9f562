/*
 * Modules of our own: parts that need a large library are shared objects, loaded when they are first used, so that a process
 * which does not use them does not pay for being linked to it.
 *
 * A module exports one struct, which begins with the version that it was built with. It stays loaded for the life of the
 * process: its library may have threads and thread-local values that do not survive an unloading.
 */
#ifndef TR_BASE_MODULE_H
#define TR_BASE_MODULE_H

#include "lib/base/error.h"

#include <stddef.h>

/* What is looked for, and where. All strings are constant. */
typedef struct tr_module_kind {
    const char *what;      /* for errors: "the journal's module" */
    const char *file;      /* "journal-rocksdb.so" */
    const char *symbol;    /* of the struct that it exports */
    const char *room;      /* the folder that it is built in, from the project's root: "lib/store" */
    const char *installed; /* the directory that it is installed in */
    const char *libdir;    /* of the installation, from its prefix: "lib/x86_64-linux-gnu" */
    const char *option;    /* of the build, that makes it: "rocksdb" */
} tr_module_kind_t;

#define TR_MODULE_EXPORT __attribute__((visibility("default")))

/*
 * Loads a module and gives the struct that it exports, which the caller casts to what it knows it to be. `path`: NULL = beside
 * the program, where it was built, or where it was installed. 0, or -ENOTSUP with a text: it is not there, cannot be loaded, is
 * something else, or is of another version. Any thread.
 */
int tr_module_load(
    const tr_module_kind_t *kind, const char *path, const void **ret_module, tr_error_t *error);

#endif
