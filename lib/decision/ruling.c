#include "lib/decision/ruling.h"

#include "lib/decision/ruling_private.h"

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

static bool is_first_edition(const tr_rules_t *rules) {
    return rules->edition == 1;
}

size_t tr_ruling_took_part(const tr_count_t *count, const tr_rules_t *rules) {
    return count->ballots + (is_first_edition(rules) ? 0 : count->carried);
}

uint32_t tr_ruling_turnout(const tr_count_t *count, const tr_rules_t *rules) {
    bool cut;
    uint64_t there = count->weight + count->abstained;
    return there >= rules->electorate ? 1000000 : tr_share_of(there, rules->electorate, &cut);
}

static bool has_quorum(const tr_count_t *count, const tr_rules_t *rules) {
    return tr_ruling_took_part(count, rules) >= rules->quorum &&
           tr_ruling_turnout(count, rules) >= rules->quorum_share;
}

static bool has_majority(const tr_count_t *count, const tr_rules_t *rules, const tr_ruling_t *o) {
    return rules->majority == 0 ||
           (is_first_edition(rules) ? o->support > rules->majority
                                    : tr_count_has_more(count, o->winner, rules->majority));
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
    if (count->weight == 0 || !(count->named || is_first_edition(rules)))
        return TR_VERDICT_NO_BALLOTS;
    if (!break_tie(rules, o))
        return TR_VERDICT_TIED;
    o->support = tr_count_support(count, o->winner);
    return has_majority(count, rules, o) ? TR_VERDICT_DECIDED : TR_VERDICT_NO_MAJORITY;
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
