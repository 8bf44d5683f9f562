#include "lib/decision/ruling.h"

#include <errno.h>

const char *const tr_tie_words[] = {"none", "first", "lot", "keep", NULL};
const char *const tr_verdict_words[] = {"decided", "no-ballots", "no-quorum", "tied", "no-majority", NULL};

static int find_best(const tr_count_t *count, tr_arena_t *arena, tr_ruling_t *o) {
    size_t *best = tr_arena_alloc(arena, count->poll.options * sizeof *best);
    if (!best)
        return -ENOMEM;
    for (size_t i = 0; i < count->poll.options; i++)
        if (count->places[i] == 1)
            best[o->best_count++] = i;
    o->best = best;
    return 0;
}

static bool has_quorum(const tr_count_t *count, const tr_rules_t *rules) {
    long double there = (long double)(count->weight + count->abstained) * 1000000;
    return count->ballots >= rules->quorum &&
           there >= (long double)rules->electorate * (long double)rules->quorum_share;
}

/* splitmix64, once: every lot is as likely as every other. */
static uint64_t draw(uint64_t lot) {
    uint64_t z = lot + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool break_tie(const tr_rules_t *rules, tr_ruling_t *o) {
    if (o->best_count == 1 || rules->tie == TR_TIE_FIRST)
        o->winner = o->best[0];
    else if (rules->tie == TR_TIE_LOT)
        o->winner = o->best[draw(rules->lot) % o->best_count];
    else {
        for (size_t i = 0; i < o->best_count && rules->tie == TR_TIE_KEEP; i++)
            if (o->best[i] == rules->keep) {
                o->winner = rules->keep;
                return true;
            }
        return false;
    }
    return true;
}

static tr_verdict_t judge(const tr_count_t *count, const tr_rules_t *rules, tr_ruling_t *o) {
    o->winner = o->best[0];
    o->support = tr_count_support(count, o->winner);
    if (!has_quorum(count, rules))
        return TR_VERDICT_NO_QUORUM;
    if (count->weight == 0)
        return TR_VERDICT_NO_BALLOTS;
    if (!break_tie(rules, o))
        return TR_VERDICT_TIED;
    o->support = tr_count_support(count, o->winner);
    return rules->majority && o->support <= rules->majority ? TR_VERDICT_NO_MAJORITY : TR_VERDICT_DECIDED;
}

int tr_decide(const tr_count_t *count, const tr_rules_t *rules, tr_arena_t *arena, tr_ruling_t *ret) {
    static const tr_rules_t none = {0};
    tr_ruling_t o = {0};
    int rc = find_best(count, arena, &o);
    if (rc < 0)
        return rc;
    o.verdict = judge(count, rules ? rules : &none, &o);
    *ret = o;
    return 0;
}
