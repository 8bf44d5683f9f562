/*
 * The directory of certificates (--certs), looked at again and again: a look costs a stat of each file, and
 * only a change has them read. It works on any file system, and where files are links that are swapped
 * (Kubernetes).
 *
 * Fail closed: a file that cannot be read is nobody's certificate, whatever stood in it before. But since
 * people edit files in place, that counts only when the file is still so at the next look.
 */
#ifndef TR_BROKER_CERT_DIR_H
#define TR_BROKER_CERT_DIR_H

#include "lib/base/error.h"
#include "lib/cert/cert.h"

typedef struct tr_cert_dir {
    const char *path;  /* borrowed */
    uint64_t seen;     /* a hash of names, times and sizes, of what was last read; 0 = nothing */
    uint64_t doubtful; /* likewise, of what could not all be read; 0 = nothing */
} tr_cert_dir_t;

/* A file that is not used, and why. */
typedef void (*tr_cert_dir_fn)(void *arg, const char *detail);

/*
 * 1 with a book of what is there now, 0 where nothing has changed (or it is too early to say), negative errno
 * where the directory cannot be read: then nobody's certificate is good any more, which the caller must see
 * to. `broken` is called for each file that the book is without.
 */
int tr_cert_dir_look(
    tr_cert_dir_t *self, tr_cert_dir_fn broken, void *arg, tr_cert_book_t **ret_book, tr_error_t *error);

/* The error says nothing of the certificates: there were no file descriptors, or no memory, to look with. */
bool tr_cert_dir_is_shortage(int rc);

#endif
