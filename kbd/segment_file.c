#include "kbd/segment_file.h"

#include "kbd/faiss_more.h"
#include "kbd/segment_private.h"
#include "lib/store/crc32c.h"

#include <errno.h>
#include <faiss/c_api/index_io_c.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW ((size_t)16 << 20) /* of a map, that is read at once */
#define PAGE   ((size_t)1 << 16)  /* a multiple of every processor's */

/* ---- maps ---- */

typedef struct map {
    const uint8_t *bytes;
    size_t length;
} map_t;

static int map_file(int fd, map_t *ret) {
    struct stat s;
    if (fstat(fd, &s) < 0)
        return -errno;
    if (s.st_size < (off_t)TR_SEGMENT_HEADER)
        return -EBADMSG;
    void *bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    *ret = (map_t){bytes, (size_t)s.st_size};
    return 0;
}

static void unmap(map_t *map) {
    if (map->bytes)
        munmap((void *)(uintptr_t)map->bytes, map->length);
    *map = (map_t){0};
}

typedef struct sums {
    uint32_t chunks, vectors, index;
} sums_t;

/* What has been summed up leaves the process's memory, not the kernel's: the file may be as large as what is built beside it. */
static uint32_t sum_part(const tr_crc32c_t *crc, const map_t *map, size_t at, size_t length) {
    uint32_t sum = 0;
    for (size_t n; length > 0; at += n, length -= n) {
        n = length < WINDOW ? length : WINDOW;
        sum = tr_crc32c(crc, sum, map->bytes + at, n);
        size_t page = at / PAGE * PAGE; /* advice, ignoring */
        madvise((void *)(uintptr_t)(map->bytes + page), at + n - page, MADV_DONTNEED);
    }
    return sum;
}

static sums_t sum_up(const tr_segment_header_t *h, const map_t *map) {
    tr_crc32c_t crc;
    tr_crc32c_init(&crc);
    size_t vectors = TR_SEGMENT_HEADER + h->chunk_bytes, index = vectors + h->vector_bytes;
    return (sums_t){sum_part(&crc, map, TR_SEGMENT_HEADER, h->chunk_bytes),
        sum_part(&crc, map, vectors, h->vector_bytes), sum_part(&crc, map, index, h->index_bytes)};
}

/* The whole vectors are in the file from now on, where the kernel may put them aside. */
static void live_in_file(tr_segment_t *self, const tr_segment_header_t *h, map_t *map) {
    self->map = (void *)(uintptr_t)map->bytes;
    self->map_length = map->length;
    self->vectors = (const float *)(const void *)(map->bytes + TR_SEGMENT_HEADER + h->chunk_bytes);
    *map = (map_t){0};
}

/* ---- writing ---- */

static bool put_parts(const tr_segment_t *self, const tr_segment_header_t *h, FILE *f) {
    uint8_t room[TR_SEGMENT_HEADER] = {0};
    return fwrite(room, sizeof room, 1, f) == 1 &&
           fwrite(self->chunks, 1, h->chunk_bytes, f) == h->chunk_bytes &&
           (h->vector_bytes == 0 || fwrite(self->vectors, 1, h->vector_bytes, f) == h->vector_bytes) &&
           faiss_write_index(self->index, f) == 0 && fflush(f) == 0;
}

/* The sums are of what is in the file; then comes the header. */
static int put_header(const map_t *map, tr_segment_header_t *h, int fd) {
    uint8_t bytes[TR_SEGMENT_HEADER];
    h->index_bytes = map->length - TR_SEGMENT_HEADER - h->chunk_bytes - h->vector_bytes;
    sums_t sums = sum_up(h, map);
    h->chunk_sum = sums.chunks;
    h->vector_sum = sums.vectors;
    h->index_sum = sums.index;
    tr_segment_header_write(h, bytes);
    ssize_t n = pwrite(fd, bytes, sizeof bytes, 0);
    return n < 0 ? -errno : n < (ssize_t)sizeof bytes ? -ENOSPC : fsync(fd) < 0 ? -errno : 0;
}

static int put_file(const tr_segment_t *self, tr_segment_header_t *h, const char *part, map_t *ret_map) {
    FILE *f = fopen(part, "w+be");
    if (!f)
        return -errno;
    errno = 0;
    int rc = put_parts(self, h, f) ? map_file(fileno(f), ret_map) : errno ? -errno : -EIO;
    if (rc == 0)
        rc = put_header(ret_map, h, fileno(f));
    fclose(f);
    return rc;
}

