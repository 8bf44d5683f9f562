#include "lib/agent/protocol/checker.h"

#include "proto/aid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct talk {
    struct talk *next;          /* in its bucket */
    struct talk *newer, *older; /* by when they spoke */
    tr_machine_t machine;
    uint64_t hash;
    char *id, *initiator, *participant, *provider, *cancel_id;
    char *answers_to; /* whom the first act asked to be answered; mostly the initiator */
    tr_performative_t first;
    int64_t began_ms, last_ms, due_ms;
    size_t messages, illegal;
    bool open_ended; /* a service or a reply-to: the participant's side may have other names */
} talk_t;

struct tr_checker {
    char platform[TR_NAME_MAX + 1];
    talk_t **buckets;
    size_t cap, count, limit; /* cap: a power of two */
    talk_t *newest, *oldest;
};

const char *tr_check_name(unsigned check) {
    static const char *const names[] = {"none", "legal", "illegal", "late"};
    return check < sizeof names / sizeof *names ? names[check] : "unknown";
}

int tr_checker_new(const char *platform, size_t limit, tr_checker_t **ret_checker) {
    tr_checker_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    snprintf(self->platform, sizeof self->platform, "%s", platform);
    self->limit = limit ? limit : 1;
    for (self->cap = 64; self->cap < self->limit && self->cap < 1u << 16; self->cap *= 2)
        ;
    self->buckets = calloc(self->cap, sizeof *self->buckets);
    if (!self->buckets) {
        free(self);
        return -ENOMEM;
    }
    *ret_checker = self;
    return 0;
}

static void talk_free(talk_t *t) {
    free(t->id);
    free(t->initiator);
    free(t->participant);
    free(t->provider);
    free(t->cancel_id);
    free(t->answers_to);
    free(t);
}

static void unlink_age(tr_checker_t *self, talk_t *t) {
    *(t->newer ? &t->newer->older : &self->newest) = t->older;
    *(t->older ? &t->older->newer : &self->oldest) = t->newer;
    t->newer = t->older = NULL;
}

static void link_newest(tr_checker_t *self, talk_t *t) {
    t->older = self->newest;
    *(self->newest ? &self->newest->newer : &self->oldest) = t;
    self->newest = t;
}

static void forget(tr_checker_t *self, talk_t *t) {
    talk_t **at = &self->buckets[t->hash & (self->cap - 1)];
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    unlink_age(self, t);
    self->count--;
    talk_free(t);
}

void tr_checker_destroy(tr_checker_t **self) {
    if (!*self)
        return;
    while ((*self)->newest)
        forget(*self, (*self)->newest);
    free((*self)->buckets);
    free(*self);
    *self = NULL;
}

static size_t name_length(const char *aid) {
    return strcspn(aid, "@");
}

/* A name without a platform is one of this platform. */
static bool same_agent(const tr_checker_t *self, const char *a, const char *b) {
    size_t n = name_length(a), m = name_length(b);
    const char *pa = a[n] ? a + n + 1 : self->platform, *pb = b[m] ? b + m + 1 : self->platform;
    return n == m && !memcmp(a, b, n) && !strcmp(pa, pb);
}

static uint64_t hash_name(const char *text, size_t n) {
    uint64_t h = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
    return h ^ h >> 29;
}

static uint64_t hash_id(const char *id) {
    return hash_name(id, strlen(id)) * 31;
}

/* Either direction has the same. */
static uint64_t hash_pair(const char *id, const char *a, const char *b) {
    return hash_id(id) + hash_name(a, name_length(a)) + hash_name(b, name_length(b));
}

static bool is_service(const char *name) {
    return !strncmp(name, TR_SERVICE_PREFIX, strlen(TR_SERVICE_PREFIX));
}

