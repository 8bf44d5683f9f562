/*
 * In two steps: blocks become pieces (sentences of prose, whole blocks of code or their lines), and pieces are packed. A piece is never
 * cut, so all limits are looked at between two of them.
 */
#include "kbd/chunk.h"

#include "lib/text/textbuf.h"
#include "lib/text/word.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct piece {
    size_t offset, end;
    uint32_t tokens;
    uint32_t block_tokens; /* of its whole block, at the first piece of one; else 0 */
    bool heading, prose;
} piece_t;

typedef struct cutter {
    const tr_document_t *document;
    const tr_chunk_bounds_t *bounds;
    piece_t *pieces;
    size_t count, room;
    tr_chunk_t *chunks;
    size_t chunk_count, chunk_room;
    const piece_t *heading; /* that of what is packed now */
    bool failed;
} cutter_t;

static uint32_t count_tokens(const char *text, size_t from, size_t to) {
    uint32_t n = 0;
    size_t at = 0;
    tr_word_span_t span;
    while (tr_word_next(text + from, to - from, &at, &span))
        n++;
    return n;
}

/* ---- pieces ---- */

static void add_piece(cutter_t *self, size_t from, size_t to, tr_block_kind_t kind) {
    const char *text = self->document->text;
    while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\n'))
        to--;
    uint32_t tokens = count_tokens(text, from, to);
    if (from == to || tr_array_reserve(&self->pieces, self->count, &self->room, sizeof *self->pieces) < 0) {
        self->failed |= from != to;
        return;
    }
    self->pieces[self->count++] = (piece_t){.offset = from,
        .end = to,
        .tokens = tokens,
        .heading = kind == TR_BLOCK_HEADING,
        .prose = kind == TR_BLOCK_PARAGRAPH || kind == TR_BLOCK_ITEM};
}

/* Where the sentence that begins at `from` ends: behind its stop and the blanks after it. */
static size_t sentence_end(const char *text, size_t from, size_t end) {
    for (size_t i = from; i + 1 < end; i++)
        if (strchr(".!?", text[i]) && text[i + 1] == ' ' && i > from + 2)
            return i + 2;
    return end;
}

static size_t line_end(const char *text, size_t from, size_t end) {
    const char *stop = memchr(text + from, '\n', end - from);
    return stop ? (size_t)(stop - text) + 1 : end;
}

/* A sentence or line that is longer than a chunk may be, in parts of so many words. */
static void add_long(cutter_t *self, size_t from, size_t to, tr_block_kind_t kind) {
    const char *text = self->document->text;
    size_t at = 0, begun = from;
    uint32_t n = 0;
    tr_word_span_t span;
    while (tr_word_next(text + from, to - from, &at, &span)) {
        if (n++ < self->bounds->most)
            continue;
        add_piece(self, begun, from + span.offset, kind);
        begun = from + span.offset;
        n = 1;
    }
    add_piece(self, begun, to, kind);
}

static void add_parts(cutter_t *self, const tr_block_t *block) {
    const char *text = self->document->text;
    bool prose = block->kind == TR_BLOCK_PARAGRAPH || block->kind == TR_BLOCK_ITEM;
    size_t from = block->offset, end = block->offset + block->length;
    while (from < end) {
        size_t to = prose ? sentence_end(text, from, end) : line_end(text, from, end);
        if (count_tokens(text, from, to) > self->bounds->most)
            add_long(self, from, to, block->kind);
        else
            add_piece(self, from, to, block->kind);
        from = to;
    }
}

static void add_block(cutter_t *self, const tr_block_t *block) {
    const char *text = self->document->text;
    size_t first = self->count, end = block->offset + block->length;
    uint32_t tokens = count_tokens(text, block->offset, end);
    bool whole = block->kind == TR_BLOCK_HEADING
                     ? tokens <= self->bounds->most
                     : (block->kind == TR_BLOCK_CODE || block->kind == TR_BLOCK_TABLE) &&
                           tokens <= 2 * self->bounds->most;
    if (whole)
        add_piece(self, block->offset, end, block->kind);
    else
        add_parts(self, block);
    if (self->count > first)
        self->pieces[first].block_tokens = tokens;
}

/* ---- packing ---- */

typedef struct pack {
    size_t first, count; /* pieces in it */
    size_t fresh;        /* those of them that no chunk has yet */
    uint32_t tokens;
} pack_t;

static void close_pack(cutter_t *self, const pack_t *pack) {
    if (!pack->fresh || !pack->tokens ||
        tr_array_reserve(&self->chunks, self->chunk_count, &self->chunk_room, sizeof *self->chunks) < 0) {
        self->failed |= pack->fresh && pack->tokens;
        return;
    }
    size_t from = self->pieces[pack->first].offset, to = self->pieces[pack->first + pack->count - 1].end;
    tr_chunk_t chunk = {.offset = from, .length = to - from, .tokens = pack->tokens};
    if (self->heading) {
        chunk.heading = self->heading->offset;
        chunk.heading_length = self->heading->end - self->heading->offset;
    }
    self->chunks[self->chunk_count++] = chunk;
}

/* Begins before piece `at`, with the last sentences of what was before it where it goes on. */
static pack_t begin_pack(const cutter_t *self, size_t at, size_t earliest) {
    pack_t pack = {.first = at};
    while (pack.first > earliest) {
        const piece_t *before = &self->pieces[pack.first - 1];
        if (!before->prose || pack.tokens + before->tokens > self->bounds->overlap)
            break;
        pack.tokens += before->tokens;
        pack.first--;
        pack.count++;
    }
    return pack;
}

static bool is_full(const cutter_t *self, const pack_t *pack, const piece_t *next) {
    uint32_t most = self->bounds->most;
    if (!pack->fresh)
        return false;
    if (pack->tokens + next->tokens > most)
        return true;
    /* a paragraph that would have to be cut begins the next one, if this one has something to say */
    return next->block_tokens && pack->tokens >= most / 2 && pack->tokens + next->block_tokens > most;
}

static void pack_pieces(cutter_t *self) {
    pack_t pack = {0};
    for (size_t i = 0; i < self->count; i++) {
        const piece_t *piece = &self->pieces[i];
        bool section = piece->heading && pack.tokens >= self->bounds->least;
        if (section || is_full(self, &pack, piece)) {
            close_pack(self, &pack);
            pack = begin_pack(self, i, section ? i : pack.first + 1);
        }
        if (piece->heading && !pack.fresh)
            self->heading = piece;
        pack.count++;
        pack.fresh++;
        pack.tokens += piece->tokens;
    }
    close_pack(self, &pack);
}

int tr_chunks_cut(const tr_document_t *document, const tr_chunk_bounds_t *bounds, tr_chunk_t **ret_chunks,
    size_t *ret_count) {
    cutter_t self = {.document = document, .bounds = bounds};
    for (size_t i = 0; i < document->block_count; i++)
        add_block(&self, &document->blocks[i]);
    pack_pieces(&self);
    free(self.pieces);
    if (self.failed) {
        free(self.chunks);
        return -ENOMEM;
    }
    *ret_chunks = self.chunks;
    *ret_count = self.chunk_count;
    return 0;
}
