#include "broker/core/core_guarded.h"

#include <string.h>

static void set(tr_cert_t *c, tr_strings_t *right, const char *const *items) {
    for (; items && *items; items++)
        assert_int_equal(tr_cert_add(c, right, *items), 0);
}

static tr_cert_t *cert_of(const wish_t *wish) {
    tr_cert_t *c = tr_cert_new(wish->name);
    memset(c->keys[c->keys_n++].bytes, wish->key, TR_KEY_SIZE);
    if (wish->old_key) {
        c->keys[c->keys_n].until_ms = wish->old_until_ms;
        memset(c->keys[c->keys_n++].bytes, wish->old_key, TR_KEY_SIZE);
    }
    c->not_after_ms = wish->not_after_ms;
    c->revoked_ms = wish->revoked_ms;
    c->limits = wish->limits;
    set(c, &c->rights.names, wish->names);
    set(c, &c->rights.publish, wish->publish);
    set(c, &c->rights.subscribe, wish->subscribe);
    set(c, &c->rights.offer, wish->offer);
    set(c, &c->rights.ask, wish->ask);
    set(c, &c->rights.verbs, wish->verbs);
    return c;
}

void guard(world_t *w, const wish_t *wishes) {
    tr_cert_t *certs[16];
    size_t n = 0;
    for (; wishes[n].name; n++)
        certs[n] = cert_of(&wishes[n]);
    tr_cert_book_t *book = tr_cert_book_new(certs, n);
    assert_true(tr_core_guard(w->core, book, w->now));
    tr_cert_book_release(&book);
    pass(w, 0);
}

void expect_audit(world_t *w, tr_core_event_t kind, const char *what) {
    const got_t *g = take_event(w, kind);
    assert_non_null(g);
    if (!strstr(g->text, what))
        fail_msg("\"%s\" is not about \"%s\"", g->text, what);
}
