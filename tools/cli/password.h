/* A password from a person, who does not see it, or from another program. */
#ifndef TR_TOOLS_PASSWORD_H
#define TR_TOOLS_PASSWORD_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The first line of a descriptor, without its end. 0; -EINVAL: it has no line, a longer one, or a NUL in it; another negative errno. */
int tr_password_line(int fd, char *out, size_t size, tr_error_t *error);
/* Asks on the terminal, twice where it is a new one. 0; -ENOTTY: there is no terminal; -EINTR: Ctrl-C; -EINVAL: the second one is another. */
int tr_password_ask(const char *whose, bool twice, char *out, size_t size, tr_error_t *error);

#endif
