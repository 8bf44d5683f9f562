/* The stores that are modules, by the name of their kind. */
#include "lib/store/journal_module.h"

#include <errno.h>
#include <string.h>

#define STORE(kind)                                                                                          \
    {                                                                                                        \
        "the journal's module", "journal-" kind ".so", TR_JOURNAL_MODULE_SYMBOL, "lib/store",                \
            TR_JOURNAL_MODULES, TR_JOURNAL_LIBDIR, kind                                                      \
    }

static const tr_module_kind_t kinds[] = {STORE("rocksdb"), STORE("postgres")};

/* `path`: NULL = where it was installed or built. */
static int find_module(
    const char *kind, const char *path, const tr_journal_module_t **ret_module, tr_error_t *error) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].option, kind) == 0)
            return tr_module_load(&kinds[i], path, (const void **)ret_module, error);
    return tr_error_set(error, -ENOTSUP, "there is no kind of journal \"%s\"", kind);
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
