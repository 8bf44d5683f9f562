#include "lib/embed/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MAGIC "TREMBED1"
#define CURE  "make it anew with tools/setup --embeddings"

typedef struct {
    char magic[8];
    uint32_t sum, pieces;
    uint64_t pieces_length, floats;
    char reserved[32];
} header_t;

static const float *take(const float **at, size_t count) {
    const float *from = *at;
    *at += count;
    return from;
}

static void take_layer(const float **at, size_t width, tr_embed_layer_t *ret_layer) {
    tr_embed_layer_t *l = ret_layer;
    l->width = width;
    l->norm_scale = take(at, width);
    l->norm_bias = take(at, width);
    l->qkv = take(at, width * width * 3);
    l->qkv_bias = take(at, width * 3);
    l->out = take(at, width * TR_EMBED_WIDTH);
    l->out_bias = take(at, TR_EMBED_WIDTH);
    l->residual = width != TR_EMBED_WIDTH ? take(at, width * TR_EMBED_WIDTH) : NULL;
    l->residual_bias = l->residual ? take(at, TR_EMBED_WIDTH) : NULL;
    l->feed_norm_scale = take(at, TR_EMBED_WIDTH);
    l->feed_norm_bias = take(at, TR_EMBED_WIDTH);
    l->inner = take(at, (size_t)TR_EMBED_WIDTH * TR_EMBED_INNER);
    l->inner_bias = take(at, TR_EMBED_INNER);
    l->outer = take(at, (size_t)TR_EMBED_INNER * TR_EMBED_WIDTH);
    l->outer_bias = take(at, TR_EMBED_WIDTH);
}

/* Gives out the floats; how many there must be. */
static size_t take_all(tr_embed_file_t *self, const float *floats) {
    const float *at = floats;
    self->embeddings = take(&at, (size_t)TR_EMBED_PIECES * TR_EMBED_PIECE);
    self->waves = take(&at, TR_EMBED_WAVES);
    take_layer(&at, TR_EMBED_PIECE, &self->layers[0]);
    take_layer(&at, TR_EMBED_WIDTH, &self->layers[1]);
    self->hidden = take(&at, (size_t)TR_EMBED_WIDTH * TR_EMBED_WIDTH);
    self->hidden_bias = take(&at, TR_EMBED_WIDTH);
    return (size_t)(at - floats);
}

/* What is wrong with it, or NULL. */
static const char *check(tr_embed_file_t *self) {
    header_t header;
    if (self->size < sizeof header)
        return "too short";
    memcpy(&header, self->map, sizeof header);
    const char *body = (const char *)self->map + sizeof header;
    size_t length = self->size - sizeof header;
    if (memcmp(header.magic, MAGIC, sizeof header.magic) != 0)
        return "no model, or one of another version";
    if (header.pieces_length > length || header.pieces_length % 64 != 0 || header.pieces > TR_EMBED_PIECES)
        return "damaged";
    self->pieces = body;
    self->pieces_length = header.pieces_length;
    self->pieces_count = header.pieces;
    size_t floats = take_all(self, (const float *)(const void *)(body + header.pieces_length));
    if (header.floats != floats || length - header.pieces_length != floats * sizeof(float))
        return "of the wrong size";
    return crc32_z(0, (const unsigned char *)body, length) == header.sum ? NULL
                                                                         : "damaged: its sum is another";
}

static int map_file(const char *path, tr_embed_file_t *ret_file, tr_error_t *error) {
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    if (fd < 0)
        return tr_error_set(
            error, -errno, "cannot open the embeddings' model %s: %s; %s", path, strerror(errno), CURE);
    if (fstat(fd, &stat) < 0)
        rc = -errno;
    else if (!S_ISREG(stat.st_mode) || stat.st_size == 0)
        rc = -EBADMSG;
    void *map = rc == 0 ? mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (map == MAP_FAILED)
        rc = -errno;
    close(fd);
    if (rc < 0)
        return tr_error_set(
            error, rc, "cannot map the embeddings' model %s: %s; %s", path, strerror(-rc), CURE);
    *ret_file = (tr_embed_file_t){.map = map, .size = (size_t)stat.st_size};
    return 0;
}

int tr_embed_file_open(const char *path, tr_embed_file_t *ret_file, tr_error_t *error) {
    tr_embed_file_t file;
    int rc = map_file(path, &file, error);
    if (rc < 0)
        return rc;
    const char *wrong = check(&file);
    if (wrong) {
        tr_embed_file_close(&file);
        return tr_error_set(error, -EBADMSG, "the embeddings' model %s is %s; %s", path, wrong, CURE);
    }
    *ret_file = file;
    return 0;
}

void tr_embed_file_close(tr_embed_file_t *self) {
    if (self->map)
        munmap(self->map, self->size);
    self->map = NULL;
}
