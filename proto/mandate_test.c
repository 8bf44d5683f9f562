#include "proto/mandate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const chain[] = {"ann@p", "bob@p"};
static const char *const to[] = {"cid@p"};
static const tr_acl_user_t user = {"X-a", "b"};

static tr_acl_t full(void) {
    return (tr_acl_t){
        .sender = "bob@p",
        .receivers = {to, 1},
        .protocol = "fipa-request",
        .conversation_id = "c1",
        .reply_with = "r1",
        .delegation = {chain, 2},
        .budget = {.of_tokens = true, .of_money = true, .tokens = 0, .micro_cost = UINT64_MAX},
        .user = &user,
        .user_count = 1,
    };
}

/* From a block that ends with the bytes, so that a byte read too far is seen. What was found points into
 * `bytes`. */
static int scan(tr_mandate_t *m, const void *bytes, size_t len) {
    uint8_t *own = malloc(len ? len : 1);
    assert_non_null(own);
    if (len)
        memcpy(own, bytes, len);
    int r = tr_mandate_scan(m, own, len);
    for (size_t i = 0; r == 0 && i < m->chain_n; i++)
        assert_true(m->chain[i].at >= own && m->chain[i].at + m->chain[i].len <= own + len);
    free(own);
    return r == 0 ? tr_mandate_scan(m, bytes, len) : r;
}

static void is(tr_span_t span, const char *text) {
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.at, text, span.len);
}

static void finds_what_was_written(void **state) {
    (void)state;
    uint8_t bytes[512];
    tr_acl_t a = full();
    tr_mandate_t m;
    assert_int_equal(scan(&m, bytes, (size_t)(tr_acl_envelope_write(&a, bytes) - bytes)), 0);
    is(m.conversation, "c1");
    assert_int_equal(m.chain_n, 2);
    is(m.chain[0], "ann@p");
    is(m.chain[1], "bob@p");
    assert_true(m.budget.of_tokens && m.budget.tokens == 0);
    assert_true(m.budget.of_money && m.budget.micro_cost == UINT64_MAX);
    a = (tr_acl_t){.sender = "bob@p", .budget = {.of_money = true, .micro_cost = 7}};
    assert_int_equal(scan(&m, bytes, (size_t)(tr_acl_envelope_write(&a, bytes) - bytes)), 0);
    assert_true(!m.conversation.len && !m.chain_n && !m.budget.of_tokens && m.budget.micro_cost == 7);
    assert_int_equal(scan(&m, "", 0), 0);
    assert_true(!m.chain_n && !m.budget.of_tokens && !m.budget.of_money);
}

/* Two readers could see two mandates in it. */
static void what_is_not_canonical_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x42\x01x\x42\x01y", 6},               /* two conversations */
        {"\x72\x02\x0a\x00\x72\x00", 6},         /* two budgets */
        {"\x6a\x01x\x42\x01y", 6},               /* out of order */
        {"\x72\x04\x0a\x00\x0a\x00", 6},         /* tokens twice */
        {"\x72\x04\x12\x00\x0a\x00", 6},         /* out of order within */
        {"\x72\x02\x1a\x00", 4},                 /* a third limit */
        {"\x72\x02\x08\x01", 4},                 /* tokens as a number */
        {"\x72\x06\x0a\x04\x08\x01\x08\x02", 8}, /* one limit, two numbers */
        {"\x72\x04\x0a\x02\x10\x01", 6},         /* another number */
        {"\x72\x04\x0a\x02\x0a\x00", 6},         /* bytes for a number */
        {"\x70\x01", 2},                         /* a budget that is a number */
        {"\x68\x01", 2},                         /* so is this link of the chain */
        {"\x40\x01", 2},                         /* and this conversation */
        {"\x6b\x6c", 2},                         /* a group */
        {"\x02\x00", 2},                         /* no field */
        {"\x6a\x05x", 3},                        /* longer than what is there */
        {"\x6a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"\x72\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 15}, /* over 64 bits */
        {"\x6a", 1},
        {"\x80", 1},
    };
    tr_mandate_t m;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (scan(&m, rows[i].bytes, rows[i].len) != -EBADMSG)
            fail_msg("row %zu was taken", i);
}

/* Fields that this version does not know, of every type, before and behind. */
static void other_fields_are_passed_over(void **state) {
    (void)state;
    static const char bytes[] = "\x08\x05\x11xxxxxxxx\x6a\x01x\x82\x01\x02yz\xfd\x01wwww";
    tr_mandate_t m;
    assert_int_equal(scan(&m, bytes, sizeof bytes - 1), 0);
    assert_int_equal(m.chain_n, 1);
    is(m.chain[0], "x");
}

static void a_chain_has_an_end(void **state) {
    (void)state;
    uint8_t bytes[3 * (TR_DELEGATION_MAX + 1)];
    for (size_t i = 0; i < sizeof bytes; i += 3)
        memcpy(bytes + i, "\x6a\x01x", 3);
    tr_mandate_t m;
    assert_int_equal(scan(&m, bytes, sizeof bytes), -E2BIG);
    assert_int_equal(scan(&m, bytes, sizeof bytes - 3), 0);
    assert_int_equal(m.chain_n, TR_DELEGATION_MAX);
}

/* What it finds in any bytes, whoever decodes them finds too. */
static void agrees_with_the_decoder(void **state) {
    (void)state;
    uint8_t bytes[512];
    tr_acl_t a = full(), read;
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    size_t len = (size_t)(tr_acl_envelope_write(&a, bytes) - bytes);
    unsigned both = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t was = bytes[i];
        for (unsigned v = 0; v < 256; v++) {
            tr_mandate_t m;
            bytes[i] = (uint8_t)v;
            tr_arena_reset(&arena);
            if (scan(&m, bytes, len) < 0 || tr_acl_alone_read(&read, bytes, len, &arena) < 0)
                continue;
            both++;
            assert_int_equal(m.chain_n, read.delegation.count);
            assert_int_equal(m.budget.of_tokens, read.budget.of_tokens);
            assert_int_equal(m.budget.of_money, read.budget.of_money);
            assert_true(!m.budget.of_tokens || m.budget.tokens == read.budget.tokens);
            assert_true(!m.budget.of_money || m.budget.micro_cost == read.budget.micro_cost);
        }
        bytes[i] = was;
    }
    assert_true(both > 1000);
    tr_arena_finish(&arena);
}

static void cut_anywhere_it_reads_no_further(void **state) {
    (void)state;
    uint8_t bytes[512];
    tr_acl_t a = full();
    tr_mandate_t m;
    size_t len = (size_t)(tr_acl_envelope_write(&a, bytes) - bytes);
    for (size_t n = 0; n < len; n++)
        if (scan(&m, bytes, n) == 0)
            assert_true(m.chain_n <= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_written),
        cmocka_unit_test(what_is_not_canonical_is_refused),
        cmocka_unit_test(other_fields_are_passed_over),
        cmocka_unit_test(a_chain_has_an_end),
        cmocka_unit_test(agrees_with_the_decoder),
        cmocka_unit_test(cut_anywhere_it_reads_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
