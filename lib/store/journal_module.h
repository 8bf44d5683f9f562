/*
 * Stores that need a large library are modules (lib/base/module.h), which are loaded when a journal is opened: the libraries of
 * RocksDB and of PostgreSQL cost a process 9 MB and 5 MB of memory by being linked, used or not.
 */
#ifndef TR_STORE_JOURNAL_MODULE_H
#define TR_STORE_JOURNAL_MODULE_H

#include "lib/base/module.h"
#include "lib/store/journal.h"

/* What a module exports, under the name tr_journal_module. */
typedef struct tr_journal_module {
    const char *version; /* TROUPE_VERSION: a module goes with the programs that it was built with */
    int (*open)(const void *options, tr_journal_t **ret_journal, tr_error_t *error);
} tr_journal_module_t;

#define TR_JOURNAL_MODULE_SYMBOL "tr_journal_module"
#define TR_JOURNAL_MODULE_EXPORT TR_MODULE_EXPORT

#endif
