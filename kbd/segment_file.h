/*
 * Segments on the disk. They are made of what the store has and can be thrown away at any time: a file that is damaged, of another model or
 * cut short is refused, and its segment made anew.
 *
 *     header (fixed size, with its own checksum) | numbers of chunks | whole vectors (where the index has none) | the index as FAISS writes it
 *
 * Numbers are little-endian. FAISS believes what it reads: so nothing is given to it whose checksum (CRC-32C) is wrong.
 */
#ifndef TR_KBD_SEGMENT_FILE_H
#define TR_KBD_SEGMENT_FILE_H

#include "kbd/segment.h"

#define TR_SEGMENT_HEADER       512u
#define TR_SEGMENT_MODEL_MAX    63u
#define TR_SEGMENT_REPLACED_MAX 32u

typedef struct tr_segment_header {
    tr_segment_kind_t kind;
    uint64_t ns, sequence; /* whose it is; rising with each one that is made for it */
    uint64_t dimensions, count;
    uint64_t chunk_bytes, vector_bytes, index_bytes;
    uint32_t chunk_sum, vector_sum, index_sum;
    char model[TR_SEGMENT_MODEL_MAX + 1];
    uint64_t replaced[TR_SEGMENT_REPLACED_MAX]; /* sequence numbers of those that it was made of */
    uint32_t replaced_count;
} tr_segment_header_t;

void tr_segment_header_write(const tr_segment_header_t *self, uint8_t *out); /* TR_SEGMENT_HEADER bytes */
/* 0, or -EBADMSG: it is none, damaged, or does not fit a file of that size. */
int tr_segment_header_read(const void *bytes, size_t len, uint64_t file_size, tr_segment_header_t *ret);

/* The sequence, ns, model and replaced are the caller's; the rest is filled in. Whole, or not there; on the disk when it returns. */
int tr_segment_write(tr_segment_t *self, const char *path, tr_segment_header_t *header, tr_error_t *error);
/* -ENOENT; -EBADMSG: damaged; -ESTALE: of another model. The header is valid but after these. */
int tr_segment_read(const char *path, const char *model, size_t dimensions, tr_segment_header_t *ret_header,
    tr_segment_t **ret_self, tr_error_t *error);

#endif
