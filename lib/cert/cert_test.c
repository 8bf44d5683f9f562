#include "lib/cert/cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static tr_cert_t *with_key(const char *name, uint8_t key) {
    tr_cert_t *c = tr_cert_new(name);
    assert_non_null(c);
    memset(c->keys[0].bytes, key, TR_KEY_SIZE);
    c->keys_n = 1;
    return c;
}

static tr_cert_state_t judge(const tr_cert_book_t *book, uint8_t byte, int64_t wall_ms, const char *whose) {
    uint8_t key[TR_KEY_SIZE];
    const tr_cert_t *cert;
    memset(key, byte, sizeof key);
    tr_cert_state_t state = tr_cert_book_judge(book, key, wall_ms, &cert);
    if (whose)
        assert_string_equal(cert->name, whose);
    else
        assert_null(cert);
    return state;
}

static void a_new_one_may_do_nothing(void **state) {
    (void)state;
    tr_cert_t *c = tr_cert_new("ann");
    assert_string_equal(c->name, "ann");
    const tr_strings_t *lists[] = {&c->rights.names, &c->rights.publish, &c->rights.subscribe,
        &c->rights.offer, &c->rights.ask, &c->rights.verbs, &c->rights.platforms};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_int_equal(lists[i]->count, 0);
        assert_null(lists[i]->items[0]);
    }
    tr_cert_destroy(&c);
    assert_null(c);
    tr_cert_destroy(&c);
    assert_null(tr_cert_new("a/b"));
}

static void rights_are_copied(void **state) {
    (void)state;
    tr_cert_t *c = tr_cert_new("ann");
    char text[] = "a-*";
    const char *items[] = {text, "b"};
    assert_int_equal(tr_cert_set(c, &c->rights.names, items, 2), 0);
    text[0] = 'z';
    assert_int_equal(tr_cert_add(c, &c->rights.names, "b"), 0);
    assert_int_equal(tr_cert_add(c, &c->rights.names, "c"), 0);
    assert_int_equal(c->rights.names.count, 3);
    assert_string_equal(c->rights.names.items[0], "a-*");
    assert_string_equal(c->rights.names.items[2], "c");
    assert_null(c->rights.names.items[3]);
    tr_cert_destroy(&c);
}

static void a_key_is_somebodys_until_its_end(void **state) {
    (void)state;
    tr_cert_t *certs[] = {with_key("b", 2), with_key("a", 1), with_key("c", 3)};
    memset(certs[1]->keys[1].bytes, 9, TR_KEY_SIZE); /* a's old one */
    certs[1]->keys[1].until_ms = 500;
    certs[1]->keys_n = 2;
    certs[0]->not_after_ms = 1000;
    certs[2]->revoked_ms = 700;
    tr_cert_book_t *book = tr_cert_book_new(certs, 3);
    assert_null(certs[0]);
    assert_int_equal(tr_cert_book_count(book), 3);
    assert_int_equal(judge(book, 1, 2000, "a"), TR_CERT_VALID);
    assert_int_equal(judge(book, 9, 499, "a"), TR_CERT_VALID);
    assert_int_equal(judge(book, 9, 500, "a"), TR_CERT_EXPIRED);
    assert_int_equal(judge(book, 2, 999, "b"), TR_CERT_VALID);
    assert_int_equal(judge(book, 2, 1000, "b"), TR_CERT_EXPIRED);
    assert_int_equal(judge(book, 3, 699, "c"), TR_CERT_VALID);
    assert_int_equal(judge(book, 3, 700, "c"), TR_CERT_REVOKED);
    assert_int_equal(judge(book, 4, 0, NULL), TR_CERT_UNKNOWN);
    assert_string_equal(tr_cert_book_find(book, "b")->name, "b");
    assert_null(tr_cert_book_find(book, "d"));
    assert_int_equal(tr_cert_book_next_revocation(book, 0), 700);
    assert_int_equal(tr_cert_book_next_revocation(book, 699), 700);
    assert_int_equal(tr_cert_book_next_revocation(book, 700), 0);
    tr_cert_book_release(&book);
    assert_null(book);
}

