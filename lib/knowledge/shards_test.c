/* Who has which document. */
#include "lib/knowledge/shards.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define DOCUMENTS 20000

static tr_shards_t read_shards(const char *list) {
    tr_shards_t shards;
    tr_error_t error = {0};
    assert_int_equal(tr_shards_read(list, &shards, &error), 0);
    return shards;
}

static const char *owner(const tr_shards_t *shards, unsigned number) {
    char id[32];
    snprintf(id, sizeof id, "document-%u.txt", number);
    return shards->items[tr_shards_owner(shards, "manual", id)].name;
}

static void test_who_is_a_shard(void **state) {
    tr_shards_t shards = read_shards("kb-2,kb-1,kb-3@far");
    tr_error_t error = {0};
    (void)state;
    assert_int_equal(shards.count, 3);
    assert_string_equal(shards.items[0].name, "kb-1");
    assert_int_equal(tr_shards_find(&shards, "kb-2@here", "here"), 1);
    assert_int_equal(tr_shards_find(&shards, "kb-2@elsewhere", "here"), 3);
    assert_int_equal(tr_shards_find(&shards, "kb-3@far", "here"), 2);
    assert_int_equal(tr_shards_find(&shards, "kb-3", "here"), 3);
    assert_int_equal(tr_shards_find(&shards, "kb-9", "here"), 3);
    tr_shards_t same = read_shards("kb-3@far,kb-2,kb-1"), other = read_shards("kb-2,kb-1");
    assert_true(shards.print == same.print);
    assert_true(shards.print != other.print);
    tr_shards_finish(&same);
    tr_shards_finish(&other);
    tr_shards_finish(&shards);
    assert_int_equal(tr_shards_read("a,b,a", &shards, &error), -EINVAL);
    assert_non_null(strstr(error.text, "a is there twice"));
    assert_int_equal(tr_shards_read("a,,b", &shards, &error), -EINVAL);
    assert_int_equal(tr_shards_read("svc:kb", &shards, &error), -EINVAL);
    shards = read_shards(NULL);
    assert_int_equal(shards.count, 0);
}

/* With replicas: the first two, and none that is leaving; what one owns is shared out among all others. */
static void test_two_have_each(void **state) {
    tr_shards_t shards = read_shards("kb-1,kb-2,kb-3,kb-4:leaving"), two = read_shards("kb-1,kb-2:leaving");
    unsigned counts[4][4] = {{0}};
    uint64_t print = shards.print;
    size_t holders[TR_SHARDS_COPIES];
    (void)state;
    assert_int_equal(tr_shards_holders(&shards, "manual", "d", holders), 1);
    tr_shards_replicate(&shards, 1);
    assert_true(shards.print == print);
    tr_shards_replicate(&shards, 2);
    tr_shards_replicate(&two, 2);
    assert_true(shards.print != print);
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        char id[32];
        size_t ranked[4];
        snprintf(id, sizeof id, "document-%u.txt", i);
        tr_shards_rank(&shards, "manual", id, ranked);
        assert_int_equal(tr_shards_holders(&shards, "manual", id, holders), 2);
        assert_int_equal(holders[0], ranked[0]);
        assert_int_equal(holders[1], ranked[1]);
        counts[holders[0]][holders[1]]++;
        assert_int_equal(tr_shards_holders(&two, "manual", id, holders), 1);
    }
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            if (i != k)
                assert_in_range(counts[i][k], DOCUMENTS / 6 - 200, DOCUMENTS / 6 + 200);
    tr_shards_finish(&shards);
    tr_shards_finish(&two);
}

