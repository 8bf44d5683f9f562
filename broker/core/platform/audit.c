/* The audit: what a guard lets in and keeps out, each as an event for the log and on the topic
 * $sys.audit.KIND. Whoever is refused again and again must not fill the log and the stream: so many are told
 * between two ticks, the rest is counted. */
#include "broker/core/guard.h"

#include "proto/content.h"

#include <stdio.h>

#define PER_TICK 64

static const char *const kinds[TR_EVENTS] = {
    [TR_EVENT_CONNECTED] = "connected",
    [TR_EVENT_KEY_REFUSED] = "key-refused",
    [TR_EVENT_NAME_REFUSED] = "name-refused",
    [TR_EVENT_TOPIC_REFUSED] = "topic-refused",
    [TR_EVENT_SERVICE_REFUSED] = "service-refused",
    [TR_EVENT_VERB_REFUSED] = "verb-refused",
    [TR_EVENT_FORGED_SENDER] = "forged-sender",
    [TR_EVENT_DELEGATION_REFUSED] = "delegation-refused",
    [TR_EVENT_CYCLE_REFUSED] = "cycle-refused",
    [TR_EVENT_BUDGET_REFUSED] = "budget-refused",
    [TR_EVENT_LIMIT] = "limit",
    [TR_EVENT_QUARANTINED] = "quarantined",
    [TR_EVENT_RELEASED] = "released",
    [TR_EVENT_SUSPENDED] = "suspended",
    [TR_EVENT_RESUMED] = "resumed",
    [TR_EVENT_MOVED] = "moved",
    [TR_EVENT_ILLEGAL_ACT] = "illegal-act",
    [TR_EVENT_REVOKED] = "revoked",
    [TR_EVENT_SKIPPED] = "skipped",
};

typedef struct audit {
    tr_core_event_t kind;
    const tr_session_t *session;
    const char *certificate, *what, *detail;
} audit_t;

static const char *some(const char *text) {
    return text ? text : "";
}

static void publish(tr_core_t *core, const audit_t *a) {
    char name[64];
    snprintf(name, sizeof name, "$sys.audit.%s", kinds[a->kind]);
    tr_topic_t *topic = tr_sys_topic(core, name);
    if (!topic)
        return;
    const tr_session_t *s = a->session;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 7);
    tr_write_kv_int(&w, "at_ms", core->now.wall_ms);
    tr_write_kv(&w, "certificate", some(a->certificate));
    tr_write_kv(&w, "what", some(a->what));
    tr_write_kv(&w, "detail", some(a->detail));
    tr_write_kv(&w, "process", s ? some(s->process) : "");
    tr_write_kv(&w, "host", s ? some(s->host) : "");
    tr_write_kv_uint(&w, "pid", s ? s->pid : 0);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

/* Why, and who it was as far as that is known. */
static void log_it(tr_core_t *core, const audit_t *a) {
    char detail[512], who[256] = "";
    const tr_session_t *s = a->session;
    if (s)
        snprintf(who, sizeof who, "%s pid %u at %s", some(s->process), s->pid, some(s->host));
    bool both = *some(a->detail) && *who;
    snprintf(detail, sizeof detail, "%s%s%s%s%s%s", some(a->detail), both ? " (" : "", who, both ? ")" : "",
        *some(a->certificate) ? " certificate=" : "", some(a->certificate));
    tr_event(core, a->kind, some(a->what), detail);
}

void tr_audit(tr_core_t *core, tr_core_event_t kind, const tr_session_t *session, const char *certificate,
    const char *what, const char *detail) {
    if (core->audits >= PER_TICK) {
        core->skipped++;
        return;
    }
    core->audits++;
    if (!certificate && session && session->guest)
        certificate = session->guest->identity->name;
    const audit_t a = {kind, session, certificate, what, detail};
    log_it(core, &a);
    publish(core, &a);
}

void tr_core_audit(tr_core_t *self, tr_core_event_t kind, const char *certificate, const char *what,
    const char *detail, tr_core_now_t now) {
    self->now = now;
    tr_audit(self, kind, NULL, certificate, what, detail);
}

void tr_audit_tick(tr_core_t *core) {
    uint64_t skipped = core->skipped;
    core->audits = core->named = 0;
    core->skipped = 0;
    if (!skipped)
        return;
    char what[24];
    snprintf(what, sizeof what, "%llu", (unsigned long long)skipped);
    tr_audit(core, TR_EVENT_SKIPPED, NULL, NULL, what, "so many more were not told; the counters have them");
}
