/* The rules of supervision, by scenarios written as text, and by random trees under random trouble. */
#include "lib/fleet/supervisor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 64

/* A tree, and what it asked for, as text: "-b" stop b, "+a" start a, "!s<a" supervisor s gave up because of a, with
 * "!!" at the top. Names are the letters that add() was given. */
typedef struct world {
    tr_supervisor_t *tree;
    char said[400];
    char names[MANY];
    size_t ids[256];
    int64_t now_ms;
} world_t;

static void say(world_t *w, const char *text) {
    size_t used = strlen(w->said);
    snprintf(w->said + used, sizeof w->said - used, "%s%s", used ? " " : "", text);
}

static void on_stop(void *context, size_t id) {
    world_t *w = context;
    say(w, (char[]){'-', w->names[id], 0});
}

static void on_start(void *context, size_t id) {
    world_t *w = context;
    say(w, (char[]){'+', w->names[id], 0});
}

static void on_gave_up(void *context, size_t id, size_t culprit, bool last) {
    world_t *w = context;
    say(w, last ? (char[]){'!', '!', w->names[id], '<', w->names[culprit], 0}
                : (char[]){'!', w->names[id], '<', w->names[culprit], 0});
}

static const tr_supervisor_ops_t ops = {on_stop, on_start, on_gave_up};

static void named(world_t *w, char name, size_t id) {
    assert_true(id < MANY);
    w->names[id] = name;
    w->ids[(unsigned char)name] = id;
}

static void add_supervisor(world_t *w, char above, char name, tr_strategy_t strategy, int64_t intensity) {
    tr_restart_t rule = {.backoff_ms = 10, .max_backoff_ms = 10, .intensity = intensity, .period_ms = 1000};
    size_t id = 0, parent = above ? w->ids[(unsigned char)above] : TR_SUPERVISOR_TOP;
    assert_int_equal(tr_supervisor_add(w->tree, parent, strategy, &rule, &id), 0);
    named(w, name, id);
}

static void add_child(world_t *w, char above, char name, int when) {
    size_t id = 0;
    assert_int_equal(
        tr_supervisor_add_child(w->tree, w->ids[(unsigned char)above], TR_SUPERVISOR_TOP, when, &id), 0);
    named(w, name, id);
}

/* What a turn asks for now. */
static const char *turn(world_t *w) {
    w->said[0] = '\0';
    tr_supervisor_turn(w->tree, w->now_ms, MANY, &ops, w);
    return w->said;
}

static void ended(world_t *w, char name, bool failed) {
    assert_int_equal(tr_supervisor_ended(w->tree, w->ids[(unsigned char)name], failed, w->now_ms), 0);
}

/* Steps of a scenario: "x" a child fails, "x." it ends well, "~" 10 ms pass, "<x" an operator takes it away, ">x"
 * brings it; each followed by a turn, all of whose orders are told. */
static void play(world_t *w, const char *steps, char *out, size_t size) {
    out[0] = '\0';
    for (const char *p = steps; *p; p++) {
        if (*p == ' ')
            continue;
        if (*p == '~')
            w->now_ms += 10;
        else if (*p == '<')
            assert_int_equal(tr_supervisor_leave(w->tree, w->ids[(unsigned char)*++p]), 0);
        else if (*p == '>')
            assert_int_equal(tr_supervisor_bring(w->tree, w->ids[(unsigned char)*++p]), 0);
        else
            ended(w, *p, p[1] != '.');
        p += p[1] == '.';
        size_t used = strlen(out);
        const char *said = turn(w);
        snprintf(out + used, size - used, "%s%s", used && *said ? " " : "", said);
    }
}

static void world_init(world_t *w) {
    *w = (world_t){.now_ms = 100000};
    assert_int_equal(tr_supervisor_new(1, &w->tree), 0);
}

