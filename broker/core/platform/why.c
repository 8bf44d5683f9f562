#include "broker/core/platform/why.h"

#include "broker/core/lease.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS       1000
#define QUESTIONS_MAX 256u  /* at once: what is asked beyond them is answered without the process */
#define WORK_MAX      16u   /* requests in hand that are told one by one */
#define TOLD_MAX      32768 /* bytes of what a process says of an agent */
#define ID_SIZE       24
#define QUESTION      "\x81\xa5query\xa6status"

typedef struct tr_question {
    struct tr_question *next;
    char id[ID_SIZE];
    tr_route_t asked;
    uint8_t *request; /* tr_answer_keep */
    int64_t until_ms;
} tr_question_t;

/* ---- what the broker knows ---- */

/* The requests in their hands, of services and of their durable mailboxes; both passes see the same. */
typedef struct work {
    tr_answer_t *answer; /* NULL: they are counted only */
    const tr_members_t *who;
    uint32_t n;
} work_t;

static void write_request(tr_answer_t *a, const tr_service_t *s, const tr_lease_t *lease) {
    tr_record_t r = tr_lease_record(lease);
    tr_content_writer_t *w = &a->content;
    tr_acl_t acl = {0};
    const char *agent;
    bool read =
        tr_acl_read(&acl, &r, &a->core->arena) == 0; /* beside the asker's own, which is there still */
    tr_write_map(w, 7);
    tr_write_kv(w, "service", tr_service_is_mailbox(s, &agent) ? NULL : s->name);
    tr_write_kv(w, "performative", tr_performative_name(r.h.performative));
    tr_write_kv(w, "sender", read ? acl.sender : NULL);
    tr_write_kv(w, "protocol", read ? acl.protocol : NULL);
    tr_write_kv(w, "conversation_id", read ? acl.conversation_id : NULL);
    tr_write_kv_int(w, "since_ms", lease->taken_ms);
    tr_write_kv_uint(w, "attempt", lease->attempt);
}

static bool is_one(const tr_members_t *who, const tr_provider_t *p) {
    return p->entry == who->entry && p->agent - who->agent < who->count;
}

static void each_request(work_t *work, const tr_core_t *core, uint32_t max) {
    for (uint32_t i = 0; i < core->services_n && work->who->entry->services_n; i++) {
        const tr_service_t *s = core->services[i];
        for (uint32_t j = 0; j < s->providers_n; j++)
            for (tr_lease_t *l = is_one(work->who, &s->providers[j]) ? s->providers[j].leases.head : NULL; l;
                 l = l->next)
                if (work->n++ < max && work->answer)
                    write_request(work->answer, s, l);
    }
}

static void write_work(tr_answer_t *a, const tr_members_t *who) {
    work_t count = {.who = who}, all = {.who = who, .answer = a};
    each_request(&count, a->core, 0);
    tr_write_kv_uint(&a->content, "work_total", count.n);
    tr_write_str(&a->content, "work");
    tr_write_array(&a->content, count.n < WORK_MAX ? count.n : WORK_MAX);
    each_request(&all, a->core, WORK_MAX);
}

/* What waits for them, in memory and durably. */
static tr_mailbox_load_t load_of(tr_core_t *core, const tr_members_t *who) {
    tr_mailbox_load_t load = tr_mailbox_load(who);
    for (uint32_t i = 0; core->durable && i < core->services_n; i++) {
        const tr_service_t *s = core->services[i];
        const char *agent;
        if (!s->providers_n || !tr_service_is_mailbox(s, &agent) || !is_one(who, &s->providers[0]))
            continue;
        tr_waiting_t waiting = tr_waiting_of(s);
        int64_t since_ms = tr_waiting_since(s);
        load.records += waiting.records;
        load.bytes += waiting.bytes;
        if (waiting.records && since_ms && (!load.oldest_ms || since_ms < load.oldest_ms))
            load.oldest_ms = since_ms;
    }
    return load;
}

static void write_mailbox(tr_answer_t *a, const tr_members_t *who) {
    tr_mailbox_load_t load = load_of(a->core, who);
    const tr_session_t *s = who->entry->session;
    tr_write_kv_uint(&a->content, "queued", load.records);
    tr_write_kv_uint(&a->content, "queued_bytes", load.bytes);
    tr_write_str(&a->content, "oldest_ms");
    if (load.records && load.oldest_ms)
        tr_write_int(&a->content, load.oldest_ms);
    else
        tr_write_nil(&a->content);
    tr_write_kv_uint(&a->content, "in_hand", s->sent_records - s->acked_records);
}

static void write_life(tr_answer_t *a, const tr_members_t *who) {
    const tr_entry_t *e = who->entry;
    const tr_life_t *life = who->count == e->count ? &e->life : tr_life_of(e, who->agent);
    tr_content_writer_t *w = &a->content;
    tr_write_kv(w, "state", tr_agent_state_name(life->state));
    tr_write_kv_uint(w, "apart", who->count == e->count ? tr_apart_count(e) : 0);
    tr_write_kv_int(w, "since_ms", life->since_ms);
    tr_write_kv(w, "by", life->by);
    tr_write_kv(w, "reason", life->reason);
}

