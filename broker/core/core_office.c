#include "broker/core/core_office.h"

tr_core_config_t with_journal(void) {
    tr_core_config_t c = world_config();
    c.journal = true;
    return c;
}

void sender_comes(office_t *o, uint64_t epoch) {
    hello_producer(o->w, 1, "p", epoch);
    expect(o->w, 1, TR_KIND_WELCOME);
    o->a = join(o->w, 1, "a");
}

void receiver_comes(office_t *o) {
    hello(o->w, 2);
    o->b = join(o->w, 2, "b");
}

office_t office_new(const tr_core_config_t *config) {
    tr_core_config_t c = config ? *config : with_journal();
    office_t o = {.w = world_new(&c)};
    sender_comes(&o, 1);
    receiver_comes(&o);
    forget(o.w);
    return o;
}

letter_t office_letter(const office_t *o, uint64_t id, const char *text) {
    return (letter_t){.src = o->a, .from = "a", .to = "b", .text = text, .flags = TR_FLAG_DURABLE, .id = id};
}

void office_send(const office_t *o, uint64_t id, const char *text) {
    letter_t l = office_letter(o, id, text);
    post(o->w, 1, &l);
}

void expect_stored(world_t *w, uint64_t first, uint64_t last) {
    while (first <= last) {
        const got_t *g = expect(w, 1, TR_KIND_STORED);
        assert_true(g->record.content_len >= 16 && g->record.content_len % 16 == 0);
        for (uint32_t at = 0; at < g->record.content_len; at += 16) {
            assert_int_equal(tr_get64(g->record.content + at), first);
            first += tr_get64(g->record.content + at + 8);
        }
    }
    assert_int_equal(first, last + 1);
}

const got_t *expect_message(const office_t *o, const char *text) {
    const got_t *g = expect_text(o->w, 2, TR_KIND_MESSAGE, text);
    assert_int_equal(
        g->record.h.flags & (TR_FLAG_DURABLE | TR_FLAG_LEASED), TR_FLAG_DURABLE | TR_FLAG_LEASED);
    return g;
}