/* The initiator is no party of an answer that goes to the reply-to of the first act. */
static bool is_between(const tr_checker_t *self, const talk_t *t, const char *from, const char *to) {
    if (same_agent(self, t->initiator, from) &&
        (same_agent(self, t->participant, to) || (t->provider && same_agent(self, t->provider, to))))
        return true;
    if (t->provider && same_agent(self, t->provider, from))
        return t->open_ended || same_agent(self, t->initiator, to);
    return is_service(t->participant) && same_agent(self, t->answers_to, to);
}

static talk_t *find_at(const tr_checker_t *self, uint64_t hash, const tr_acl_t *acl, const char *to) {
    const tr_protocol_t *p = tr_protocol_find(acl->protocol);
    for (talk_t *t = self->buckets[hash & (self->cap - 1)]; t; t = t->next)
        if (t->hash == hash && (!acl->protocol || t->machine.protocol == p) &&
            !strcmp(t->id, acl->conversation_id) && is_between(self, t, acl->sender, to))
            return t;
    return NULL;
}

/* Whose answers may come from or go to another name is found by its id alone. */
static talk_t *find(const tr_checker_t *self, const tr_acl_t *acl, const char *to) {
    const char *id = acl->conversation_id;
    talk_t *t = find_at(self, hash_pair(id, acl->sender, to), acl, to);
    return t ? t : find_at(self, hash_id(id), acl, to);
}

static talk_t *talk_new(const tr_acl_t *acl, const char *to, const tr_machine_t *machine, int64_t wall_ms) {
    talk_t *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    bool service = is_service(to);
    t->open_ended = service || acl->reply_to.count;
    t->hash =
        t->open_ended ? hash_id(acl->conversation_id) : hash_pair(acl->conversation_id, acl->sender, to);
    t->machine = *machine;
    t->first = acl->performative;
    t->id = strdup(acl->conversation_id);
    t->initiator = strdup(acl->sender);
    t->participant = strdup(to);
    t->provider = service ? NULL : strdup(to);
    t->answers_to = strdup(acl->reply_to.count ? acl->reply_to.items[0] : acl->sender);
    t->began_ms = wall_ms;
    if (t->id && t->initiator && t->participant && t->answers_to && (service || t->provider))
        return t;
    talk_free(t);
    return NULL;
}

static void enter(tr_checker_t *self, talk_t *t) {
    if (self->count >= self->limit)
        forget(self, self->oldest);
    t->next = self->buckets[t->hash & (self->cap - 1)];
    self->buckets[t->hash & (self->cap - 1)] = t;
    self->count++;
    link_newest(self, t);
}

static void show(const talk_t *t, tr_checked_t *ret) {
    *ret = (tr_checked_t){
        .id = t->id,
        .protocol = t->machine.protocol->name,
        .initiator = t->initiator,
        .participant = t->provider ? t->provider : t->participant,
        .state = tr_machine_state_name(&t->machine),
        .outcome = tr_machine_outcome(&t->machine),
        .began_ms = t->began_ms,
        .last_ms = t->last_ms,
        .due_ms = t->due_ms,
        .messages = t->messages,
        .illegal = t->illegal,
    };
}

/* What no open conversation has room for. */
static int begin(const tr_acl_t *acl, const char *to, int64_t wall_ms, talk_t **ret_talk, tr_checked_t *ret) {
    const tr_protocol_t *p = tr_protocol_find(acl->protocol);
    tr_machine_t machine;
    *ret_talk = NULL;
    if (!p || acl->performative == TR_NOT_UNDERSTOOD)
        return 0; /* who did not understand what never began ends nothing */
    tr_machine_init(&machine, p);
    uint32_t allowed = tr_machine_allowed(&machine, TR_INITIATOR, false);
    if (tr_machine_step(&machine, TR_INITIATOR, acl->performative, false) == TR_VERDICT_LEGAL) {
        *ret_talk = talk_new(acl, to, &machine, wall_ms);
        return *ret_talk ? 0 : -ENOMEM;
    }
    *ret = (tr_checked_t){.check = TR_CHECK_ILLEGAL,
        .unbegun = true,
        .id = acl->conversation_id,
        .protocol = p->name,
        .initiator = acl->sender,
        .participant = to,
        .state = tr_machine_state_name(&machine),
        .allowed = allowed,
        .began_ms = wall_ms,
        .last_ms = wall_ms,
        .messages = 1,
        .illegal = 1};
    tr_machine_explain(&machine, TR_INITIATOR, acl->performative, false, ret->detail, sizeof ret->detail);
    return 0;
}