static void test_each_strategy_starts_again_whom_it_should(void **state) {
    (void)state;
    static const struct {
        tr_strategy_t strategy;
        const char *steps, *orders;
    } rows[] = {
        {TR_ONE_FOR_ONE, "b ~", "+b"},
        {TR_ONE_FOR_ONE, "b", ""},
        {TR_ONE_FOR_ONE, "a c ~", "+a +c"},
        {TR_ONE_FOR_ALL, "b", "-d -c -a"},
        {TR_ONE_FOR_ALL, "b d c ~", "-d -c -a"},
        {TR_ONE_FOR_ALL, "b d c a ~", "-d -c -a +a +b +c"},
        {TR_ONE_FOR_ALL, "b ~ ~ d c a", "-d -c -a +a +b +c"},
        {TR_REST_FOR_ONE, "b", "-d -c"},
        {TR_REST_FOR_ONE, "b c d ~", "-d -c +b +c"},
        {TR_REST_FOR_ONE, "a b c d ~", "-d -c -b +a +b +c"},
        {TR_REST_FOR_ONE, "c d ~", "-d +c"},
        /* b and d are on-failure and never: b's good end is no failure, d never comes back */
        {TR_ONE_FOR_ONE, "b. ~", ""},
        {TR_ONE_FOR_ALL, "b. ~", ""},
        {TR_ONE_FOR_ALL, "d ~", ""},
        {TR_ONE_FOR_ONE, "a. ~", "+a"},
        /* what had ended well comes back with the others */
        {TR_ONE_FOR_ALL, "b. a c d ~", "-d -c +a +b +c"},
        /* whom an operator took away does not */
        {TR_ONE_FOR_ALL, "<c c a b d ~", "-d -b +a +b"},
        {TR_ONE_FOR_ALL, "<c c >c", "+c"},
        {TR_ONE_FOR_ONE, "b <b ~", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_t w;
        char orders[400];
        world_init(&w);
        add_supervisor(&w, 0, 'S', rows[i].strategy, 9);
        add_child(&w, 'S', 'a', TR_RESTART_ALWAYS);
        add_child(&w, 'S', 'b', TR_RESTART_ON_FAILURE);
        add_child(&w, 'S', 'c', TR_RESTART_ALWAYS);
        add_child(&w, 'S', 'd', TR_RESTART_NEVER);
        assert_string_equal(turn(&w), "+a +b +c +d");
        play(&w, rows[i].steps, orders, sizeof orders);
        if (strcmp(orders, rows[i].orders) != 0)
            fail_msg("row %zu (%s): %s, expected %s", i, rows[i].steps, orders, rows[i].orders);
        tr_supervisor_destroy(&w.tree);
    }
}

/* top T (rest-for-one): S (one-for-one, intensity 1): a b; U (one-for-all, 1): c d */
static void add_tree(world_t *w, int64_t intensity_at_the_top) {
    world_init(w);
    add_supervisor(w, 0, 'T', TR_REST_FOR_ONE, intensity_at_the_top);
    add_supervisor(w, 'T', 'S', TR_ONE_FOR_ONE, 1);
    add_supervisor(w, 'T', 'U', TR_ONE_FOR_ALL, 1);
    add_child(w, 'S', 'a', TR_RESTART_ALWAYS);
    add_child(w, 'S', 'b', TR_RESTART_ALWAYS);
    add_child(w, 'U', 'c', TR_RESTART_ALWAYS);
    add_child(w, 'U', 'd', TR_RESTART_ALWAYS);
    assert_string_equal(turn(w), "+a +b +c +d");
}

static void test_a_supervisor_that_gives_up_fails_for_the_one_above(void **state) {
    (void)state;
    static const struct {
        int64_t top;
        const char *steps, *orders;
    } rows[] = {
        {9, "a ~ b", "+a -a !S<b"},         /* S gives up: the rest of it is ended first */
        {9, "a ~ b a", "+a -a !S<b -d -c"}, /* then T's strategy: what is after S */
        {9, "a ~ b a c d ~", "+a -a !S<b -d -c +a +b +c +d"},
        {9, "a ~ b a d c ~ b ~", "+a -a !S<b -d -c +a +b +c +d +b"}, /* S's past was forgotten */
        {9, "c d ~ d", "-d +c +d -c !U<d"},
        {9, "c d ~ d c ~", "-d +c +d -c !U<d +c +d"},     /* nothing is after U */
        {0, "a ~ b a", "+a -a !S<b -d -c !!T<b"},         /* T tolerates nothing: all are ended */
        {0, "a ~ b a c d ~ ~", "+a -a !S<b -d -c !!T<b"}, /* and stay down */
        {0, "a ~ b a c d >a", "+a -a !S<b -d -c !!T<b +a"},
        {9, "a ~ b <a a ~ c d ~", "+a -a !S<b -d -c +b +c +d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_t w;
        char orders[400];
        add_tree(&w, rows[i].top);
        play(&w, rows[i].steps, orders, sizeof orders);
        if (strcmp(orders, rows[i].orders) != 0)
            fail_msg("row %zu (%s): %s, expected %s", i, rows[i].steps, orders, rows[i].orders);
        tr_supervisor_destroy(&w.tree);
    }
}

static void test_states_tell_what_a_child_waits_for(void **state) {
    (void)state;
    world_t w;
    int64_t due = 0;
    add_tree(&w, 9);
    size_t a = w.ids['a'], c = w.ids['c'];
    assert_int_equal(tr_supervisor_living(w.tree, w.ids['T']), 4);
    ended(&w, 'a', true);
    assert_int_equal(tr_supervisor_state(w.tree, a, &due), TR_SUPERVISED_WAITING);
    assert_in_range(due, w.now_ms + 5, w.now_ms + 10);
    ended(&w, 'b', true);
    assert_int_equal(tr_supervisor_state(w.tree, a, &due), TR_SUPERVISED_WAITING); /* of T, by now */
    assert_int_equal(tr_supervisor_state(w.tree, c, &due), TR_SUPERVISED_ENDING);
    assert_int_equal(tr_supervisor_living(w.tree, w.ids['T']), 2);
    assert_int_equal(tr_supervisor_parent(w.tree, a), w.ids['S']);
    assert_int_equal(tr_supervisor_remove(w.tree, c), -EBUSY);
    assert_int_equal(tr_supervisor_remove(w.tree, w.ids['U']), -EBUSY);
    assert_int_equal(tr_supervisor_remove(w.tree, 63), -ENOENT);
    assert_int_equal(tr_supervisor_remove(w.tree, a), 0);
    assert_int_equal(tr_supervisor_state(w.tree, a, &due), TR_SUPERVISED_OUT);
    assert_int_equal(tr_supervisor_ended(w.tree, a, true, w.now_ms), -EINVAL);
    assert_int_equal(tr_supervisor_bring(w.tree, c), -EBUSY);
    add_child(&w, 'S', 'e', TR_RESTART_ALWAYS);
    assert_int_equal(w.ids['e'], a); /* an id is used again */
    size_t id = 0;
    assert_int_equal(tr_supervisor_add_child(w.tree, TR_SUPERVISOR_TOP, TR_SUPERVISOR_TOP, 0, &id), -EINVAL);
    assert_int_equal(tr_supervisor_add_child(w.tree, c, TR_SUPERVISOR_TOP, 0, &id), -EINVAL);
    tr_supervisor_destroy(&w.tree);
    tr_supervisor_destroy(&w.tree);
}

static void test_a_newcomer_takes_its_place_among_its_siblings(void **state) {
    (void)state;
    world_t w;
    char orders[400];
    size_t id = 0;
    world_init(&w);
    add_supervisor(&w, 0, 'S', TR_REST_FOR_ONE, 9);
    add_child(&w, 'S', 'a', TR_RESTART_ALWAYS);
    add_child(&w, 'S', 'c', TR_RESTART_ALWAYS);
    assert_int_equal(tr_supervisor_add_child(w.tree, w.ids['S'], w.ids['a'], TR_RESTART_ALWAYS, &id), 0);
    named(&w, 'b', id);
    assert_int_equal(tr_supervisor_add_child(w.tree, w.ids['S'], w.ids['c'], TR_RESTART_ALWAYS, &id), 0);
    named(&w, 'd', id);
    assert_int_equal(tr_supervisor_add_child(w.tree, w.ids['S'], 60, TR_RESTART_ALWAYS, &id), -EINVAL);
    assert_string_equal(turn(&w), "+a +b +c +d");
    play(&w, "b d c ~", orders, sizeof orders);
    assert_string_equal(orders, "-d -c +b +c +d");
    tr_supervisor_destroy(&w.tree);
}

static void test_starts_are_bounded_by_turn(void **state) {
    (void)state;
    world_t w;
    world_init(&w);
    add_supervisor(&w, 0, 'S', TR_ONE_FOR_ALL, 9);
    for (char name = 'a'; name < 'f'; name++)
        add_child(&w, 'S', name, TR_RESTART_ALWAYS);
    assert_int_equal(tr_supervisor_turn(w.tree, w.now_ms, 2, &ops, &w), w.now_ms);
    assert_string_equal(w.said, "+a +b");
    assert_int_equal(tr_supervisor_turn(w.tree, w.now_ms, 2, &ops, &w), w.now_ms);
    assert_int_equal(tr_supervisor_turn(w.tree, w.now_ms, 2, &ops, &w), TR_SUPERVISOR_NEVER);
    assert_string_equal(w.said, "+a +b +c +d +e");
    tr_supervisor_destroy(&w.tree);
}

/* ---- random trees ---- */

typedef struct chaos {
    world_t w;
    unsigned seed;
    size_t supervisors[8], supervisor_n;
    tr_strategy_t strategies[8];
    size_t children[24], child_n;
    int whens[24];
    bool up[24], asked[24];
    size_t gave_up;
} chaos_t;

static unsigned pick(chaos_t *c, unsigned n) {
    c->seed = c->seed * 1103515245u + 12345u;
    return (c->seed >> 16) % n;
}

static size_t index_of(const chaos_t *c, size_t id) {
    size_t i = 0;
    while (i < c->child_n && c->children[i] != id)
        i++;
    assert_true(i < c->child_n);
    return i;
}

static void chaos_stop(void *context, size_t id) {
    chaos_t *c = context;
    size_t i = index_of(c, id);
    assert_true(c->up[i]); /* only what lives is asked, and once */
    assert_false(c->asked[i]);
    c->asked[i] = true;
}

static bool is_below(const chaos_t *c, size_t id, size_t supervisor) {
    while (id != TR_SUPERVISOR_TOP && id != supervisor)
        id = tr_supervisor_parent(c->w.tree, id);
    return id == supervisor;
}

/* Nothing starts while one that is to come back with it has not ended. */
static void chaos_start(void *context, size_t id) {
    chaos_t *c = context;
    size_t i = index_of(c, id);
    int64_t due;
    assert_false(c->up[i]);
    for (size_t s = 0; s < c->supervisor_n; s++) {
        if (c->strategies[s] == TR_ONE_FOR_ONE || !is_below(c, id, c->supervisors[s]))
            continue;
        for (size_t j = 0; j < c->child_n; j++)
            assert_false(is_below(c, c->children[j], c->supervisors[s]) &&
                         tr_supervisor_state(c->w.tree, c->children[j], &due) == TR_SUPERVISED_ENDING);
    }
    c->up[i] = true;
    c->asked[i] = false;
}

static void chaos_gave_up(void *context, size_t id, size_t culprit, bool last) {
    chaos_t *c = context;
    assert_true(is_below(c, culprit, id));
    assert_int_equal(last, tr_supervisor_parent(c->w.tree, id) == TR_SUPERVISOR_TOP);
    c->gave_up++;
}

static const tr_supervisor_ops_t chaos_ops = {chaos_stop, chaos_start, chaos_gave_up};

static void chaos_plant(chaos_t *c) {
    assert_int_equal(tr_supervisor_new(c->seed | 1, &c->w.tree), 0);
    c->supervisor_n = 1 + pick(c, 8);
    for (size_t s = 0; s < c->supervisor_n; s++) {
        tr_restart_t rule = {
            .backoff_ms = 10, .max_backoff_ms = 40, .intensity = pick(c, 4), .period_ms = 1000};
        size_t parent = s == 0 || pick(c, 4) == 0 ? TR_SUPERVISOR_TOP : c->supervisors[pick(c, (unsigned)s)];
        c->strategies[s] = (tr_strategy_t)pick(c, 3);
        assert_int_equal(
            tr_supervisor_add(c->w.tree, parent, c->strategies[s], &rule, &c->supervisors[s]), 0);
    }
    c->child_n = 1 + pick(c, 24);
    for (size_t i = 0; i < c->child_n; i++) {
        size_t parent = c->supervisors[pick(c, (unsigned)c->supervisor_n)];
        c->whens[i] = pick(c, 4) ? TR_RESTART_ALWAYS : (int)pick(c, 3);
        assert_int_equal(
            tr_supervisor_add_child(c->w.tree, parent, TR_SUPERVISOR_TOP, c->whens[i], &c->children[i]), 0);
    }
}

static void chaos_end(chaos_t *c, size_t i, bool failed) {
    assert_int_equal(tr_supervisor_ended(c->w.tree, c->children[i], failed, c->w.now_ms), 0);
    c->up[i] = false;
}

/* One moment: trouble, the ends of some that were asked to, and a turn. */
static void chaos_step(chaos_t *c, bool trouble) {
    for (size_t i = 0; i < c->child_n; i++) {
        if (c->up[i] && c->asked[i] && (!trouble || pick(c, 2)))
            chaos_end(c, i, pick(c, 2));
        else if (trouble && c->up[i] && pick(c, 40) == 0)
            chaos_end(c, i, pick(c, 3) > 0);
    }
    tr_supervisor_turn(c->w.tree, c->w.now_ms, 1 + pick(c, 5), &chaos_ops, c);
    size_t living = 0, counted = 0;
    for (size_t i = 0; i < c->child_n; i++)
        living += c->up[i];
    for (size_t s = 0; s < c->supervisor_n; s++) {
        if (tr_supervisor_parent(c->w.tree, c->supervisors[s]) == TR_SUPERVISOR_TOP)
            counted += tr_supervisor_living(c->w.tree, c->supervisors[s]);
    }
    assert_int_equal(living, counted);
    c->w.now_ms += 1 + pick(c, 20);
}

/* When trouble is over everything is up, but for what may rest, or whose top has given up. */
static void chaos_check_rest(chaos_t *c) {
    for (size_t i = 0; i < c->child_n; i++) {
        int64_t due;
        tr_supervised_t s = tr_supervisor_state(c->w.tree, c->children[i], &due);
        bool permanent = c->whens[i] == TR_RESTART_ALWAYS;
        assert_int_equal(c->up[i], s == TR_SUPERVISED_UP);
        assert_true(s == TR_SUPERVISED_UP || s == TR_SUPERVISED_FAILED || s == TR_SUPERVISED_RESTED ||
                    (s == TR_SUPERVISED_OUT && c->whens[i] == TR_RESTART_NEVER));
        assert_true(!permanent || s == TR_SUPERVISED_UP || c->gave_up > 0);
    }
}

static void test_random_trees_keep_their_promises(void **state) {
    (void)state;
    size_t gave_up = 0;
    for (unsigned seed = 1; seed <= 400; seed++) {
        chaos_t c = {.seed = seed * 2654435761u, .w = {.now_ms = 1000}};
        chaos_plant(&c);
        for (int i = 0; i < 200; i++)
            chaos_step(&c, true);
        for (int i = 0; i < 200; i++)
            chaos_step(&c, false);
        chaos_check_rest(&c);
        gave_up += c.gave_up;
        tr_supervisor_destroy(&c.w.tree);
    }
    assert_in_range(gave_up, 400, 40000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_strategy_starts_again_whom_it_should),
        cmocka_unit_test(test_a_supervisor_that_gives_up_fails_for_the_one_above),
        cmocka_unit_test(test_states_tell_what_a_child_waits_for),
        cmocka_unit_test(test_a_newcomer_takes_its_place_among_its_siblings),
        cmocka_unit_test(test_starts_are_bounded_by_turn),
        cmocka_unit_test(test_random_trees_keep_their_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
