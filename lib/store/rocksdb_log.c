/*
 * The format: blocks of 32 KB; in them records that never cross a block, each with a head of u32 masked CRC-32C
 * (of type and bytes), u16 length, u8 type; a batch is one FULL record or FIRST, MIDDLE ..., LAST. Fewer than 7
 * bytes at a block's end are padding.
 *
 * What does not match is judged so, in this order:
 *   - one flipped bit explains it (in the head's length or type, in the sum, in the bytes): damage
 *   - the bytes are zeros from there, or from the begin of a page within the record, up to the page's end: a page that the
 *     kernel had not written when the machine stopped, so no sync that covered it can have returned: torn
 *   - the file ends within the record: torn
 *   - anything else: damage
 */
#include "lib/store/rocksdb_log.h"

#include "lib/store/crc32c.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK 32768u
#define PAGE  4096u
#define HEAD  7u

enum { FULL = 1, FIRST, MIDDLE, LAST };

typedef struct walk {
    tr_crc32c_t crc;
    uint64_t block_at; /* in the file */
    size_t n;          /* bytes of the block: fewer than BLOCK in the last one */
    size_t at;         /* in the block */
    bool within;       /* a record of several parts has begun */
    tr_log_check_t check;
    uint8_t block[BLOCK];
} walk_t;

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Sums are stored changed, so that the sum of bytes that hold sums is none. */
static uint32_t unmask(uint32_t masked) {
    uint32_t turned = masked - 0xa282ead8u;
    return turned >> 17 | turned << 15;
}

static uint32_t length_of(const uint8_t *head) {
    return head[4] | (uint32_t)head[5] << 8;
}

/* Whether the record that this head describes lies in the block and matches its sum. */
static bool matches(const walk_t *w, const uint8_t head[HEAD]) {
    uint32_t length = length_of(head);
    if (length > w->n - w->at - HEAD)
        return false;
    uint32_t sum = tr_crc32c(&w->crc, 0, head + 6, 1);
    return tr_crc32c(&w->crc, sum, w->block + w->at + HEAD, length) == unmask(get_u32(head));
}

static bool one_bit_of_the_head(const walk_t *w) {
    uint8_t head[HEAD];
    for (size_t i = 0; i < HEAD; i++)
        head[i] = w->block[w->at + i];
    for (size_t bit = 0; bit < HEAD * 8; bit++) {
        head[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (matches(w, head))
            return true;
        head[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return false;
}

static bool one_bit_of_the_bytes(const walk_t *w, uint32_t length) {
    const uint8_t *head = w->block + w->at;
    uint32_t sum = tr_crc32c(&w->crc, 0, head + 6, 1 + length);
    return tr_crc32c_one_bit(&w->crc, unmask(get_u32(head)), sum, length);
}

/* Zeros from the begin of the range, or of a page in it, to the end of that page. */
static bool has_unwritten_page(const walk_t *w, size_t from, size_t to) {
    while (from < to) {
        size_t end = (from / PAGE + 1) * PAGE, i = from;
        if (end > w->n)
            end = w->n;
        while (i < end && w->block[i] == 0)
            i++;
        if (i == end)
            return true;
        from = (from / PAGE + 1) * PAGE;
    }
    return false;
}

static tr_log_state_t judge(const walk_t *w) {
    size_t room = w->n - w->at - HEAD;
    uint32_t length = length_of(w->block + w->at);
    bool complete = length <= room;
    if (one_bit_of_the_head(w) || (complete && one_bit_of_the_bytes(w, length)))
        return TR_LOG_DAMAGED;
    if (has_unwritten_page(w, w->at, complete ? w->at + HEAD + length : w->n))
        return TR_LOG_TORN;
    return !complete && w->n < BLOCK ? TR_LOG_TORN : TR_LOG_DAMAGED;
}

static void stop(walk_t *w, tr_log_state_t state) {
    w->check.state = state;
    w->check.at = w->block_at + w->at;
}

/* Whether a part of this type may follow what was before. */
static bool in_order(const walk_t *w, uint8_t type) {
    switch (type) {
    case MIDDLE:
    case LAST: return w->within;
    default: return !w->within;
    }
}

/* The records of a block. False when the walk ends. */
static bool walk_block(walk_t *w) {
    for (w->at = 0; w->n - w->at >= HEAD;) {
        const uint8_t *head = w->block + w->at;
        uint8_t type = head[6];
        if (!matches(w, head)) {
            stop(w, judge(w));
            return false;
        }
        if (!in_order(w, type)) {
            stop(w, TR_LOG_DAMAGED);
            return false;
        }
        w->at += HEAD + length_of(head);
        w->within = type == FIRST || type == MIDDLE;
        if (!w->within)
            w->check.end = w->block_at + w->at;
    }
    return true;
}

static int read_block(walk_t *w, int fd) {
    w->n = 0;
    while (w->n < BLOCK) {
        ssize_t n = pread(fd, w->block + w->n, BLOCK - w->n, (off_t)(w->block_at + w->n));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        w->n += (size_t)n;
    }
    return 0;
}

static int walk_file(walk_t *w, int fd) {
    int r;
    do {
        r = read_block(w, fd);
        if (r < 0)
            return r;
        w->check.size = w->block_at + w->n;
        if (!walk_block(w))
            return 0;
        w->block_at += w->n;
    } while (w->n == BLOCK);
    /* Less than a head at the end, or a batch without its last part. */
    bool rest = w->n - w->at > 0 || w->within;
    w->block_at -= w->n;
    stop(w, rest ? TR_LOG_TORN : TR_LOG_INTACT);
    return 0;
}

int tr_rocksdb_log_check(int fd, tr_log_check_t *ret_check) {
    walk_t *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    tr_crc32c_init(&w->crc);
    int r = walk_file(w, fd);
    /* What lies behind the place where the walk ended belongs to the file too. */
    off_t size = lseek(fd, 0, SEEK_END);
    if (r == 0 && size < 0)
        r = -errno;
    if (r == 0) {
        *ret_check = w->check;
        ret_check->size = (uint64_t)size;
    }
    free(w);
    return r;
}
