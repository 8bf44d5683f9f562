#include "tests/sim/wal.h"

#include "lib/store/journal_batch.h"
#include "lib/store/rocksdb_log.h"
#include "tests/log_writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ANEW_BYTES (64u << 10) /* of batches in a file: then it begins anew */
#define AFTER_BYTES                                                                                          \
    (32u << 10) /* of what came after the batch that is torn: so much of it at most may be in the file */

enum { FULL = 1, LAST = 4 }; /* types of parts */

void sim_wal_init(sim_wal_t *self, sim_world_t *world, const char *name, sim_prng_t prng) {
    *self = (sim_wal_t){.world = world, .name = name, .prng = prng};
    tr_buffer_init(&self->ops, 0);
}

void sim_wal_finish(sim_wal_t *self) {
    tr_buffer_finish(&self->ops);
    free(self->ends);
    self->ends = NULL;
    self->n = self->cap = self->synced = 0;
}

void sim_wal_write(sim_wal_t *self, const tr_journal_op_t *ops, size_t n) {
    if (self->n == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 64;
        self->ends = sim_grow(self->ends, self->cap * sizeof *self->ends);
    }
    for (size_t i = 0; i < n; i++)
        tr_journal_op_put(&self->ops, ops[i].type, ops[i].key, ops[i].key_len, ops[i].value,
            ops[i].type == TR_JOURNAL_DELETE ? 0 : ops[i].value_len);
    if (self->ops.failed)
        abort();
    self->ends[self->n++] = self->ops.size;
}

void sim_wal_sync(sim_wal_t *self) {
    self->synced = self->n;
    if (self->ops.size <= ANEW_BYTES)
        return;
    tr_buffer_drop(&self->ops, self->ops.size);
    self->n = self->synced = 0;
}

static size_t begin_of(const sim_wal_t *w, size_t batch) {
    return batch ? w->ends[batch - 1] : 0;
}

/* The file as it would be. */
typedef struct image {
    log_writer_t log;
    size_t whole;  /* batches that are in it for certain, */
    size_t end;    /* which end here */
    size_t torn;   /* ... and the next one here; as `end`, where there is none */
    uint8_t *bits; /* a copy, before some of it was lost */
} image_t;

static void write_image(const sim_wal_t *w, image_t *f, size_t whole, bool pages) {
    size_t batches = whole, from = begin_of(w, whole);
    while (batches < w->n && (batches == whole || (pages && w->ends[batches] - from <= AFTER_BYTES)))
        batches++;
    size_t room = 0;
    for (size_t i = 0; i < batches; i++)
        room += log_writer_room(w->ends[i] - begin_of(w, i));
    *f = (image_t){.whole = whole};
    log_writer_init(&f->log, sim_alloc(room + 2 * LOG_HEAD));
    for (size_t i = 0; i < batches; i++) {
        log_writer_add(&f->log, w->ops.data + begin_of(w, i), w->ends[i] - begin_of(w, i));
        f->end = i + 1 == whole ? f->log.n : f->end;
        f->torn = i == whole ? f->log.n : f->torn;
    }
    if (whole == batches)
        f->torn = f->end;
}

static void cut(sim_wal_t *w, image_t *f) {
    f->log.n = f->end + sim_below(&w->prng, f->torn - f->end);
}

/* Pages that the system had not written are zeros from where the file ended when it wrote them last. */
static void lose_page(image_t *f, size_t page) {
    size_t from = page * LOG_PAGE > f->end ? page * LOG_PAGE : f->end, to = (page + 1) * LOG_PAGE;
    if (to > f->log.n)
        to = f->log.n;
    if (from < to)
        memset(f->log.bytes + from, 0, to - from);
}

/* Bits of the torn batch that are not what they were. */
static unsigned bits_lost(const image_t *f) {
    unsigned bits = 0;
    for (size_t i = f->end; i < f->torn && bits < 2; i++)
        bits += (unsigned)__builtin_popcount(f->log.bytes[i] ^ f->bits[i]);
    return bits;
}

/* One of the pages of the torn batch, and of the others any. False where none of it is lost then, or a single bit, which nobody can
 * tell from rot. */
static bool lose_pages(sim_wal_t *w, image_t *f) {
    size_t first = f->end / LOG_PAGE, last = (f->torn - 1) / LOG_PAGE;
    f->bits = sim_alloc(f->log.n);
    memcpy(f->bits, f->log.bytes, f->log.n);
    lose_page(f, first + sim_below(&w->prng, last - first + 1));
    for (size_t page = first; page * LOG_PAGE < f->log.n; page++)
        if (sim_chance(&w->prng, 300))
            lose_page(f, page);
    if (bits_lost(f) >= 2)
        return true;
    memcpy(f->log.bytes, f->bits, f->log.n);
    return false;
}

