#include "proto/acl.h"

#include "proto/acl.pb-c.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const receivers[] = {"b@p", "c@p"};
static const char *const reply_to[] = {"d@p"};
static const char *const chain[] = {"origin@p", "middle@p"};
static const tr_acl_user_t user[] = {{"X-one", "1"}, {"X-empty", ""}};
static char long_text[300];

static tr_acl_t full(void) {
    memset(long_text, 'x', sizeof long_text - 1);
    return (tr_acl_t){
        .performative = TR_CFP,
        .hops = 9,
        .reply_by_ms = 1700000000123,
        .sender = "a@p",
        .language = "json",
        .encoding = "utf-8",
        .ontology = "o",
        .protocol = "fipa-contract-net",
        .conversation_id = long_text,
        .reply_with = "r1",
        .in_reply_to = "r0",
        .topic = "t.x",
        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        .receivers = {receivers, 2},
        .reply_to = {reply_to, 1},
        .delegation = {chain, 2},
        .user = user,
        .user_count = 2,
        .budget_tokens = 300,
        .budget_micro_cost = UINT64_MAX,
        .content = "content",
        .content_len = 7,
    };
}

/* The same message by protobuf-c's own packer. */
static size_t by_the_library(const tr_acl_t *a, uint8_t *out) {
    Troupe__Envelope e = TROUPE__ENVELOPE__INIT;
    Troupe__Budget budget = TROUPE__BUDGET__INIT;
    Troupe__UserParameter u[2] = {TROUPE__USER_PARAMETER__INIT, TROUPE__USER_PARAMETER__INIT};
    Troupe__UserParameter *us[2] = {&u[0], &u[1]};
    for (size_t i = 0; i < a->user_count; i++) {
        u[i].name = (char *)(uintptr_t)a->user[i].name;
        u[i].value = (char *)(uintptr_t)a->user[i].value;
    }
    budget.tokens = a->budget_tokens;
    budget.micro_cost = a->budget_micro_cost;
    e.sender = (char *)(uintptr_t)a->sender;
    e.receivers = (char **)(uintptr_t)a->receivers.items;
    e.n_receivers = a->receivers.count;
    e.reply_to = (char **)(uintptr_t)a->reply_to.items;
    e.n_reply_to = a->reply_to.count;
    e.language = (char *)(uintptr_t)a->language;
    e.encoding = (char *)(uintptr_t)a->encoding;
    e.ontology = (char *)(uintptr_t)a->ontology;
    e.protocol = (char *)(uintptr_t)a->protocol;
    e.conversation_id = (char *)(uintptr_t)a->conversation_id;
    e.reply_with = (char *)(uintptr_t)a->reply_with;
    e.in_reply_to = (char *)(uintptr_t)a->in_reply_to;
    e.topic = (char *)(uintptr_t)a->topic;
    e.traceparent = (char *)(uintptr_t)a->traceparent;
    e.delegation = (char **)(uintptr_t)a->delegation.items;
    e.n_delegation = a->delegation.count;
    e.budget = &budget;
    e.user = us;
    e.n_user = a->user_count;
    e.performative = a->performative;
    e.hop_limit = a->hops;
    e.reply_by_ms = a->reply_by_ms;
    e.content.data = (uint8_t *)(uintptr_t)a->content;
    e.content.len = a->content_len;
    return troupe__envelope__pack(&e, out);
}

static void writes_what_protobuf_c_writes(void **state) {
    (void)state;
    uint8_t ours[2048], theirs[2048];
    tr_acl_t a = full();
    size_t size = tr_acl_alone_size(&a);
    assert_int_equal(tr_acl_alone_write(&a, ours) - ours, size);
    assert_int_equal(by_the_library(&a, theirs), size);
    assert_memory_equal(ours, theirs, size);
}

