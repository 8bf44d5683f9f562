/* What must hold of a method whatever the ballots are, on many polls that are made by chance: of rankings in part and with shared
 * places, of abstentions, and of weights that are no whole votes. */
#include "lib/decision/poll_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define POLLS   3000
#define OPTIONS 6u
#define LETTERS "ABCDEF"

static uint64_t next(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *seed >> 33;
}

/* ---- polls ---- */

/* Whole rankings of all options, of 1 to 9 votes each. */
static poll_t whole_rankings(uint64_t seed) {
    poll_t p = poll_new();
    size_t ballots = 1 + next(&seed) % 12;
    for (size_t b = 0; b < ballots; b++) {
        int32_t marks[OPTIONS];
        for (size_t i = 0; i < OPTIONS; i++) {
            size_t with = next(&seed) % (i + 1);
            marks[i] = marks[with];
            marks[with] = (int32_t)i + 1;
        }
        poll_add(&p, 1 + next(&seed) % 9, marks, OPTIONS);
    }
    return p;
}

/* Places by how much each is liked: who is liked as much shares one, who is not liked at all has none. */
static void rank(const uint64_t *liked, int32_t *marks) {
    for (size_t i = 0; i < OPTIONS; i++) {
        marks[i] = liked[i] ? 1 : 0;
        for (size_t j = 0; j < OPTIONS && liked[i]; j++)
            marks[i] += liked[j] > liked[i];
    }
}

static void any_marks(tr_method_t method, uint64_t *seed, int32_t *marks) {
    uint64_t liked[OPTIONS], favourite = next(seed) % OPTIONS;
    for (size_t i = 0; i < OPTIONS; i++)
        liked[i] = next(seed) % 5;
    rank(liked, marks);
    for (size_t i = 0; i < OPTIONS && !tr_method_ranks(method); i++)
        marks[i] = method == TR_METHOD_SCORE      ? (int32_t)(next(seed) % 11)
                   : method == TR_METHOD_APPROVAL ? liked[i] > 2
                                                  : i == favourite;
}

/* Whatever may be said by a method. */
static poll_t any_poll(tr_method_t method, uint64_t seed) {
    poll_t p = poll_new();
    size_t ballots = 1 + next(&seed) % 12;
    for (size_t b = 0; b < ballots; b++) {
        int32_t marks[OPTIONS];
        any_marks(method, &seed, marks);
        poll_add(&p, 1, marks, OPTIONS);
        p.ballots[b].weight = 1 + next(&seed) % (9 * TR_WEIGHT_ONE);
        p.ballots[b].abstains = next(&seed) % 8 == 0;
    }
    return p;
}

static int32_t *marks_of(const poll_t *p, size_t ballot) {
    return (int32_t *)p->ballots[ballot].marks;
}

/* ---- what is looked at ---- */

/* The option that has a majority over each other one; with `loses` the one that each other one has a majority over. OPTIONS
 * where there is none. */
static size_t condorcet(const tr_count_t *c, bool loses) {
    for (size_t i = 0; i < OPTIONS; i++) {
        size_t beats = 0;
        for (size_t j = 0; j < OPTIONS; j++) {
            uint64_t over = c->pairs[i * OPTIONS + j], under = c->pairs[j * OPTIONS + i];
            beats += loses ? over < under : over > under;
        }
        if (beats == OPTIONS - 1)
            return i;
    }
    return OPTIONS;
}

static size_t the_winner(const tr_count_t *c) {
    size_t found = OPTIONS;
    for (size_t i = 0; i < OPTIONS; i++)
        if (c->places[i] == 1) {
            if (found < OPTIONS)
                return OPTIONS;
            found = i;
        }
    return found;
}

static bool above(const int32_t *marks, size_t i, size_t j) {
    return marks[i] && (!marks[j] || marks[i] < marks[j]);
}

static uint64_t weight_above(const poll_t *p, size_t i, size_t j) {
    uint64_t sum = 0;
    for (size_t b = 0; b < p->count; b++)
        if (!p->ballots[b].abstains && above(p->ballots[b].marks, i, j))
            sum += p->ballots[b].weight;
    return sum;
}

/* ---- by the books ---- */

