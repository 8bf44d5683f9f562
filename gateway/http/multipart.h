/*
 * A form with files, as browsers and clients send it (multipart/form-data: RFC 7578, RFC 2046 section 5.1): its parts, which are looked up in the bytes that
 * came, and not copied. No thread rules: pure functions.
 */
#ifndef TR_GATEWAY_HTTP_MULTIPART_H
#define TR_GATEWAY_HTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#define TR_MULTIPART_PARTS_MAX    32
#define TR_MULTIPART_BOUNDARY_MAX 70   /* as RFC 2046 has it */
#define TR_MULTIPART_HEAD_MAX     4096 /* bytes of the head of a part */

/* A piece of the bytes. */
typedef struct tr_multipart_text {
    const char *at; /* NULL: there is none */
    size_t len;
} tr_multipart_text_t;

typedef struct tr_multipart_part {
    tr_multipart_text_t name,
        file_name; /* as they are between their quotes; a part without file_name is a text */
    tr_multipart_text_t bytes;
} tr_multipart_part_t;

/* The boundary that a Content-Type names. False: it is no form of this kind, or names none that may be. */
bool tr_multipart_boundary(const char *type, char out[TR_MULTIPART_BOUNDARY_MAX + 1]);
/* Looks up the parts. Their number; or -EINVAL with why not, for people. */
int tr_multipart_parse(const char *boundary, const char *bytes, size_t len,
    tr_multipart_part_t out[TR_MULTIPART_PARTS_MAX], const char **ret_why);

#endif
