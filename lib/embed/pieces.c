#include "lib/embed/pieces.h"

#include <errno.h>
#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "lib/text/utf8.h"

#define WORD_MAX   256            /* bytes; a longer word is taken as several */
#define BLANK      "\xE2\x96\x81" /* U+2581, which stands for the blank before a word */
#define UNKNOWN    0
#define UNKNOWN_IS (-40.0F) /* less likely than any pieces that cover the same letter */

int tr_pieces_init(tr_pieces_t *self, const char *bytes, size_t length, size_t count) {
    size_t at = 0;
    int rc = count <= UINT16_MAX ? 0 : -EBADMSG;
    *self = (tr_pieces_t){0};
    tr_map_init(&self->known, 0);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint32_t score;
        size_t left = length - at, head = sizeof score + 1;
        size_t size = left >= head ? (unsigned char)bytes[at + sizeof score] : 0;
        if (left < head + size) {
            rc = -EBADMSG;
            break;
        }
        memcpy(&score, bytes + at, sizeof score);
        at += head;
        rc = size > 0 ? tr_map_put(&self->known, bytes + at, size, (uint64_t)score << 32 | i) : 0;
        self->longest = size > self->longest ? size : self->longest;
        at += size;
    }
    if (rc < 0)
        tr_pieces_finish(self);
    return rc;
}

void tr_pieces_finish(tr_pieces_t *self) {
    tr_map_finish(&self->known);
}

/* The best cut of a word's bytes before each place. */
typedef struct {
    float score;
    uint16_t piece;
    uint16_t from;
} place_t;

static float score_of(uint64_t value) {
    uint32_t bits = (uint32_t)(value >> 32);
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static void improve(place_t *place, float score, uint16_t piece, size_t from) {
    if (score > place->score)
        *place = (place_t){score, piece, (uint16_t)from};
}

static bool is_start(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

/* All pieces that begin at `from`, and the unknown one for the letter there. */
static void extend(const tr_pieces_t *self, const char *word, size_t length, size_t from, place_t *places) {
    bool is_first = true;
    for (size_t to = from + 1; to <= length && to - from <= self->longest + 4; to++) {
        if (to < length && !is_start(word[to]))
            continue;
        const uint64_t *value = tr_map_find(&self->known, word + from, to - from);
        if (is_first)
            improve(&places[to], places[from].score + UNKNOWN_IS, UNKNOWN, from);
        is_first = false;
        if (value)
            improve(&places[to], places[from].score + score_of(*value), (uint16_t)*value, from);
    }
}

/* The pieces of a word, from its end; unknown ones beside each other are one. */
static size_t collect(const place_t *places, size_t length, uint16_t *ret_reversed) {
    size_t count = 0;
    for (size_t at = length; at > 0; at = places[at].from)
        if (places[at].piece != UNKNOWN || count == 0 || ret_reversed[count - 1] != UNKNOWN)
            ret_reversed[count++] = places[at].piece;
    return count;
}

static size_t cut_word(
    const tr_pieces_t *self, const char *word, size_t length, uint16_t *ret_pieces, size_t most) {
    place_t places[WORD_MAX + 1];
    uint16_t reversed[WORD_MAX];
    for (size_t i = 1; i <= length; i++)
        places[i].score = -FLT_MAX;
    places[0].score = 0;
    for (size_t from = 0; from < length; from++)
        if (is_start(word[from]))
            extend(self, word, length, from, places);
    size_t count = collect(places, length, reversed), taken = count < most ? count : most;
    for (size_t i = 0; i < taken; i++)
        ret_pieces[i] = reversed[count - 1 - i];
    return taken;
}

size_t tr_pieces_cut(
    const tr_pieces_t *self, const char *text, size_t length, uint16_t *ret_pieces, size_t most) {
    char word[WORD_MAX];
    size_t size = 0, count = 0;
    for (size_t at = 0; at <= length && count < most;) {
        uint32_t code = ' ';
        at += at < length ? tr_utf8_next(text + at, length - at, &code) : 1;
        bool is_space = tr_utf8_is_space(code) || code < 0x20;
        if (size > 0 && (is_space || size + 4 > WORD_MAX)) {
            count += cut_word(self, word, size, ret_pieces + count, most - count);
            size = 0;
        } else if (size == 0 && !is_space) {
            memcpy(word, BLANK, 3);
            size = 3;
        }
        if (!is_space)
            size += tr_utf8_encode(code, word + size);
    }
    return count;
}
