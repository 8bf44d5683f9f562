/*
 * Agent identifiers, `name@platform` (FIPA SC00023 6.1.2).
 *
 * name:     1 to 128 of A-Z a-z 0-9 . _ - + ~   the first is neither '.' nor '-'
 * platform: 1 to 63 of  A-Z a-z 0-9 . _ -       the first is neither '.' nor '-'
 *
 * So neither holds '@' or ':' (they separate), '$' (the platform's own topics), '[' ']' '*' '>' (ranges and
 * patterns), a blank, a control character or anything beyond ASCII. Upper and lower case differ.
 *
 * `svc:NAME` addresses a service (any one of its providers); NAME follows the rules of a name, and a platform
 * may follow.
 */
#ifndef TR_PROTO_AID_H
#define TR_PROTO_AID_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_NAME_MAX       128
#define TR_PLATFORM_MAX   63
#define TR_AID_MAX        (4 + TR_NAME_MAX + 1 + TR_PLATFORM_MAX) /* characters, without the NUL */
#define TR_SERVICE_PREFIX "svc:"

typedef struct tr_aid {
    bool service; /* "svc:" was there */
    char name[TR_NAME_MAX + 1];
    char platform[TR_PLATFORM_MAX + 1]; /* "" where the text had none */
} tr_aid_t;

/*
 * Parses len bytes. 0, or -EINVAL (a character that may not be there, an empty part), -ENAMETOOLONG (a part
 * over its limit). `self` is untouched on failure.
 */
int tr_aid_parse(tr_aid_t *self, const char *text, size_t len);
/* Prints as `[svc:]name[@platform]` with a NUL; returns the length, or -ENOSPC. */
int tr_aid_print(const tr_aid_t *self, char *out, size_t out_size);
bool tr_name_valid(const char *name, size_t len);
bool tr_platform_valid(const char *platform, size_t len);

#ifdef __cplusplus
}
#endif

#endif
