/* A journal's directory as files: how large it is, and its end. What is in them only the broker knows. */
#ifndef TR_TOOLS_JOURNAL_FILES_H
#define TR_TOOLS_JOURNAL_FILES_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of its files on disk; 0 where there is none. */
uint64_t tr_journal_files_bytes(const char *directory);
/* Removes a journal that no broker has open. 0, also where there is nothing; -EBUSY, -EINVAL (that is none), another
 * negative errno: with a text. */
int tr_journal_files_remove(const char *directory, uint64_t *ret_bytes, tr_error_t *error);

#endif
