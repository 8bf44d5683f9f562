#include "lib/decision/count.h"

#include "lib/decision/count_private.h"

#include <errno.h>
#include <string.h>

const char *const tr_method_words[] = {"plurality", "approval", "score", "borda", "schulze", NULL};

bool tr_method_ranks(tr_method_t method) {
    return method == TR_METHOD_BORDA || method == TR_METHOD_SCHULZE;
}

uint64_t tr_count_scale(tr_method_t method) {
    return method == TR_METHOD_SCHULZE ? 1 : method == TR_METHOD_BORDA ? 2 * TR_WEIGHT_ONE : TR_WEIGHT_ONE;
}

/* ---- what a ballot may say ---- */

static int32_t highest_mark(const tr_poll_t *poll) {
    if (tr_method_ranks(poll->method))
        return (int32_t)poll->options;
    return poll->method == TR_METHOD_SCORE ? poll->score_max : 1;
}

static int check_ballot(const tr_poll_t *poll, const tr_ballot_t *b, size_t at, tr_error_t *error) {
    int32_t most = highest_mark(poll);
    size_t named = 0;
    for (size_t i = 0; i < poll->options && !b->abstains; i++) {
        if (b->marks[i] < 0 || b->marks[i] > most)
            return tr_error_set(error, -EINVAL, "ballot %zu, option %zu: expected 0 to %d, found %d", at + 1,
                i + 1, (int)most, (int)b->marks[i]);
        named += b->marks[i] > 0;
    }
    if (poll->method == TR_METHOD_PLURALITY && !b->abstains && named != 1)
        return tr_error_set(error, -EINVAL, "ballot %zu: expected one option, found %zu", at + 1, named);
    return 0;
}

/* ---- sums ---- */

/* Place 0 is below all others. */
static bool above(int32_t a, int32_t b) {
    return a != 0 && (b == 0 || a < b);
}

static void add_pairs(tr_count_t *c, const tr_ballot_t *b) {
    for (size_t i = 0; i < c->poll.options; i++)
        for (size_t j = 0; j < c->poll.options; j++)
            if (above(b->marks[i], b->marks[j]))
                c->pairs[i * c->poll.options + j] += b->weight;
}

static void add_marks(tr_count_t *c, const tr_ballot_t *b) {
    for (size_t i = 0; i < c->poll.options; i++)
        c->points[i] += b->weight * (uint64_t)b->marks[i];
}

static void add(tr_count_t *c, const tr_ballot_t *b) {
    c->ballots++;
    c->carried += b->carried;
    if (b->abstains) {
        c->abstentions++;
        c->abstained += b->weight;
        return;
    }
    c->weight += b->weight;
    for (size_t i = 0; i < c->poll.options && b->weight && !c->named; i++)
        c->named = b->marks[i] != 0;
    if (c->pairs)
        add_pairs(c, b);
    else
        add_marks(c, b);
}

/* Two for each vote that has it above another option, one for each that has it beside. */
static void borda(tr_count_t *c) {
    for (size_t i = 0; i < c->poll.options; i++)
        for (size_t j = 0; j < c->poll.options; j++)
            if (i != j) {
                uint64_t over = c->pairs[i * c->poll.options + j], under = c->pairs[j * c->poll.options + i];
                c->points[i] += c->weight + over - under;
            }
}

static void place(tr_count_t *c) {
    for (size_t i = 0; i < c->poll.options; i++) {
        c->places[i] = 1;
        for (size_t j = 0; j < c->poll.options; j++)
            c->places[i] += c->points[j] > c->points[i];
    }
}

/* ---- the whole ---- */

static uint64_t *zeroes(tr_arena_t *arena, size_t n) {
    uint64_t *p = tr_arena_alloc(arena, n * sizeof *p);
    return p ? memset(p, 0, n * sizeof *p) : NULL;
}

