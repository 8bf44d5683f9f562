/* A module stays loaded for the life of the process: its library has threads and thread-local values that do not
 * survive an unloading. */
#include "lib/store/journal_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Beside the program where it was built, or where it was installed. */
static const char *const places[] = {
    "../lib/store", "../../lib/store", "../lib/troupe", "../" TR_JOURNAL_LIBDIR "/troupe"};

static int directory_of_program(char *out, size_t size, tr_error_t *error) {
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n < 0)
        return tr_error_set(
            error, -errno, "cannot tell where this program is: /proc/self/exe: %s", strerror(errno));
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
    return 0;
}

static bool find(char *out, size_t size, const char *name) {
    char directory[PATH_MAX];
    if (directory_of_program(directory, sizeof directory, NULL) < 0)
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(out, size, "%s/%s/%s", directory, places[i], name);
        if (n > 0 && (size_t)n < size && access(out, R_OK) == 0)
            return true;
    }
    int n = snprintf(out, size, "%s/%s", TR_JOURNAL_MODULES, name);
    return n > 0 && (size_t)n < size && access(out, R_OK) == 0;
}

static int load(const char *path, const tr_journal_module_t **ret_module, tr_error_t *error) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return tr_error_set(error, -ENOTSUP, "cannot load the journal's module: %s", dlerror());
    const tr_journal_module_t *module = dlsym(handle, TR_JOURNAL_MODULE_SYMBOL);
    if (!module)
        return tr_error_set(error, -ENOTSUP, "%s: this is no journal module", path);
    if (strcmp(module->version, TROUPE_VERSION) != 0)
        return tr_error_set(error, -ENOTSUP,
            "%s: it is of version %.32s, this program of %s: install both anew", path, module->version,
            TROUPE_VERSION);
    *ret_module = module;
    return 0;
}

/* `path`: NULL = where it was installed or built. */
static int find_module(
    const char *kind, const char *path, const tr_journal_module_t **ret_module, tr_error_t *error) {
    char found[PATH_MAX + 64], name[64];
    snprintf(name, sizeof name, "journal-%s.so", kind);
    if (!path && !find(found, sizeof found, name))
        return tr_error_set(error, -ENOTSUP,
            "%s was found neither beside this program nor in %s: install it, or build Troupe with "
            "-D%s=enabled",
            name, TR_JOURNAL_MODULES, kind);
    return load(path ? path : found, ret_module, error);
}

int tr_journal_module_check(const char *kind, tr_error_t *error) {
    const tr_journal_module_t *module;
    return find_module(kind, NULL, &module, error);
}

static int open_module(
    const char *kind, const char *path, const void *options, tr_journal_t **ret_journal, tr_error_t *error) {
    const tr_journal_module_t *module = NULL;
    int r = find_module(kind, path, &module, error);
    return r < 0 ? r : module->open(options, ret_journal, error);
}

int tr_journal_open_rocksdb(
    const tr_journal_rocksdb_options_t *options, tr_journal_t **ret_journal, tr_error_t *error) {
    return open_module("rocksdb", options->module, options, ret_journal, error);
}

int tr_journal_open_postgres(
    const tr_journal_postgres_options_t *options, tr_journal_t **ret_journal, tr_error_t *error) {
    return open_module("postgres", options->module, options, ret_journal, error);
}