/* 20,000 documents over 5: each share is within 4 % of a fifth (3 standard deviations are 4.3 % of it; the numbers are always the same). */
static void test_shares_are_about_equal(void **state) {
    tr_shards_t shards = read_shards("kb-1,kb-2,kb-3,kb-4,kb-5");
    unsigned counts[5] = {0};
    (void)state;
    for (unsigned i = 0; i < DOCUMENTS; i++)
        counts[owner(&shards, i)[3] - '1']++;
    for (int i = 0; i < 5; i++)
        assert_in_range(counts[i], DOCUMENTS / 5 * 96 / 100, DOCUMENTS / 5 * 104 / 100);
    tr_shards_finish(&shards);
}

static void test_only_the_share_of_who_comes_moves(void **state) {
    tr_shards_t before = read_shards("kb-1,kb-2,kb-3,kb-4"), after = read_shards("kb-1,kb-2,kb-3,kb-4,kb-5");
    unsigned moved = 0;
    (void)state;
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        const char *old = owner(&before, i), *new = owner(&after, i);
        if (strcmp(old, new) == 0)
            continue;
        assert_string_equal(new, "kb-5");
        moved++;
    }
    assert_in_range(moved, DOCUMENTS / 5 * 96 / 100, DOCUMENTS / 5 * 104 / 100);
    tr_shards_finish(&before);
    tr_shards_finish(&after);
}

/* Who is behind the owner has it where the owner is gone. */
static void test_who_would_have_it(void **state) {
    tr_shards_t all = read_shards("kb-1,kb-2,kb-3"), less = read_shards("kb-1,kb-3");
    size_t rank[3];
    char id[32];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "%u", i);
        tr_shards_rank(&all, "n", id, rank);
        assert_int_equal(rank[0], tr_shards_owner(&all, "n", id));
        assert_int_equal(rank[0] + rank[1] + rank[2], 3);
        const char *left = all.items[rank[rank[0] == 1 ? 1 : 0]].name;
        assert_string_equal(less.items[tr_shards_owner(&less, "n", id)].name, left);
    }
    tr_shards_finish(&all);
    tr_shards_finish(&less);
}

/* It has nothing, as if it were gone, and is still one of them. */
static void test_who_is_leaving(void **state) {
    tr_shards_t all = read_shards("kb-1,kb-2:leaving,kb-3"), less = read_shards("kb-1,kb-3"),
                before = read_shards("kb-1,kb-2,kb-3");
    tr_error_t error = {0};
    size_t rank[3];
    char id[32];
    (void)state;
    assert_int_equal(all.count, 3);
    assert_int_equal(tr_shards_find(&all, "kb-2", "here"), 1);
    assert_true(all.print != less.print && all.print != before.print);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "document-%u.txt", i);
        tr_shards_rank(&all, "manual", id, rank);
        assert_int_equal(rank[2], 1);
        assert_string_equal(owner(&all, i), owner(&less, i));
        if (strcmp(owner(&before, i), "kb-2") != 0)
            assert_string_equal(owner(&all, i), owner(&before, i));
    }
    tr_shards_finish(&all);
    tr_shards_finish(&less);
    tr_shards_finish(&before);
    assert_int_equal(tr_shards_read("a:leaving,b:leaving", &all, &error), -EINVAL);
    assert_int_equal(tr_shards_read("a:gone", &all, &error), -EINVAL);
}

/* They stand on disks: another number is another place for all documents that there are. */
static void test_the_numbers_stay(void **state) {
    tr_shards_t shards = read_shards("kb-1,kb-2,kb-3");
    char places[33] = "";
    (void)state;
    for (unsigned i = 0; i < 32; i++)
        places[i] = owner(&shards, i)[3];
    assert_string_equal(places, "22232333323212232223113212213211");
    tr_shards_finish(&shards);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_a_shard),
        cmocka_unit_test(test_shares_are_about_equal),
        cmocka_unit_test(test_two_have_each),
        cmocka_unit_test(test_only_the_share_of_who_comes_moves),
        cmocka_unit_test(test_who_would_have_it),
        cmocka_unit_test(test_who_is_leaving),
        cmocka_unit_test(test_the_numbers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