/* Two points for each option that is below, one for each beside: ballot by ballot, as Borda says it. */
static void borda_is_what_borda_says(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        poll_t p = any_poll(TR_METHOD_BORDA, seed);
        tr_count_t c = poll_count(&p, TR_METHOD_BORDA, OPTIONS);
        for (size_t i = 0; i < OPTIONS; i++) {
            uint64_t points = 0;
            for (size_t b = 0; b < p.count; b++)
                for (size_t j = 0; j < OPTIONS && !p.ballots[b].abstains; j++)
                    if (j != i && !above(p.ballots[b].marks, j, i))
                        points += p.ballots[b].weight * (above(p.ballots[b].marks, i, j) ? 2 : 1);
            assert_int_equal(c.points[i], points);
        }
        poll_finish(&p);
    }
}

/* The strongest chains by trying longer and longer ones, from the weights of the pairs as the ballots give them. */
static void schulze_is_what_schulze_says(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        uint64_t direct[OPTIONS][OPTIONS] = {{0}}, chain[OPTIONS][OPTIONS];
        poll_t p = any_poll(TR_METHOD_SCHULZE, seed);
        tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        for (size_t i = 0; i < OPTIONS; i++)
            for (size_t j = 0; j < OPTIONS; j++) {
                assert_int_equal(c.pairs[i * OPTIONS + j], weight_above(&p, i, j));
                if (weight_above(&p, i, j) > weight_above(&p, j, i))
                    direct[i][j] = weight_above(&p, i, j);
            }
        memcpy(chain, direct, sizeof chain);
        for (size_t length = 2; length < OPTIONS; length++)
            for (size_t i = 0; i < OPTIONS; i++)
                for (size_t via = 0; via < OPTIONS; via++)
                    for (size_t j = 0; j < OPTIONS; j++) {
                        uint64_t link = chain[i][via] < direct[via][j] ? chain[i][via] : direct[via][j];
                        if (i != j && link > chain[i][j])
                            chain[i][j] = link;
                    }
        for (size_t i = 0; i < OPTIONS; i++) {
            size_t beaten_by = 0, beats = 0;
            for (size_t j = 0; j < OPTIONS; j++) {
                beats += chain[i][j] > chain[j][i];
                beaten_by += chain[j][i] > chain[i][j];
            }
            assert_int_equal(c.points[i], beats);
            assert_int_equal(c.places[i] == 1, beaten_by == 0);
        }
        poll_finish(&p);
    }
}

static void schulze_chooses_the_condorcet_winner(void **state) {
    (void)state;
    size_t there = 0;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        poll_t p = seed % 2 ? whole_rankings(seed) : any_poll(TR_METHOD_SCHULZE, seed);
        tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        size_t winner = condorcet(&c, false);
        if (winner < OPTIONS && the_winner(&c) != winner)
            fail_msg("seed %llu: %s, where %c beats all", (unsigned long long)seed,
                poll_order(&p, &c, LETTERS), LETTERS[winner]);
        there += winner < OPTIONS;
        poll_finish(&p);
    }
    assert_in_range(there, POLLS / 4, POLLS - 1); /* and there are polls without one */
}

/* Whom each other one beats has less points than there are on average. */
static void borda_does_not_choose_the_condorcet_loser(void **state) {
    (void)state;
    size_t there = 0;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        poll_t p = seed % 2 ? whole_rankings(seed) : any_poll(TR_METHOD_BORDA, seed);
        tr_count_t c = poll_count(&p, TR_METHOD_BORDA, OPTIONS);
        size_t loser = condorcet(&c, true);
        if (loser < OPTIONS)
            assert_true(c.places[loser] > 1);
        there += loser < OPTIONS;
        poll_finish(&p);
    }
    assert_in_range(there, POLLS / 4, POLLS - 1);
}

/* ---- liked better ---- */

