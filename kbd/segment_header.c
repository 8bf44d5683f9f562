#include "kbd/segment_file.h"

#include "lib/store/crc32c.h"

#include <errno.h>
#include <string.h>

#define VERSION 1u

static const char magic[8] = {'T', 'R', 'K', 'B', 'S', 'E', 'G', '\n'};

/* Where what is written. */
enum {
    AT_VERSION = 8,
    AT_KIND = 12,
    AT_NUMBERS = 16, /* seven of 8 bytes */
    AT_SUMS = AT_NUMBERS + 7 * 8,
    AT_REPLACED_COUNT = AT_SUMS + 3 * 4,
    AT_MODEL = AT_REPLACED_COUNT + 4,
    AT_REPLACED = AT_MODEL + TR_SEGMENT_MODEL_MAX + 1,
    AT_SUM = TR_SEGMENT_HEADER - 4,
};
_Static_assert(AT_REPLACED + 8 * TR_SEGMENT_REPLACED_MAX <= AT_SUM, "a header has room for all");

static void put(uint8_t *at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t take(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint32_t sum_of(const uint8_t *bytes) {
    tr_crc32c_t crc;
    tr_crc32c_init(&crc);
    return tr_crc32c(&crc, 0, bytes, AT_SUM);
}

void tr_segment_header_write(const tr_segment_header_t *self, uint8_t *out) {
    const uint64_t numbers[] = {self->ns, self->sequence, self->dimensions, self->count, self->chunk_bytes,
        self->vector_bytes, self->index_bytes};
    const uint32_t sums[] = {self->chunk_sum, self->vector_sum, self->index_sum};
    memset(out, 0, TR_SEGMENT_HEADER);
    memcpy(out, magic, sizeof magic);
    put(out + AT_VERSION, VERSION, 4);
    put(out + AT_KIND, self->kind, 4);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        put(out + AT_NUMBERS + 8 * i, numbers[i], 8);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        put(out + AT_SUMS + 4 * i, sums[i], 4);
    put(out + AT_REPLACED_COUNT, self->replaced_count, 4);
    memcpy(out + AT_MODEL, self->model, strnlen(self->model, TR_SEGMENT_MODEL_MAX));
    for (size_t i = 0; i < self->replaced_count; i++)
        put(out + AT_REPLACED + 8 * i, self->replaced[i], 8);
    put(out + AT_SUM, sum_of(out), 4);
}

/* No product below can overflow then. */
static bool is_sound(const tr_segment_header_t *h, uint64_t file_size) {
    const uint64_t most = UINT64_C(1) << 40;
    bool keeps = h->kind == TR_SEGMENT_IVF_SQ8 || h->kind == TR_SEGMENT_IVF_PQ;
    return h->kind < TR_SEGMENT_KINDS && h->replaced_count <= TR_SEGMENT_REPLACED_MAX && h->dimensions > 0 &&
           h->dimensions < 65536 && h->count < most / 65536 && h->index_bytes < most &&
           h->chunk_bytes == 8 * h->count &&
           h->vector_bytes == (keeps ? h->count * h->dimensions * sizeof(float) : 0) &&
           TR_SEGMENT_HEADER + h->chunk_bytes + h->vector_bytes + h->index_bytes == file_size;
}

int tr_segment_header_read(const void *bytes, size_t len, uint64_t file_size, tr_segment_header_t *ret) {
    const uint8_t *in = bytes;
    if (len < TR_SEGMENT_HEADER || memcmp(in, magic, sizeof magic) != 0 ||
        take(in + AT_VERSION, 4) != VERSION || take(in + AT_SUM, 4) != sum_of(in))
        return -EBADMSG;
    tr_segment_header_t h = {.kind = (tr_segment_kind_t)take(in + AT_KIND, 4),
        .ns = take(in + AT_NUMBERS, 8),
        .sequence = take(in + AT_NUMBERS + 8, 8),
        .dimensions = take(in + AT_NUMBERS + 16, 8),
        .count = take(in + AT_NUMBERS + 24, 8),
        .chunk_bytes = take(in + AT_NUMBERS + 32, 8),
        .vector_bytes = take(in + AT_NUMBERS + 40, 8),
        .index_bytes = take(in + AT_NUMBERS + 48, 8),
        .chunk_sum = (uint32_t)take(in + AT_SUMS, 4),
        .vector_sum = (uint32_t)take(in + AT_SUMS + 4, 4),
        .index_sum = (uint32_t)take(in + AT_SUMS + 8, 4),
        .replaced_count = (uint32_t)take(in + AT_REPLACED_COUNT, 4)};
    memcpy(h.model, in + AT_MODEL, TR_SEGMENT_MODEL_MAX);
    if (!is_sound(&h, file_size))
        return -EBADMSG;
    for (size_t i = 0; i < h.replaced_count; i++)
        h.replaced[i] = take(in + AT_REPLACED + 8 * i, 8);
    *ret = h;
    return 0;
}