static bool make_room(tr_count_t *c, tr_arena_t *arena) {
    size_t n = c->poll.options;
    c->points = zeroes(arena, n);
    c->places = tr_arena_alloc(arena, n * sizeof *c->places);
    if (tr_method_ranks(c->poll.method))
        c->pairs = zeroes(arena, n * n);
    if (c->poll.method == TR_METHOD_SCHULZE)
        c->paths = zeroes(arena, n * n);
    return c->points && c->places && (c->pairs || !tr_method_ranks(c->poll.method)) &&
           (c->paths || c->poll.method != TR_METHOD_SCHULZE);
}

static int check_poll(tr_poll_t *poll, size_t ballots, tr_error_t *error) {
    if (poll->score_max == 0)
        poll->score_max = 10;
    if (poll->options == 0)
        return tr_error_set(error, -EINVAL, "there are no options");
    if (poll->options > TR_OPTIONS_MAX)
        return tr_error_set(
            error, -E2BIG, "%zu options, where %u are the most", poll->options, TR_OPTIONS_MAX);
    if (poll->score_max < 1 || poll->score_max > TR_SCORE_MAX)
        return tr_error_set(
            error, -EINVAL, "a highest score of %d: expected 1 to %d", (int)poll->score_max, TR_SCORE_MAX);
    if (ballots > TR_BALLOTS_MAX)
        return tr_error_set(error, -E2BIG, "%zu ballots, where %u are the most", ballots, TR_BALLOTS_MAX);
    return 0;
}

int tr_count(const tr_poll_t *poll, const tr_ballot_t *ballots, size_t count, tr_arena_t *arena,
    tr_count_t *ret, tr_error_t *error) {
    tr_count_t c = {.poll = *poll};
    int rc = check_poll(&c.poll, count, error);
    if (rc == 0 && !make_room(&c, arena))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = check_ballot(&c.poll, &ballots[i], i, error);
        if (rc == 0 && ballots[i].weight > TR_WEIGHT_MAX - c.weight - c.abstained)
            rc = tr_error_set(error, -E2BIG, "ballot %zu: the weights together are more than %llu votes",
                i + 1, (unsigned long long)(TR_WEIGHT_MAX / TR_WEIGHT_ONE));
        if (rc == 0)
            add(&c, &ballots[i]);
    }
    if (rc < 0)
        return rc;
    if (poll->method == TR_METHOD_BORDA)
        borda(&c);
    if (poll->method == TR_METHOD_SCHULZE)
        tr_count_schulze(&c);
    else
        place(&c);
    *ret = c;
    return 0;
}

/* ---- how strongly ---- */

/* Share of the votes that have it above the one that it does worst against. */
static uint64_t worst_pair(const tr_count_t *c, size_t option) {
    uint64_t least = c->weight;
    for (size_t j = 0; j < c->poll.options; j++)
        if (j != option && c->pairs[option * c->poll.options + j] < least)
            least = c->pairs[option * c->poll.options + j];
    return least;
}

/* Digit by digit: the product would not fit. */
uint32_t tr_share_of(uint64_t part, uint64_t whole, bool *ret_cut) {
    uint64_t share = whole ? part / whole : 0, rest = whole ? part % whole : 0;
    for (int digit = 0; digit < 6; digit++) {
        rest *= 10;
        share = share * 10 + (whole ? rest / whole : 0);
        rest = whole ? rest % whole : 0;
    }
    *ret_cut = rest != 0;
    return (uint32_t)share;
}

static uint32_t support(const tr_count_t *c, size_t option, bool *ret_cut) {
    uint64_t part = c->pairs ? worst_pair(c, option) : c->points[option];
    uint64_t most = c->poll.method == TR_METHOD_SCORE ? (uint64_t)c->poll.score_max : 1;
    return tr_share_of(part, c->weight * most, ret_cut);
}

uint32_t tr_count_support(const tr_count_t *self, size_t option) {
    bool cut;
    return support(self, option, &cut);
}

bool tr_count_has_more(const tr_count_t *self, size_t option, uint32_t share) {
    bool cut;
    uint32_t its = support(self, option, &cut);
    return its > share || (its == share && cut);
}
