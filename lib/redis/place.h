/*
 * Where a Redis server is, as one text:
 *
 *   redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]       HOST a name, an address, or [an address of IPv6]; PORT 6379, DATABASE 0
 *   unix:PATH[?db=DATABASE]                                PATH absolute
 *   unix://[[USER]:PASSWORD@]PATH[?db=DATABASE]
 *
 * %XX within user and password stands for a byte, as in any URL. It is in a file that its owner alone may read (lib/base/file.h), in the first line.
 * Nothing of it gets into an error. No TLS: where the way is not private, a tunnel is what Redis itself advises.
 *
 * Source: the provisional registrations of redis:// at IANA, RFC 3986. Threads: no state.
 */
#ifndef TR_REDIS_PLACE_H
#define TR_REDIS_PLACE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_REDIS_DATABASE_MAX 16383u

typedef struct tr_redis_place {
    char host[256]; /* begins with '/': a socket's path */
    char user[128]; /* "" = the default one */
    char password[512];
    bool has_password;
    uint16_t port;
    uint32_t database;
} tr_redis_place_t;

/* `self` is untouched on failure. -EINVAL, with what was expected. */
int tr_redis_place_parse(tr_redis_place_t *self, const char *text, tr_error_t *error);
/* Its first line. -EACCES: others may read it; the errno of a file that cannot be read; -EINVAL. */
int tr_redis_place_load(tr_redis_place_t *self, const char *path, tr_error_t *error);
void tr_redis_place_wipe(tr_redis_place_t *self);

#endif