/* Likes an option better, by as little as can be or by more; false: it is liked best already. */
static bool raise_in(tr_method_t method, int32_t *marks, size_t option, uint64_t by) {
    uint64_t liked[OPTIONS];
    int32_t before[OPTIONS];
    memcpy(before, marks, sizeof before);
    for (size_t i = 0; i < OPTIONS; i++)
        liked[i] = marks[i] ? 2 * (OPTIONS + 1 - (uint64_t)marks[i]) : 0;
    liked[option] += by;
    switch (method) {
    case TR_METHOD_PLURALITY:
        memset(marks, 0, sizeof before);
        marks[option] = 1;
        break;
    case TR_METHOD_APPROVAL: marks[option] = 1; break;
    case TR_METHOD_SCORE: marks[option] += marks[option] < 10; break;
    default: rank(liked, marks);
    }
    return memcmp(before, marks, sizeof before) != 0;
}

/* Who wins does not lose by being liked better: by none of the methods. */
static void a_winner_who_is_raised_wins(void **state) {
    (void)state;
    size_t tried[TR_METHODS] = {0};
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        tr_method_t method = (tr_method_t)(seed % TR_METHODS);
        poll_t p = any_poll(method, seed);
        tr_count_t c = poll_count(&p, method, OPTIONS);
        size_t winner = the_winner(&c), ballot = seed % p.count;
        if (winner < OPTIONS && !p.ballots[ballot].abstains &&
            raise_in(method, marks_of(&p, ballot), winner, 1 + seed % 4)) {
            tr_count_t after = poll_count(&p, method, OPTIONS);
            assert_int_equal(the_winner(&after), winner);
            tried[method]++;
        }
        poll_finish(&p);
    }
    for (size_t m = 0; m < TR_METHODS; m++)
        assert_in_range(tried[m], POLLS / TR_METHODS / 5, POLLS);
}

static void turned_round_the_winner_does_not_win(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        poll_t p = whole_rankings(seed);
        tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        size_t winner = the_winner(&c);
        for (size_t b = 0; b < p.count; b++)
            for (size_t i = 0; i < OPTIONS; i++)
                marks_of(&p, b)[i] = (int32_t)OPTIONS + 1 - p.ballots[b].marks[i];
        c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        if (winner < OPTIONS)
            assert_true(the_winner(&c) != winner);
        poll_finish(&p);
    }
}

/* ---- what makes no difference ---- */

static void check_same(const tr_count_t *a, const tr_count_t *b) {
    for (size_t i = 0; i < OPTIONS; i++) {
        assert_int_equal(a->places[i], b->places[i]);
        assert_int_equal(a->points[i], b->points[i]);
        assert_int_equal(tr_count_support(a, i), tr_count_support(b, i));
    }
}

/* Which option is called which makes no difference, nor which ballot comes first. */
static void names_and_order_make_no_difference(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        tr_method_t method = (tr_method_t)(seed % TR_METHODS);
        poll_t p = any_poll(method, seed), other = poll_new();
        tr_count_t c = poll_count(&p, method, OPTIONS);
        for (size_t b = p.count; b-- > 0;) {
            int32_t marks[OPTIONS];
            for (size_t i = 0; i < OPTIONS; i++)
                marks[(i + seed) % OPTIONS] = p.ballots[b].marks[i];
            poll_add(&other, 1, marks, OPTIONS);
            other.ballots[other.count - 1].weight = p.ballots[b].weight;
            other.ballots[other.count - 1].abstains = p.ballots[b].abstains;
        }
        tr_count_t again = poll_count(&other, method, OPTIONS);
        for (size_t i = 0; i < OPTIONS; i++) {
            assert_int_equal(again.places[(i + seed) % OPTIONS], c.places[i]);
            assert_int_equal(again.points[(i + seed) % OPTIONS], c.points[i]);
        }
        poll_finish(&p);
        poll_finish(&other);
    }
}

/* A ballot is as good as two that say the same and share its weight; and who abstains says nothing. */
static void parts_and_abstentions_make_no_difference(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        tr_method_t method = (tr_method_t)(seed % TR_METHODS);
        poll_t p = any_poll(method, seed);
        tr_count_t c = poll_count(&p, method, OPTIONS);
        uint64_t part = p.ballots[0].weight / 3;
        poll_add(&p, 1, p.ballots[0].marks, OPTIONS);
        p.ballots[p.count - 1].weight = part;
        p.ballots[p.count - 1].abstains = p.ballots[0].abstains;
        p.ballots[0].weight -= part;
        poll_add(&p, 5, p.ballots[seed % p.count].marks, OPTIONS);
        p.ballots[p.count - 1].abstains = true;
        tr_count_t again = poll_count(&p, method, OPTIONS);
        check_same(&again, &c);
        assert_int_equal(again.weight, c.weight);
        assert_int_equal(again.abstained, c.abstained + 5 * TR_WEIGHT_ONE);
        poll_finish(&p);
    }
}