static bool is_other_provider(const tr_checker_t *self, const talk_t *t, const char *from) {
    return t->open_ended && !(t->provider && same_agent(self, t->provider, from));
}

/* A service: the first provider that answers is its participant; another one begins again. */
static int follow_provider(tr_checker_t *self, talk_t *t, const char *from) {
    if (!is_other_provider(self, t, from))
        return 0;
    char *provider = strdup(from);
    if (!provider)
        return -ENOMEM;
    if (t->provider) {
        tr_machine_init(&t->machine, t->machine.protocol);
        tr_machine_step(&t->machine, TR_INITIATOR, t->first, false);
    }
    free(t->provider);
    t->provider = provider;
    return 0;
}

/* What answers something else than the cancel was on its way already. */
static bool has_crossed(const talk_t *t, tr_role_t from, const tr_acl_t *acl) {
    return t->machine.cancelling && from == TR_PARTICIPANT && acl->in_reply_to &&
           (!t->cancel_id || strcmp(t->cancel_id, acl->in_reply_to) != 0);
}

static int note_cancel(talk_t *t, const tr_acl_t *acl) {
    char *id = acl->reply_with ? strdup(acl->reply_with) : NULL;
    if (acl->reply_with && !id)
        return -ENOMEM;
    free(t->cancel_id);
    t->cancel_id = id;
    return 0;
}

static void judge(talk_t *t, tr_role_t from, const tr_acl_t *acl, int64_t wall_ms, tr_checked_t *ret) {
    bool crossed = has_crossed(t, from, acl);
    tr_machine_t before = t->machine;
    tr_verdict_t verdict = tr_machine_step(&t->machine, from, acl->performative, crossed);
    bool overdue = verdict == TR_VERDICT_LEGAL && from == TR_PARTICIPANT && t->due_ms &&
                   wall_ms > t->due_ms && !tr_machine_streams(&before) && !tr_machine_is_patient(&before);
    if (verdict == TR_VERDICT_ILLEGAL) {
        t->illegal++;
        t->machine.last = (uint8_t)from;
    }
    if (verdict == TR_VERDICT_LEGAL && from == TR_INITIATOR && acl->performative != TR_CANCEL)
        t->due_ms = (int64_t)acl->reply_by_ms;
    t->messages++;
    t->last_ms = wall_ms;
    show(t, ret);
    ret->from = from;
    ret->check = verdict == TR_VERDICT_ILLEGAL           ? TR_CHECK_ILLEGAL
                 : verdict == TR_VERDICT_LATE || overdue ? TR_CHECK_LATE
                                                         : TR_CHECK_LEGAL;
    if (overdue)
        snprintf(ret->detail, sizeof ret->detail, "%s comes after its reply-by",
            tr_performative_name(acl->performative));
    if (verdict == TR_VERDICT_LEGAL)
        return;
    ret->allowed = tr_machine_allowed(&before, from, crossed);
    tr_machine_explain(&before, from, acl->performative, crossed, ret->detail, sizeof ret->detail);
}

/* An id that is used again after the end begins another conversation. */
static bool begins_anew(const talk_t *t, const tr_acl_t *acl) {
    tr_machine_t fresh;
    tr_machine_init(&fresh, t->machine.protocol);
    return tr_machine_outcome(&t->machine) != TR_OUTCOME_NONE && !strcmp(t->initiator, acl->sender) &&
           tr_machine_step(&fresh, TR_INITIATOR, acl->performative, false) == TR_VERDICT_LEGAL;
}