static void write_process(tr_answer_t *a, const tr_members_t *who) {
    const tr_session_t *s = who->entry->session;
    tr_content_writer_t *w = &a->content;
    tr_write_kv(w, "behaviour", who->entry->behaviour);
    tr_write_kv(w, "process", s->process);
    tr_write_kv(w, "host", s->host);
    tr_write_kv_uint(w, "pid", s->pid);
    tr_write_kv_int(w, "silent_ms", a->core->now.mono_ms - s->heard_ms);
    tr_write_kv_bool(w, "reachable", tr_session_reachable(a->core, s));
    tr_write_kv_bool(w, "quarantined", who->entry->quarantined);
    tr_write_kv_uint(w, "passive", who->entry->passive);
    tr_write_hang(w, a->core, s);
}

static void write_all(tr_answer_t *a, const tr_members_t *who, tr_value_t told) {
    char name[TR_AID_MAX + 1], aid[2 * TR_AID_MAX];
    tr_members_name(who, name);
    snprintf(aid, sizeof aid, "%s@%s", name, a->core->platform);
    tr_write_map(&a->content, 24);
    tr_write_kv(&a->content, "name", aid);
    tr_write_kv_uint(&a->content, "count", who->count);
    write_life(a, who);
    write_process(a, who);
    write_mailbox(a, who);
    write_work(a, who);
    tr_write_str(&a->content, "told");
    if (told)
        tr_write_value(&a->content, told);
    else
        tr_write_nil(&a->content);
}

/* ---- what its process knows ---- */

static void question_free(tr_question_t *q) {
    free(q->request);
    free(q);
}

/* False where nobody can be asked: then the answer goes without. */
static bool ask_process(tr_answer_t *a, const tr_members_t *who) {
    tr_core_t *core = a->core;
    bool can =
        who->count == 1 && who->entry->session->state == TR_SESSION_LIVE && core->questions_n < QUESTIONS_MAX;
    tr_question_t *q = can ? calloc(1, sizeof *q) : NULL;
    if (!q)
        return false;
    snprintf(q->id, sizeof q->id, "why-%llu", (unsigned long long)++core->questions_asked);
    q->asked = tr_session_route(who->entry->session, who->agent);
    q->until_ms = core->now.mono_ms + WAIT_MS;
    if (!tr_ams_ask(core, who, TR_QUERY_REF, q->id, QUESTION, sizeof QUESTION - 1) ||
        !(q->request = tr_answer_keep(a))) {
        question_free(q);
        return false;
    }
    q->next = core->questions;
    core->questions = q;
    core->questions_n++;
    return true;
}

/* It may have ended since it was asked for. */
static void fill(tr_answer_t *a, void *arg) {
    tr_members_t who;
    if (tr_answer_members(a, &who))
        write_all(a, &who, arg);
}

static void end(tr_core_t *core, tr_question_t **place, const msgpack_object *told) {
    tr_question_t *q = *place;
    *place = q->next;
    core->questions_n--;
    tr_answer_resume(core, q->request, fill, (void *)(uintptr_t)told);
    question_free(q);
}

static tr_question_t **find(tr_core_t *core, const char *id, tr_route_t from) {
    for (tr_question_t **p = &core->questions; *p; p = &(*p)->next)
        if (!strcmp((*p)->id, id) && (*p)->asked == from)
            return p;
    return NULL;
}

bool tr_why_answered(tr_core_t *core, const tr_record_t *record, const tr_acl_t *acl) {
    bool answer = core->questions && record->h.performative != TR_REQUEST && acl->in_reply_to;
    tr_question_t **place = answer ? find(core, acl->in_reply_to, record->h.src) : NULL;
    if (!place)
        return false;
    tr_content_t c;
    bool told = record->h.performative == TR_INFORM && record->content_len <= TOLD_MAX &&
                tr_content_init(&c, record->content, record->content_len) == 0;
    end(core, place, told && tr_value_is_map(&c.root) ? &c.root : NULL);
    if (told)
        tr_content_finish(&c);
    return true;
}

void tr_why_tick(tr_core_t *core) {
    for (tr_question_t **p = &core->questions; *p;) {
        if (core->now.mono_ms >= (*p)->until_ms)
            end(core, p, NULL);
        else
            p = &(*p)->next;
    }
}

void tr_why_finish(tr_core_t *core) {
    while (core->questions) {
        tr_question_t *next = core->questions->next;
        question_free(core->questions);
        core->questions = next;
    }
}

void tr_handle_why(tr_answer_t *a) {
    tr_members_t who;
    if (tr_answer_members(a, &who) && !ask_process(a, &who))
        write_all(a, &who, NULL);
}