/* ---- ties ---- */

/* Options that the ballots together do not tell apart share a place; and the rules choose among the best ones alone. */
static void who_is_liked_as_much_shares_a_place(void **state) {
    (void)state;
    size_t ties[TR_METHODS] = {0};
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        tr_method_t method = (tr_method_t)(seed % TR_METHODS);
        poll_t p = any_poll(method, seed);
        size_t a = seed % OPTIONS, b = (a + 1 + seed / OPTIONS % (OPTIONS - 1)) % OPTIONS, count = p.count;
        for (size_t i = 0; i < count; i++) {
            int32_t marks[OPTIONS];
            memcpy(marks, p.ballots[i].marks, sizeof marks);
            marks[a] = p.ballots[i].marks[b];
            marks[b] = p.ballots[i].marks[a];
            poll_add(&p, 1, marks, OPTIONS);
            p.ballots[p.count - 1].weight = p.ballots[i].weight;
            p.ballots[p.count - 1].abstains = p.ballots[i].abstains;
        }
        tr_count_t c = poll_count(&p, method, OPTIONS);
        assert_int_equal(c.places[a], c.places[b]);
        assert_int_equal(c.points[a], c.points[b]);
        if (c.places[a] == 1 && c.named) {
            tr_ruling_t o;
            ties[method]++;
            assert_int_equal(tr_decide(&c, NULL, &p.arena, &o), 0);
            assert_int_equal(o.verdict, TR_VERDICT_TIED);
            for (int tie = TR_TIE_FIRST; tie <= TR_TIE_KEEP; tie++) {
                tr_rules_t rules = {.tie = (tr_tie_t)tie, .lot = seed, .keep = b};
                assert_int_equal(tr_decide(&c, &rules, &p.arena, &o), 0);
                assert_int_equal(o.verdict, TR_VERDICT_DECIDED);
                assert_int_equal(c.places[o.winner], 1);
                assert_true(tie != TR_TIE_KEEP || o.winner == b);
                for (size_t i = 0; i < o.winner && tie == TR_TIE_FIRST; i++)
                    assert_true(c.places[i] > 1);
            }
        }
        poll_finish(&p);
    }
    for (size_t m = 0; m < TR_METHODS; m++)
        assert_in_range(ties[m], POLLS / TR_METHODS / 10, POLLS);
}

/* Places are an order: who beats whom by Schulze is transitive. */
static void beating_is_transitive(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS / 4; seed++) {
        poll_t p = seed % 2 ? whole_rankings(seed) : any_poll(TR_METHOD_SCHULZE, seed);
        tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        const uint64_t *s = c.paths;
        for (size_t i = 0; i < OPTIONS; i++)
            for (size_t j = 0; j < OPTIONS; j++)
                for (size_t k = 0; k < OPTIONS; k++)
                    if (s[i * OPTIONS + j] > s[j * OPTIONS + i] && s[j * OPTIONS + k] > s[k * OPTIONS + j])
                        assert_true(s[i * OPTIONS + k] > s[k * OPTIONS + i]);
        poll_finish(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borda_is_what_borda_says),
        cmocka_unit_test(schulze_is_what_schulze_says),
        cmocka_unit_test(schulze_chooses_the_condorcet_winner),
        cmocka_unit_test(borda_does_not_choose_the_condorcet_loser),
        cmocka_unit_test(a_winner_who_is_raised_wins),
        cmocka_unit_test(turned_round_the_winner_does_not_win),
        cmocka_unit_test(names_and_order_make_no_difference),
        cmocka_unit_test(parts_and_abstentions_make_no_difference),
        cmocka_unit_test(who_is_liked_as_much_shares_a_place),
        cmocka_unit_test(beating_is_transitive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
