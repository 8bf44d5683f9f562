/*
 * How the agents of this process fare, for the broker and whoever asks it: that a callback does not come back, though the link is well
 * served by its keeper; and how many agents rest. Told when it changes, once a second at most, and anew in each session.
 */
#include "lib/link/link_private.h"

#include "proto/link.pb-c.h"

#define REPORT_MS 1000

static void tell(tr_link_t *l, const tr_registration_t *r, int64_t now) {
    uint8_t body[32];
    Troupe__Report m = TROUPE__REPORT__INIT;
    bool hangs = r == l->hung;
    m.passive = r->passive;
    m.hung_ms = hangs ? (uint64_t)(now - l->hung_ms) : 0;
    tr_record_header_t h = {.kind = TR_KIND_REPORT, .src = r->route + (hangs ? l->hung_agent : 0)};
    tr_link_put(l, &h, body, troupe__report__pack(&m, body));
}

void tr_link_report(tr_link_t *l, int64_t now) {
    if (!l->reports || now - l->reported_ms < REPORT_MS)
        return;
    l->reports = false;
    l->reported_ms = now;
    for (tr_registration_t *r = l->registrations; r; r = r->next) {
        if (!r->report)
            continue;
        r->report = r->status == TR_REGISTRATION_PENDING; /* later, when it has a route */
        l->reports |= r->report;
        if (r->status == TR_REGISTRATION_DONE)
            tell(l, r, now);
    }
}

void tr_link_report_all(tr_link_t *l) {
    for (tr_registration_t *r = l->registrations; r; r = r->next)
        r->report = r->passive || r == l->hung;
    l->reports = true;
    l->reported_ms = 0;
}

/* At once: it is the news that somebody looks for. */
static void change(tr_link_t *l, tr_registration_t *r) {
    if (!r)
        return;
    r->report = l->reports = true;
    l->reported_ms = 0;
}

void tr_link_hangs(tr_link_t *self, tr_registration_t *r, uint32_t agent, int64_t since_ms) {
    pthread_mutex_lock(&self->lock);
    change(self, r ? r : self->hung);
    self->hangs = r != NULL;
    self->hung = r;
    self->hung_agent = agent;
    self->hung_ms = since_ms;
    pthread_mutex_unlock(&self->lock);
}

void tr_link_passive(tr_link_t *self, tr_registration_t *r, uint32_t count) {
    pthread_mutex_lock(&self->lock);
    r->passive = count;
    r->report = self->reports = true;
    pthread_mutex_unlock(&self->lock);
}
