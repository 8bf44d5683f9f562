/* What must hold of a method whatever the ballots are, on many polls that are made by chance. */
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

/* Whole rankings of all options, of 1 to 9 votes each. */
static poll_t any_poll(uint64_t seed) {
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

/* The option that has a majority over each other one; OPTIONS where there is none. */
static size_t condorcet_winner(const tr_count_t *c) {
    for (size_t i = 0; i < OPTIONS; i++) {
        size_t beats = 0;
        for (size_t j = 0; j < OPTIONS; j++)
            beats += c->pairs[i * OPTIONS + j] > c->pairs[j * OPTIONS + i];
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

static void schulze_chooses_the_condorcet_winner(void **state) {
    (void)state;
    size_t there = 0;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        poll_t p = any_poll(seed);
        tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        size_t winner = condorcet_winner(&c);
        if (winner < OPTIONS && the_winner(&c) != winner)
            fail_msg("seed %llu: %s, where %c beats all", (unsigned long long)seed,
                poll_order(&p, &c, LETTERS), LETTERS[winner]);
        there += winner < OPTIONS;
        poll_finish(&p);
    }
    assert_in_range(there, POLLS / 4, POLLS - 1); /* and there are polls without one */
}

/* One place up in one ballot. */
static bool raise_in(tr_ballot_t *b, size_t option) {
    int32_t *marks = (int32_t *)b->marks;
    for (size_t i = 0; i < OPTIONS; i++)
        if (marks[i] == marks[option] - 1) {
            marks[i]++;
            marks[option]--;
            return true;
        }
    return false;
}

/* Who wins does not lose by being liked better. */
static void a_winner_who_is_raised_wins(void **state) {
    (void)state;
    static const tr_method_t methods[] = {TR_METHOD_BORDA, TR_METHOD_SCHULZE};
    size_t tried = 0;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        tr_method_t method = methods[seed % 2];
        poll_t p = any_poll(seed);
        tr_count_t c = poll_count(&p, method, OPTIONS);
        size_t winner = the_winner(&c);
        if (winner < OPTIONS && raise_in(&p.ballots[seed % p.count], winner)) {
            tr_count_t after = poll_count(&p, method, OPTIONS);
            assert_int_equal(the_winner(&after), winner);
            tried++;
        }
        poll_finish(&p);
    }
    assert_in_range(tried, POLLS / 4, POLLS);
}

static void turned_round_the_winner_does_not_win(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        poll_t p = any_poll(seed);
        tr_count_t c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        size_t winner = the_winner(&c);
        for (size_t b = 0; b < p.count; b++)
            for (size_t i = 0; i < OPTIONS; i++)
                ((int32_t *)p.ballots[b].marks)[i] = (int32_t)OPTIONS + 1 - p.ballots[b].marks[i];
        c = poll_count(&p, TR_METHOD_SCHULZE, OPTIONS);
        if (winner < OPTIONS)
            assert_true(the_winner(&c) != winner);
        poll_finish(&p);
    }
}

/* Which option is called which makes no difference, nor which ballot comes first. */
static void names_and_order_make_no_difference(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS; seed++) {
        tr_method_t method = seed % 2 ? TR_METHOD_BORDA : TR_METHOD_SCHULZE;
        poll_t p = any_poll(seed), other = poll_new();
        tr_count_t c = poll_count(&p, method, OPTIONS);
        for (size_t b = p.count; b-- > 0;) {
            int32_t marks[OPTIONS];
            for (size_t i = 0; i < OPTIONS; i++)
                marks[(i + seed) % OPTIONS] = p.ballots[b].marks[i];
            poll_add(&other, p.ballots[b].weight / TR_WEIGHT_ONE, marks, OPTIONS);
        }
        tr_count_t again = poll_count(&other, method, OPTIONS);
        for (size_t i = 0; i < OPTIONS; i++)
            assert_int_equal(again.places[(i + seed) % OPTIONS], c.places[i]);
        poll_finish(&p);
        poll_finish(&other);
    }
}

/* Places are an order: who beats whom by Schulze is transitive. */
static void beating_is_transitive(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= POLLS / 4; seed++) {
        poll_t p = any_poll(seed);
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
        cmocka_unit_test(schulze_chooses_the_condorcet_winner),
        cmocka_unit_test(a_winner_who_is_raised_wins),
        cmocka_unit_test(turned_round_the_winner_does_not_win),
        cmocka_unit_test(names_and_order_make_no_difference),
        cmocka_unit_test(beating_is_transitive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