static void check_full(const tr_acl_t *a) {
    assert_int_equal(a->performative, TR_CFP);
    assert_int_equal(a->hops, 9);
    assert_int_equal(a->reply_by_ms, 1700000000123);
    assert_string_equal(a->sender, "a@p");
    assert_int_equal(a->receivers.count, 2);
    assert_string_equal(a->receivers.items[1], "c@p");
    assert_string_equal(a->reply_to.items[0], "d@p");
    assert_string_equal(a->conversation_id, long_text);
    assert_string_equal(a->in_reply_to, "r0");
    assert_string_equal(a->topic, "t.x");
    assert_string_equal(a->delegation.items[1], "middle@p");
    assert_int_equal(a->user_count, 2);
    assert_string_equal(a->user[0].name, "X-one");
    assert_string_equal(a->user[1].value, "");
    assert_int_equal(a->budget_tokens, 300);
    assert_int_equal(a->budget_micro_cost, UINT64_MAX);
    assert_int_equal(a->content_len, 7);
    assert_memory_equal(a->content, "content", 7);
}

static void reads_back_what_stands_alone(void **state) {
    (void)state;
    uint8_t bytes[2048];
    tr_acl_t a = full(), read;
    size_t size = (size_t)(tr_acl_alone_write(&a, bytes) - bytes);
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    assert_int_equal(tr_acl_alone_read(&read, bytes, size, &arena), 0);
    check_full(&read);
    for (size_t n = 0; n < size; n++) { /* cut anywhere: an error or a shorter message, never more */
        tr_arena_reset(&arena);
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, bytes, n);
        tr_acl_alone_read(&read, cut, n, &arena);
        free(cut);
    }
    tr_arena_finish(&arena);
}

static void reads_a_record(void **state) {
    (void)state;
    uint8_t bytes[2048];
    tr_acl_t a = full(), read;
    uint8_t *end = tr_acl_envelope_write(&a, bytes);
    assert_int_equal(end - bytes, tr_acl_envelope_size(&a));
    memcpy(end, a.content, a.content_len);
    tr_record_t r = {
        .h = {.performative = TR_CFP,
            .hops = 9,
            .deadline_ms = a.reply_by_ms,
            .envelope_len = (uint16_t)(end - bytes)},
        .envelope = bytes,
        .content = end,
        .content_len = 7,
    };
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    assert_int_equal(tr_acl_read(&read, &r, &arena), 0);
    check_full(&read);
    size_t len = 0;
    const char *sender = tr_envelope_sender(bytes, r.h.envelope_len, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(sender, "a@p", 3);
    tr_arena_finish(&arena);
}

static void finds_the_sender_only_where_it_is(void **state) {
    (void)state;
    size_t len = 77;
    assert_null(tr_envelope_sender((const uint8_t *)"", 0, &len));
    assert_null(tr_envelope_sender((const uint8_t *)"\x0a\x05"
                                                    "ab",
        4, &len));
    assert_null(tr_envelope_sender((const uint8_t *)"\x12\x02"
                                                    "ab",
        4, &len));
    assert_null(tr_envelope_sender((const uint8_t *)"\x0a\x80\x80\x01", 4, &len));
    assert_int_equal(len, 77);
    assert_non_null(tr_envelope_sender((const uint8_t *)"\x0a\x02"
                                                        "ab",
        4, &len));
    assert_int_equal(len, 2);
}

static void refuses_lists_that_are_too_long(void **state) {
    (void)state;
    uint8_t bytes[2 * (TR_ACL_LIST_MAX + 1)];
    for (size_t i = 0; i < sizeof bytes; i += 2) {
        bytes[i] = 2 << 3 | 2; /* receivers, length 0 */
        bytes[i + 1] = 0;
    }
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    tr_acl_t read;
    assert_int_equal(tr_acl_alone_read(&read, bytes, sizeof bytes, &arena), -E2BIG);
    tr_arena_reset(&arena);
    assert_int_equal(tr_acl_alone_read(&read, bytes, sizeof bytes - 2, &arena), 0);
    tr_arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_protobuf_c_writes),
        cmocka_unit_test(reads_back_what_stands_alone),
        cmocka_unit_test(reads_a_record),
        cmocka_unit_test(finds_the_sender_only_where_it_is),
        cmocka_unit_test(refuses_lists_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
