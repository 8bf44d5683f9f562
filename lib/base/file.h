/* Whole small files: read into memory, and written so that a reader, and a disk after a loss of power, has
 * the old one or the new one and nothing between. */
#ifndef TR_BASE_FILE_H
#define TR_BASE_FILE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* At most `most` bytes, and one more where there are more: the caller then says what is too large. A NUL
 * follows them. The caller frees *ret_bytes. 0, or the negative errno of a file that cannot be read, -ENOMEM;
 * the error says `what` it was. */
int tr_file_read(
    const char *path, const char *what, size_t most, char **ret_bytes, size_t *ret_len, tr_error_t *error);
/* The same of an open file. Negative errno. */
int tr_file_read_fd(int fd, size_t most, char **ret_bytes, size_t *ret_len);
/* In place of what is there. Negative errno; -ENAMETOOLONG. */
int tr_file_write(const char *path, const void *bytes, size_t len, mode_t mode);

/* Whether a secret may lie in it: like those of ssh, no other than its owner may read or write it. What root owns may be read by a
 * group too, as secrets are that are mounted for a process of another user. */
bool tr_file_private(const struct stat *st);

/* Makes a directory and those above it that are missing, for their owner alone (0700). Negative errno;
 * -ENOTDIR. */
int tr_directory_make(const char *path);

#endif