static void a_key_of_two_is_nobodys(void **state) {
    (void)state;
    tr_cert_t *certs[] = {with_key("a", 1), with_key("b", 1), with_key("c", 2), with_key("d", 1)};
    tr_cert_book_t *book = tr_cert_book_new(certs, 4);
    assert_int_equal(judge(book, 1, 0, NULL), TR_CERT_UNKNOWN);
    assert_int_equal(judge(book, 2, 0, "c"), TR_CERT_VALID);
    tr_cert_book_release(&book);
}

/* Of one certificate, which it takes over. */
static void mark_of(tr_cert_t *cert, char out[TR_CERT_MARK_TEXT]) {
    tr_cert_book_t *book = tr_cert_book_new(&cert, 1);
    tr_cert_book_mark(book, out);
    tr_cert_book_release(&book);
}

static void two_books_of_the_same_have_one_mark(void **state) {
    (void)state;
    char one[TR_CERT_MARK_TEXT], other[TR_CERT_MARK_TEXT];
    tr_cert_t *first[] = {with_key("a", 1), with_key("b", 2)},
              *second[] = {with_key("b", 2), with_key("a", 1)};
    tr_cert_book_t *book = tr_cert_book_new(first, 2), *again = tr_cert_book_new(second, 2);
    tr_cert_book_mark(book, one);
    tr_cert_book_mark(again, other);
    assert_string_equal(one, other);
    assert_memory_equal(one, "2-", 2);
    assert_int_equal(strlen(one), 2 + 16);
    tr_cert_book_release(&book);
    tr_cert_book_release(&again);
}

static void a_mark_changes_with_whatever_is_in_a_certificate(void **state) {
    (void)state;
    enum { CHANGES = 10 };
    char marks[CHANGES][TR_CERT_MARK_TEXT];
    for (int i = 0; i < CHANGES; i++) {
        tr_cert_t *c = with_key(i == 1 ? "b" : "a", i == 2 ? 2 : 1);
        c->keys_n += i == 3 || i == 4; /* an old key */
        c->keys[1].until_ms = i == 4 ? 500 : 0;
        c->revoked_ms = i == 5 ? 700 : 0;
        c->not_after_ms = i == 6 ? 700 : 0;
        c->limits.connections = i == 7 ? 3 : 0;
        assert_int_equal(i == 8 ? tr_cert_add(c, &c->rights.ask, "kb") : 0, 0);
        assert_int_equal(i == 9 ? tr_cert_add(c, &c->rights.offer, "kb") : 0, 0);
        mark_of(c, marks[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(marks[i], marks[k]);
    }
}

static void a_book_lives_as_long_as_somebody_has_it(void **state) {
    (void)state;
    tr_cert_t *certs[] = {with_key("a", 1)};
    tr_cert_book_t *book = tr_cert_book_new(certs, 1), *other = tr_cert_book_hold(book);
    tr_cert_book_release(&book);
    assert_int_equal(judge(other, 1, 0, "a"), TR_CERT_VALID);
    tr_cert_book_release(&other);
    tr_cert_book_release(&other);
    assert_null(tr_cert_book_hold(NULL));
    other = tr_cert_book_new(NULL, 0);
    assert_int_equal(judge(other, 1, 0, NULL), TR_CERT_UNKNOWN);
    tr_cert_book_release(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_may_do_nothing),
        cmocka_unit_test(rights_are_copied),
        cmocka_unit_test(a_key_is_somebodys_until_its_end),
        cmocka_unit_test(a_key_of_two_is_nobodys),
        cmocka_unit_test(two_books_of_the_same_have_one_mark),
        cmocka_unit_test(a_mark_changes_with_whatever_is_in_a_certificate),
        cmocka_unit_test(a_book_lives_as_long_as_somebody_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
