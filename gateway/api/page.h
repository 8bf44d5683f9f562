/* The files of gateway/web, within the program (gateway/web/embed.py). */
#ifndef TR_GATEWAY_API_PAGE_H
#define TR_GATEWAY_API_PAGE_H

#include <stddef.h>

typedef struct tr_page_file {
    const char *name; /* NULL ends the list */
    const char *type;
    const unsigned char *bytes;
    size_t len;
    const unsigned char *packed; /* the same with gzip */
    size_t packed_len;
} tr_page_file_t;

extern const tr_page_file_t tr_page_files[];

#endif