static void accept_first(
    tr_checker_t *self, talk_t *t, const tr_acl_t *acl, int64_t wall_ms, tr_checked_t *ret) {
    enter(self, t);
    t->messages = 1;
    t->last_ms = wall_ms;
    t->due_ms = (int64_t)acl->reply_by_ms;
    show(t, ret);
    ret->check = TR_CHECK_LEGAL;
    ret->from = TR_INITIATOR;
}

/* What an agent says to itself is an answer where an answer may be, and else a question. */
static tr_role_t role_of(const tr_checker_t *self, const talk_t *t, const tr_acl_t *acl) {
    if (!same_agent(self, t->initiator, acl->sender))
        return TR_PARTICIPANT;
    bool itself = same_agent(self, t->initiator, t->participant);
    bool answer = tr_machine_allowed(&t->machine, TR_PARTICIPANT, false) & 1u << acl->performative;
    return itself && answer ? TR_PARTICIPANT : TR_INITIATOR;
}

int tr_checker_take(
    tr_checker_t *self, const tr_acl_t *acl, const char *receiver, int64_t wall_ms, tr_checked_t *ret) {
    *ret = (tr_checked_t){.check = TR_CHECK_NONE};
    if (!acl->conversation_id || !acl->sender)
        return 0;
    talk_t *t = find(self, acl, receiver);
    if (t && begins_anew(t, acl)) {
        forget(self, t);
        t = NULL;
    }
    if (!t) {
        int r = begin(acl, receiver, wall_ms, &t, ret);
        if (r == 0 && t)
            accept_first(self, t, acl, wall_ms, ret);
        return r;
    }
    tr_role_t from = role_of(self, t, acl);
    if (from == TR_PARTICIPANT && follow_provider(self, t, acl->sender) < 0)
        return -ENOMEM;
    if (acl->performative == TR_CANCEL && from == TR_INITIATOR && note_cancel(t, acl) < 0)
        return -ENOMEM;
    unlink_age(self, t);
    link_newest(self, t);
    judge(t, from, acl, wall_ms, ret);
    return 0;
}

tr_check_t tr_checker_judge(const tr_checker_t *self, const tr_acl_t *acl, const char *receiver) {
    const tr_protocol_t *p = tr_protocol_find(acl->protocol);
    tr_machine_t machine;
    const talk_t *t = acl->conversation_id && acl->sender ? find(self, acl, receiver) : NULL;
    if (!t || begins_anew(t, acl)) {
        if (!p || !acl->conversation_id)
            return TR_CHECK_NONE;
        tr_machine_init(&machine, p);
        return tr_machine_step(&machine, TR_INITIATOR, acl->performative, false) == TR_VERDICT_LEGAL
                   ? TR_CHECK_LEGAL
                   : TR_CHECK_NONE;
    }
    tr_role_t from = role_of(self, t, acl);
    machine = t->machine;
    if (from == TR_PARTICIPANT && t->provider && is_other_provider(self, t, acl->sender)) {
        tr_machine_init(&machine, t->machine.protocol);
        tr_machine_step(&machine, TR_INITIATOR, t->first, false);
    }
    tr_verdict_t verdict = tr_machine_step(&machine, from, acl->performative, has_crossed(t, from, acl));
    return verdict == TR_VERDICT_LEGAL     ? TR_CHECK_LEGAL
           : verdict == TR_VERDICT_ILLEGAL ? TR_CHECK_ILLEGAL
                                           : TR_CHECK_LATE;
}

void tr_checker_each(const tr_checker_t *self, tr_checked_fn fn, void *arg) {
    for (const talk_t *t = self->newest; t; t = t->older) {
        tr_checked_t shown;
        show(t, &shown);
        fn(&shown, arg);
    }
}

size_t tr_checker_count(const tr_checker_t *self) {
    return self->count;
}