static tr_log_check_t check_image(const sim_wal_t *w, const image_t *f) {
    tr_log_check_t check;
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || write(fd, f->log.bytes, f->log.n) != (ssize_t)f->log.n ||
        tr_rocksdb_log_check(fd, &check) < 0)
        sim_fail((sim_world_t *)(uintptr_t)w->world, "no file for the disk of %s: %m", w->name);
    close(fd);
    return check;
}

/* Lost pages may have the sum of one that a flipped bit explains: one of 2^32 patterns for each bit. */
static bool looks_like_rot(const image_t *f, uint64_t at) {
    const uint8_t *head = f->log.bytes + at;
    size_t len = head[4] | (size_t)head[5] << 8;
    uint32_t masked = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
                      (uint32_t)head[3] << 24,
             turned = masked - 0xa282ead8u;
    return at + LOG_HEAD + len <= f->log.n && tr_crc32c_one_bit(&f->log.crc, turned >> 17 | turned << 15,
                                                  tr_crc32c(&f->log.crc, 0, head + 6, 1 + len), len);
}

/* What the system has of the file, judged. */
static tr_log_check_t tear(sim_wal_t *w, image_t *f, bool pages) {
    bool lost = pages && f->torn > f->end && sim_chance(&w->prng, 500) && lose_pages(w, f);
    if (!lost)
        cut(w, f);
    tr_log_check_t check = check_image(w, f);
    if (lost && check.state == TR_LOG_DAMAGED && looks_like_rot(f, check.at)) {
        memcpy(f->log.bytes, f->bits, f->log.n);
        cut(w, f);
        check = check_image(w, f);
    }
    return check;
}

typedef struct part {
    const uint8_t *bytes;
    size_t len;
    uint8_t type;
    bool last; /* of its batch */
} part_t;

/* The part at this place or, where the block has no room for one, at the next block's begin; what comes behind it is the next place. */
static part_t next_part(const image_t *f, size_t *at) {
    size_t left = LOG_BLOCK - *at % LOG_BLOCK;
    const uint8_t *head = f->log.bytes + *at + (left < LOG_HEAD ? left : 0);
    part_t p = {.bytes = head + LOG_HEAD, .len = head[4] | (size_t)head[5] << 8, .type = head[6]};
    p.last = p.type == FULL || p.type == LAST;
    *at = (size_t)(p.bytes + p.len - f->log.bytes);
    return p;
}

/* Reads the file up to its end, and holds it against what was written. Returns how many batches there are. */
static size_t read_back(const sim_wal_t *w, const image_t *f, size_t end) {
    size_t batch = 0, got = 0;
    for (size_t at = 0; at < end;) {
        part_t p = next_part(f, &at);
        size_t from = begin_of(w, batch) + got;
        if (at > end || batch == w->n || p.type < FULL || p.type > LAST || from + p.len > w->ends[batch] ||
            memcmp(p.bytes, w->ops.data + from, p.len) != 0 || (p.last && from + p.len != w->ends[batch]))
            sim_fail(w->world, "the disk of %s gives back what was not written: in its batch %zu of %zu",
                w->name, batch, w->n);
        got = p.last ? 0 : got + p.len;
        batch += p.last;
    }
    if (got)
        sim_fail(w->world, "the disk of %s gives back half a batch: %zu of %zu bytes", w->name, got,
            w->ends[batch] - begin_of(w, batch));
    return batch;
}

size_t sim_wal_crash(sim_wal_t *self, size_t keep, bool pages) {
    image_t f;
    write_image(self, &f, self->synced + keep, pages);
    tr_log_check_t check = tear(self, &f, pages);
    sim_say(self->world, "the log of %s has %zu bytes, and %zu of its next batch: %s, up to %zu", self->name,
        f.end, f.log.n - f.end, check.state == TR_LOG_INTACT ? "whole" : "torn", (size_t)check.end);
    if (check.state == TR_LOG_DAMAGED)
        sim_fail(
            self->world, "the end of %s is taken for rot: byte %zu of its log", self->name, (size_t)check.at);
    size_t left = read_back(self, &f, check.end);
    free(f.log.bytes);
    free(f.bits);
    if (left < self->synced)
        sim_fail(self->world, "the disk of %s had %zu batches synced, and gives %zu back", self->name,
            self->synced, left);
    size_t kept = left - self->synced;
    self->ops.size = begin_of(self, left); /* the rest is cut off */
    self->n = self->synced = left;
    return kept;
}
