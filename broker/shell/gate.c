#include "broker/shell/gate.h"

#include "broker/shell/events.h"

#include <errno.h>
#include <stdlib.h>

int tr_gate_prepare(
    tr_gate_t *self, const tr_broker_options_t *options, tr_sockets_config_t *sockets, tr_error_t *error) {
    *self = (tr_gate_t){0};
    if (!options->cert || !options->certs)
        return 0; /* both or none: tr_broker_options_check */
    int rc = tr_secret_load(&self->secret, options->cert, error);
    if (rc < 0)
        return rc == -EPERM ? rc : tr_error_prefix(error, "--cert");
    self->certified = true;
    self->guarded = !options->open_links;
    sockets->open = options->open_links;
    sockets->secret = &self->secret;
    sockets->certs = options->certs;
    return 0;
}

static int restrict_topics(tr_core_t *core, const tr_broker_options_t *options, tr_error_t *error) {
    for (size_t i = 0; i < options->restricted.count; i++) {
        int rc = tr_core_restrict(core, options->restricted.items[i]);
        if (rc < 0)
            return tr_error_set(error, rc,
                "--restrict %.200s: expected a topic pattern, dotted parts with * for one and > for the rest",
                options->restricted.items[i]);
    }
    return 0;
}

static void take_book(tr_gate_t *g, tr_core_now_t now) {
    tr_cert_book_t *book = tr_zap_book(g->sockets->zap);
    if (!book)
        return;
    tr_log(g->log, &tr_broker_events[TR_B_CERTIFICATES], "count=%zu", tr_cert_book_count(book));
    tr_core_guard(g->core, book, now); /* no memory: only the first one could fail, which tr_gate_open sees */
    if (g->guarded)
        tr_watchers_judge(&g->watchers, book, now);
    tr_cert_book_release(&book);
}

int tr_gate_open(tr_gate_t *self, const tr_broker_options_t *options, tr_sockets_t *sockets, tr_core_t *core,
    tr_log_t *log, uint64_t seed, tr_core_now_t now, tr_error_t *error) {
    self->sockets = sockets;
    self->core = core;
    self->log = log;
    tr_secret_wipe(&self->secret);
    int rc = restrict_topics(core, options, error);
    if (rc < 0 || !self->certified)
        return rc;
    if (self->guarded)
        tr_watchers_init(&self->watchers, sockets->stream, &sockets->door, core, seed);
    take_book(self, now);
    return tr_core_is_guarded(core) ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

void tr_gate_finish(tr_gate_t *self) {
    tr_secret_wipe(&self->secret);
    if (self->guarded && self->core)
        tr_watchers_finish(&self->watchers);
    self->guarded = self->certified = false;
}

int tr_gate_fd(const tr_gate_t *self) {
    return self->certified ? tr_zap_fd(self->sockets->zap) : -1;
}

void tr_gate_take(tr_gate_t *self, tr_core_now_t now) {
    if (!self->certified)
        return;
    take_book(self, now);
    tr_zap_news_t *news;
    while ((news = tr_zap_news(self->sockets->zap))) {
        if (news->kind == TR_ZAP_BROKEN)
            tr_log(self->log, &tr_broker_events[TR_B_CERT_BROKEN], "detail=%s", news->detail);
        else
            tr_core_audit(self->core, TR_EVENT_KEY_REFUSED, NULL, news->name, news->detail, now);
        free(news);
    }
}

void tr_gate_tick(tr_gate_t *self, tr_core_now_t now) {
    if (!self->guarded)
        return;
    tr_watchers_tick(&self->watchers, now);
    tr_sockets_cut(self->sockets);
}
