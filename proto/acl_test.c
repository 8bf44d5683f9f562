#include "proto/acl.h"

#include "proto/acl.pb-c.h"
#include "proto/acl_plain.h"

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
        .budget = {.of_tokens = true, .of_money = true, .tokens = 300, .micro_cost = UINT64_MAX},
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
    Troupe__Limit tokens = TROUPE__LIMIT__INIT, micro_cost = TROUPE__LIMIT__INIT;
    tokens.left = a->budget.tokens;
    micro_cost.left = a->budget.micro_cost;
    budget.tokens = a->budget.of_tokens ? &tokens : NULL;
    budget.micro_cost = a->budget.of_money ? &micro_cost : NULL;
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
    assert_true(a->budget.of_tokens && a->budget.of_money);
    assert_int_equal(a->budget.tokens, 300);
    assert_int_equal(a->budget.micro_cost, UINT64_MAX);
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
            .flags = TR_FLAG_MANDATE,
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
    r.h.flags = 0; /* no broker has looked at its mandate: it has none */
    assert_int_equal(tr_acl_read(&read, &r, &arena), 0);
    assert_true(!read.delegation.count && !read.budget.of_tokens && !read.budget.of_money);
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

static void same_text(const char *a, const char *library) {
    if (a)
        assert_string_equal(a, library);
    else
        assert_string_equal("", library); /* proto3 has no absent strings */
}

static void same_list(const tr_acl_list_t *a, char **library, size_t n) {
    assert_int_equal(a->count, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(a->items[i], library[i]);
}

/* What the short way read, protobuf-c reads too, and reads the same. */
static void same_as_the_library(const tr_acl_t *a, const uint8_t *bytes, size_t len) {
    Troupe__Envelope *e = troupe__envelope__unpack(NULL, len, bytes);
    assert_non_null(e);
    same_text(a->sender, e->sender);
    same_list(&a->receivers, e->receivers, e->n_receivers);
    same_list(&a->reply_to, e->reply_to, e->n_reply_to);
    same_text(a->language, e->language);
    same_text(a->encoding, e->encoding);
    same_text(a->ontology, e->ontology);
    same_text(a->protocol, e->protocol);
    same_text(a->conversation_id, e->conversation_id);
    same_text(a->reply_with, e->reply_with);
    same_text(a->in_reply_to, e->in_reply_to);
    same_text(a->topic, e->topic);
    same_text(a->traceparent, e->traceparent);
    same_list(&a->delegation, e->delegation, e->n_delegation);
    assert_null(e->budget);
    assert_int_equal(e->n_user, 0);
    assert_true(e->performative == 0 && e->hop_limit == 0 && e->reply_by_ms == 0 && e->content.len == 0);
    assert_int_equal(e->base.n_unknown_fields, 0);
    troupe__envelope__free_unpacked(e, NULL);
}

/* In a block of its own, so that a byte read too far is seen. 1 where the short way took it. */
static int read_plain(const uint8_t *bytes, size_t len, tr_arena_t *arena) {
    uint8_t *own = malloc(len ? len : 1);
    tr_acl_t a;
    memcpy(own, bytes, len);
    tr_arena_reset(arena);
    int r = tr_acl_plain_read(&a, own, len, arena);
    if (r == 1)
        same_as_the_library(&a, own, len);
    free(own);
    return r;
}

static tr_acl_t plain(void) {
    tr_acl_t a = full();
    a.user_count = 0;
    a.budget = (tr_budget_t){0};
    return a;
}

static void plain_envelopes_are_read_the_short_way(void **state) {
    (void)state;
    uint8_t bytes[2048];
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    tr_acl_t a = plain();
    assert_int_equal(read_plain(bytes, (size_t)(tr_acl_envelope_write(&a, bytes) - bytes), &arena), 1);
    a = (tr_acl_t){.sender = "a@p", .receivers = {receivers, 1}, .in_reply_to = "r"};
    assert_int_equal(read_plain(bytes, (size_t)(tr_acl_envelope_write(&a, bytes) - bytes), &arena), 1);
    assert_int_equal(read_plain(bytes, 0, &arena), 1);
    tr_acl_t rich = full();
    assert_int_equal(read_plain(bytes, (size_t)(tr_acl_envelope_write(&rich, bytes) - bytes), &arena), 0);
    tr_arena_finish(&arena);
}

static void what_is_not_plain_is_left_to_the_library(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x0a\x01x\x0a\x01y", 6}, /* the same field twice */
        {"\x22\x01x\x0a\x01y", 6}, /* out of order */
        {"\x72\x00", 2},           /* a budget */
        {"\x0a\x81\x80\x00x", 5},  /* a long length */
        {"\x08\x01", 2},           /* a number */
        {"\xa2\x01\x00", 3},       /* an unknown field */
        {"\x02\x00", 2},           /* no field at all */
        {"\x0a", 1},               /* cut */
        {"\x0a\x02x", 3},
        {"\x0a\x80", 2},
    };
    (void)state;
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(read_plain((const uint8_t *)rows[i].bytes, rows[i].len, &arena), 0);
    uint8_t many[2 * 17];
    for (size_t i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "\x12", 2); /* one receiver more than the short way has room for */
    assert_int_equal(read_plain(many, sizeof many, &arena), 0);
    assert_int_equal(read_plain(many, sizeof many - 2, &arena), 1);
    tr_arena_finish(&arena);
}

/* Cut anywhere, and with any byte changed to anything: never another opinion than protobuf-c's. */
static void both_ways_of_reading_agree(void **state) {
    (void)state;
    uint8_t bytes[2048];
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 20);
    tr_acl_t a = plain();
    a.conversation_id = "c";
    a.traceparent = "t";
    size_t len = (size_t)(tr_acl_envelope_write(&a, bytes) - bytes);
    for (size_t n = 0; n <= len; n++)
        read_plain(bytes, n, &arena);
    for (size_t i = 0; i < len; i++) {
        uint8_t was = bytes[i];
        for (unsigned v = 0; v < 256; v++) {
            bytes[i] = (uint8_t)v;
            read_plain(bytes, len, &arena);
        }
        bytes[i] = was;
    }
    tr_arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_protobuf_c_writes),
        cmocka_unit_test(reads_back_what_stands_alone),
        cmocka_unit_test(reads_a_record),
        cmocka_unit_test(finds_the_sender_only_where_it_is),
        cmocka_unit_test(refuses_lists_that_are_too_long),
        cmocka_unit_test(plain_envelopes_are_read_the_short_way),
        cmocka_unit_test(what_is_not_plain_is_left_to_the_library),
        cmocka_unit_test(both_ways_of_reading_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
