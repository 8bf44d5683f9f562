/* The embedder "use-lite", as a module: texts to parts, parts to the encoder in batches, their vectors to one for each text. */
#include <cblas.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/module.h"
#include "lib/embed/embed_kind.h"
#include "lib/embed/encoder.h"
#include "lib/embed/pieces.h"

#define PARTS_MOST 64 /* of a text that count */

typedef struct {
    tr_embed_t embed; /* first */
    tr_embed_file_t file;
    tr_pieces_t pieces;
    tr_encoder_t *encoder;
    uint16_t cut[PARTS_MOST * TR_ENCODER_PIECES]; /* the text that is cut */
    /* What waits to be encoded together. */
    uint16_t rows[TR_ENCODER_ROWS];
    size_t rows_count;
    tr_encoder_part_t parts[TR_ENCODER_ROWS];
    size_t owners[TR_ENCODER_ROWS]; /* whose text's part it is */
    size_t parts_count;
    float vectors[TR_ENCODER_ROWS * TR_EMBED_WIDTH];
} use_lite_t;

/* Encodes what waits, and adds it to the vectors of those whose it is, the longer parts with more weight. */
static void flush(use_lite_t *self, float *ret_vectors) {
    if (self->parts_count > 0)
        tr_encoder_run(
            self->encoder, self->rows, self->rows_count, self->parts, self->parts_count, self->vectors);
    for (size_t i = 0; i < self->parts_count; i++)
        cblas_saxpy(TR_EMBED_WIDTH, (float)self->parts[i].count, self->vectors + i * TR_EMBED_WIDTH, 1,
            ret_vectors + self->owners[i] * TR_EMBED_WIDTH, 1);
    self->rows_count = self->parts_count = 0;
}

static void add_part(
    use_lite_t *self, size_t owner, const uint16_t *pieces, size_t count, float *ret_vectors) {
    if (self->rows_count + count > TR_ENCODER_ROWS)
        flush(self, ret_vectors);
    memcpy(self->rows + self->rows_count, pieces, count * sizeof *pieces);
    self->owners[self->parts_count] = owner;
    self->parts[self->parts_count++] = (tr_encoder_part_t){self->rows_count, count};
    self->rows_count += count;
}

static void add_text(use_lite_t *self, size_t owner, const tr_embed_text_t *text, float *ret_vectors) {
    size_t count = tr_pieces_cut(
        &self->pieces, text->text, text->length, self->cut, sizeof self->cut / sizeof *self->cut);
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < TR_ENCODER_PIECES ? count - at : TR_ENCODER_PIECES;
        add_part(self, owner, self->cut + at, n, ret_vectors);
    }
}

static int batch(tr_embed_t *embed, const tr_embed_text_t *texts, size_t count, float *ret_vectors) {
    use_lite_t *self = (use_lite_t *)embed;
    memset(ret_vectors, 0, count * TR_EMBED_WIDTH * sizeof *ret_vectors);
    for (size_t i = 0; i < count; i++)
        add_text(self, i, &texts[i], ret_vectors);
    flush(self, ret_vectors);
    for (size_t i = 0; i < count; i++) {
        float *vector = ret_vectors + i * TR_EMBED_WIDTH, length = cblas_snrm2(TR_EMBED_WIDTH, vector, 1);
        if (length > 0)
            cblas_sscal(TR_EMBED_WIDTH, 1 / length, vector, 1);
    }
    return 0;
}

static void close_use_lite(tr_embed_t *embed) {
    use_lite_t *self = (use_lite_t *)embed;
    tr_encoder_destroy(&self->encoder);
    tr_pieces_finish(&self->pieces);
    tr_embed_file_close(&self->file);
    free(self);
}

static const tr_embed_kind_t kind = {
    .model = "use-lite-1",
    .warning = "",
    .dimensions = TR_EMBED_WIDTH,
    .passage_words = 24,
    .batch = batch,
    .close = close_use_lite,
};

static int fill(use_lite_t *self, const char *path, tr_error_t *error) {
    int rc = tr_embed_file_open(path, &self->file, error);
    if (rc < 0)
        return rc;
    rc = tr_pieces_init(&self->pieces, self->file.pieces, self->file.pieces_length, self->file.pieces_count);
    if (rc == 0)
        rc = tr_encoder_new(&self->file, &self->encoder);
    return rc < 0 ? tr_error_set(error, rc, "cannot open the embeddings' model %s: %s", path, strerror(-rc))
                  : 0;
}

static int open_use_lite(const char *path, tr_embed_t **ret_embed, tr_error_t *error) {
    use_lite_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->embed.kind = &kind;
    openblas_set_num_threads(1);
    int rc = fill(self, path, error);
    if (rc < 0) {
        close_use_lite(&self->embed);
        return rc;
    }
    *ret_embed = &self->embed;
    return 0;
}

extern const tr_embed_module_t tr_embed_module;
TR_MODULE_EXPORT const tr_embed_module_t tr_embed_module = {.version = TROUPE_VERSION, .open = open_use_lite};