static int sync_directory(const char *path) {
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        *slash = '\0';
    int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

int tr_segment_write(tr_segment_t *self, const char *path, tr_segment_header_t *h, tr_error_t *error) {
    char part[PATH_MAX];
    map_t map = {0};
    if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
        return tr_error_set(error, -ENAMETOOLONG, "%.100s...: the path is too long", path);
    h->kind = self->kind;
    h->dimensions = self->dimensions;
    h->count = self->count;
    h->chunk_bytes = self->count * sizeof *self->chunks;
    h->vector_bytes = tr_segment_keeps(self->kind) ? self->count * self->dimensions * sizeof(float) : 0;
    int rc = put_file(self, h, part, &map);
    if (rc == 0 && rename(part, path) < 0)
        rc = -errno;
    bool named = rc == 0;
    if (rc == 0)
        rc = sync_directory(path);
    if (rc < 0) {
        unlink(named ? path : part); /* as if it had never been there */
        tr_error_set(error, rc, "%s: %s", path, strerror(-rc));
    } else if (tr_segment_keeps(self->kind)) {
        live_in_file(self, h, &map);
        free(self->kept);
        self->kept = NULL;
    }
    unmap(&map);
    return rc;
}

/* ---- reading ---- */

static bool rises(const int64_t *chunks, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (chunks[i] <= chunks[i - 1])
            return false;
    return true;
}

static int check_sums(const tr_segment_header_t *h, const map_t *map) {
    sums_t sums = sum_up(h, map);
    return sums.chunks == h->chunk_sum && sums.vectors == h->vector_sum && sums.index == h->index_sum
               ? 0
               : -EBADMSG;
}

static int load_index(tr_segment_t *self, const tr_segment_header_t *h, FILE *f) {
    off_t at = (off_t)(TR_SEGMENT_HEADER + h->chunk_bytes + h->vector_bytes);
    if (fseeko(f, at, SEEK_SET) < 0 || faiss_read_index(f, 0, &self->index) != 0)
        return -EBADMSG;
    if (faiss_Index_d(self->index) != (int)self->dimensions ||
        faiss_Index_ntotal(self->index) != (idx_t)self->count)
        return -EBADMSG;
    tr_faiss_settle(self->index);
    return 0;
}

static int load(const tr_segment_header_t *h, map_t *map, FILE *f, tr_segment_t **ret_self) {
    tr_segment_t *self = tr_segment_new(h->kind, h->dimensions, h->count);
    if (!self)
        return -ENOMEM;
    memcpy(self->chunks, map->bytes + TR_SEGMENT_HEADER, h->chunk_bytes);
    int rc = rises(self->chunks, self->count) ? load_index(self, h, f) : -EBADMSG;
    if (rc == 0 && tr_segment_keeps(h->kind))
        live_in_file(self, h, map);
    if (rc == 0 && tr_segment_settle(self, NULL) < 0)
        rc = -EBADMSG;
    if (rc < 0)
        tr_segment_release(&self);
    else
        *ret_self = self;
    return rc;
}

static int read_file(
    FILE *f, const char *model, size_t dimensions, tr_segment_header_t *ret_header, tr_segment_t **ret_self) {
    map_t map = {0};
    tr_segment_header_t h = {0};
    int rc = map_file(fileno(f), &map);
    if (rc == 0)
        rc = tr_segment_header_read(map.bytes, map.length, map.length, &h);
    if (rc == 0 && (strcmp(h.model, model) != 0 || h.dimensions != dimensions))
        rc = -ESTALE;
    if (rc == 0)
        rc = check_sums(&h, &map);
    if (rc == 0)
        rc = load(&h, &map, f, ret_self);
    if (rc == 0)
        *ret_header = h;
    unmap(&map);
    return rc;
}

int tr_segment_read(const char *path, const char *model, size_t dimensions, tr_segment_header_t *ret_header,
    tr_segment_t **ret_self, tr_error_t *error) {
    FILE *f = fopen(path, "rbe");
    int rc = f ? read_file(f, model, dimensions, ret_header, ret_self) : -errno;
    if (f)
        fclose(f);
    return rc == 0 ? 0
                   : tr_error_set(error, rc, "%s: %s", path,
                         rc == -EBADMSG  ? "damaged"
                         : rc == -ESTALE ? "of another model"
                                         : strerror(-rc));
}
