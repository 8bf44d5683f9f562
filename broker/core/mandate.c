#include "broker/core/mandate.h"

#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "lib/store/journal.h"

#include <errno.h>
#include <sodium/crypto_shorthash.h>
#include <stdio.h>
#include <stdlib.h>

#define REMEMBERED_S    3600u
#define HANDED_AGAIN_S  60u /* a pair's time is no more exact than that */
#define TR_GRANT_VALUE  17u /* which are limited, tokens, money */
#define TR_HANDED_VALUE 6u  /* when, length of the first name; then both names */

/* ---- names and paths ---- */

static tr_span_t span_of(const char *text, size_t len) {
    return (tr_span_t){(const uint8_t *)text, len};
}

/* An agent of this platform is the same with and without its platform. */
static tr_span_t bare(const tr_core_t *core, tr_span_t aid) {
    size_t tail = core->platform_len + 1;
    if (aid.len > tail && aid.at[aid.len - tail] == '@' &&
        !memcmp(aid.at + aid.len - core->platform_len, core->platform, core->platform_len))
        aid.len -= tail;
    return aid;
}

static bool same(tr_span_t a, tr_span_t b) {
    return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

static uint64_t hash(const tr_core_t *core, const void *bytes, size_t len) {
    uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash(out, bytes, len, core->mandates->secret);
    return tr_get64(out);
}

/* One more name on a path. */
static uint64_t longer(const tr_core_t *core, uint64_t path, tr_span_t name) {
    uint8_t bytes[8 + TR_AID_MAX];
    size_t len = name.len < TR_AID_MAX ? name.len : TR_AID_MAX;
    tr_put64(bytes, path);
    memcpy(bytes + 8, name.at, len);
    return hash(core, bytes, 8 + len);
}

/* What a record says, in names of this platform: never an empty chain. */
static int scan(const tr_core_t *core, const tr_record_t *r, tr_mandate_t *ret, tr_span_t *ret_sender) {
    size_t len;
    int rc = tr_mandate_scan(ret, r->envelope, r->h.envelope_len);
    const char *sender = tr_envelope_sender(r->envelope, r->h.envelope_len, &len);
    if (rc < 0 || !sender)
        return rc < 0 ? rc : -EBADMSG;
    *ret_sender = bare(core, span_of(sender, len));
    for (size_t i = 0; i < ret->chain_n; i++) {
        if (ret->chain[i].len > TR_AID_MAX)
            return -EBADMSG;
        ret->chain[i] = bare(core, ret->chain[i]);
    }
    if (!ret->chain_n)
        ret->chain[ret->chain_n++] = *ret_sender;
    return 0;
}

static uint64_t path_to(const tr_core_t *core, const tr_mandate_t *m, size_t n) {
    uint64_t path = hash(core, m->conversation.at, m->conversation.len);
    for (size_t i = 0; i < n; i++)
        path = longer(core, path, m->chain[i]);
    return path ? path : 1;
}

static bool hands_on(const tr_mandate_t *m, tr_span_t sender) {
    return same(m->chain[m->chain_n - 1], sender);
}

/* Where in the chain; chain_n = nowhere. */
static size_t find_in(const tr_mandate_t *m, tr_span_t name) {
    size_t i = 0;
    while (i < m->chain_n && !same(m->chain[i], name))
        i++;
    return i;
}

/* ---- what is remembered ---- */

static uint32_t now_s(const tr_core_t *core) {
    return (uint32_t)(core->now.wall_ms / 1000);
}

/* The clock may have been set back. */
static bool is_recent(const tr_core_t *core, const tr_handed_t *h, uint32_t s) {
    return (int32_t)(now_s(core) - h->used_s) <= (int32_t)s;
}

/* ---- in the journal. Where memory is out it is as if there were none, ignoring. ---- */

static void write_down(tr_core_t *core, tr_key_type_t type, uint64_t number, const void *value, size_t len) {
    tr_batch_t *batch = core->durable ? tr_batch_open(core) : NULL;
    tr_key_t key = tr_key_numbered(type, number);
    if (batch)
        tr_batch_more(batch, value ? TR_JOURNAL_PUT : TR_JOURNAL_DELETE, &key, value, len);
}

static tr_mandates_t *make_mandates(tr_core_t *core) {
    tr_mandates_t *m = calloc(1, sizeof *m); /* pages of both that are not used cost nothing */
    if (!m)
        return NULL;
    memcpy(m->secret, core->config.secret, sizeof m->secret);
    m->sets = core->config.mandates_max / TR_MANDATE_WAYS + 1;
    m->grants = calloc(m->sets * TR_MANDATE_WAYS, sizeof *m->grants);
    if (!m->grants) {
        free(m);
        return NULL;
    }
    return core->mandates = m;
}

static tr_mandates_t *mandates_of(tr_core_t *core) {
    if (core->mandates)
        return core->mandates;
    tr_mandates_t *m = make_mandates(core);
    if (m)
        write_down(core, TR_KEY_SECRET, 0, m->secret, sizeof m->secret);
    return m;
}

static tr_grant_t *set_of(const tr_core_t *core, uint64_t path) {
    return &core->mandates->grants[path % core->mandates->sets * TR_MANDATE_WAYS];
}

static uint32_t now_ms(const tr_core_t *core) {
    return (uint32_t)core->now.mono_ms;
}

static tr_grant_t *grant_of(const tr_core_t *core, uint64_t path) {
    tr_grant_t *set = set_of(core, path);
    for (size_t i = 0; i < TR_MANDATE_WAYS; i++)
        if (set[i].path == path)
            return &set[i];
    return NULL;
}

static tr_grant_t *find_grant(tr_core_t *core, uint64_t path) {
    tr_grant_t *g = grant_of(core, path);
    if (g)
        g->used_ms = now_ms(core);
    return g;
}

static void keep(tr_core_t *core, tr_grant_t *g) {
    uint8_t value[TR_GRANT_VALUE];
    value[0] = (uint8_t)(g->of_tokens | g->of_money << 1);
    tr_put64(value + 1, g->tokens);
    tr_put64(value + 9, g->micro_cost);
    write_down(core, TR_KEY_GRANT, g->path, value, sizeof value);
    g->dirty = false;
}

void tr_mandates_keep(tr_core_t *core) {
    tr_mandates_t *m = core->mandates;
    for (size_t i = 0; m && i < m->dirty_n; i++) {
        tr_grant_t *g = grant_of(core, m->dirty[i]);
        if (g && g->dirty)
            keep(core, g);
    }
    if (m)
        m->dirty_n = 0;
}

static void changed(tr_core_t *core, tr_grant_t *g) {
    tr_mandates_t *m = core->mandates;
    if (!core->durable || g->dirty)
        return;
    if (m->dirty_n == TR_GRANTS_DIRTY)
        tr_mandates_keep(core);
    m->dirty[m->dirty_n++] = g->path;
    g->dirty = true;
}

/* Whether `a` is the one to give its place: what has no budget first, then what was not used for longer. (The
 * clock goes round in 49 days: no harm.) */
static bool is_cheaper(const tr_core_t *core, const tr_grant_t *a, const tr_grant_t *b) {
    bool a_limited = a->of_tokens || a->of_money, b_limited = b->of_tokens || b->of_money;
    if (!a->path || !b->path)
        return b->path;
    if (a_limited != b_limited)
        return b_limited;
    return now_ms(core) - a->used_ms > now_ms(core) - b->used_ms;
}

static tr_grant_t *make_grant(tr_core_t *core, uint64_t path) {
    tr_grant_t *g = find_grant(core, path);
    if (g)
        return g;
    tr_grant_t *set = set_of(core, path);
    g = &set[0];
    for (size_t i = 1; i < TR_MANDATE_WAYS; i++)
        if (is_cheaper(core, &set[i], g))
            g = &set[i];
    if (g->path)
        write_down(core, TR_KEY_GRANT, g->path, NULL, 0);
    *g = (tr_grant_t){.path = path, .used_ms = now_ms(core)};
    changed(core, g);
    return g;
}

static void put_name(char out[TR_AID_MAX + 1], tr_span_t name) {
    size_t len = name.len < TR_AID_MAX ? name.len : TR_AID_MAX;
    memcpy(out, name.at, len);
    out[len] = 0;
}

static void keep_handed(tr_core_t *core, const tr_handed_t *h) {
    uint8_t value[TR_HANDED_VALUE + 2 * TR_AID_MAX];
    size_t from = strlen(h->from), to = strlen(h->to);
    tr_put32(value, h->used_s);
    tr_put16(value + 4, (uint16_t)from);
    memcpy(value + TR_HANDED_VALUE, h->from, from);
    memcpy(value + TR_HANDED_VALUE + from, h->to, to);
    write_down(core, TR_KEY_HANDED, h->pair, value, TR_HANDED_VALUE + from + to);
}

/* The one of this pair, or the one that gives its place to it. */
static tr_handed_t *handed_of(tr_core_t *core, uint64_t pair) {
    tr_handed_t *set = core->mandates->handed[pair % TR_HANDED_SETS], *h = &set[0];
    for (size_t i = 0; i < TR_MANDATE_WAYS; i++) {
        if (set[i].pair == pair)
            return &set[i];
        if (h->pair && (!set[i].pair || set[i].used_s < h->used_s))
            h = &set[i];
    }
    return h;
}

static void remember_handed(tr_core_t *core, tr_span_t from, tr_span_t to) {
    uint64_t pair = longer(core, hash(core, from.at, from.len), to);
    pair = pair ? pair : 1;
    tr_handed_t *h = handed_of(core, pair);
    if (h->pair == pair && is_recent(core, h, HANDED_AGAIN_S))
        return;
    if (h->pair && h->pair != pair)
        write_down(core, TR_KEY_HANDED, h->pair, NULL, 0);
    h->pair = pair;
    h->used_s = now_s(core);
    put_name(h->from, from);
    put_name(h->to, to);
    keep_handed(core, h);
}

static bool is_of(const char *name, const char *from, bool members) {
    size_t len;
    uint32_t index;
    return !strcmp(name, from) || (members && tr_entry_split_member(name, strlen(name), &len, &index) &&
                                      len == strlen(from) && !memcmp(name, from, len));
}

void tr_mandate_each(const tr_core_t *core, const char *from, bool members, tr_handed_fn each, void *arg) {
    const tr_mandates_t *m = core->mandates;
    for (size_t i = 0; m && i < TR_HANDED_SETS * TR_MANDATE_WAYS; i++) {
        const tr_handed_t *h = &m->handed[i / TR_MANDATE_WAYS][i % TR_MANDATE_WAYS];
        if (h->pair && is_recent(core, h, REMEMBERED_S) && is_of(h->from, from, members))
            each(arg, h->to);
    }
}

int tr_mandate_secret_recover(tr_core_t *core, const tr_pair_t *pair) {
    tr_mandates_t *m = make_mandates(core);
    if (!m || pair->value_len != sizeof m->secret)
        return m ? -EBADMSG : -ENOMEM;
    memcpy(m->secret, pair->value, sizeof m->secret);
    return 0;
}

int tr_grant_recover(tr_core_t *core, const tr_pair_t *pair) {
    if (pair->key_len != 9 || pair->value_len != TR_GRANT_VALUE || !core->mandates)
        return -EBADMSG;
    tr_grant_t *g = make_grant(core, tr_key_number(pair->key));
    g->of_tokens = pair->value[0] & 1;
    g->of_money = pair->value[0] & 2;
    g->tokens = tr_get64(pair->value + 1);
    g->micro_cost = tr_get64(pair->value + 9);
    g->old = true;
    g->dirty = false; /* the journal knows it */
    core->mandates->dirty_n = 0;
    return 0;
}

int tr_handed_recover(tr_core_t *core, const tr_pair_t *pair) {
    size_t from = pair->value_len >= TR_HANDED_VALUE ? tr_get16(pair->value + 4) : SIZE_MAX;
    size_t rest = pair->value_len - TR_HANDED_VALUE;
    if (pair->key_len != 9 || from > TR_AID_MAX || from > rest || rest - from > TR_AID_MAX || !core->mandates)
        return -EBADMSG;
    tr_handed_t *h = handed_of(core, tr_key_number(pair->key));
    h->pair = tr_key_number(pair->key);
    h->used_s = tr_get32(pair->value);
    put_name(h->from, span_of((const char *)pair->value + TR_HANDED_VALUE, from));
    put_name(h->to, span_of((const char *)pair->value + TR_HANDED_VALUE + from, rest - from));
    return 0;
}

void tr_mandates_finish(tr_core_t *core) {
    if (core->mandates)
        free(core->mandates->grants);
    free(core->mandates);
    core->mandates = NULL;
}

/* ---- budgets ---- */

/* What may move: less than what is there, or nothing. */
static bool affords(bool limited, uint64_t held, uint64_t claim) {
    return !limited || !claim || claim < held;
}

static void pay(bool limited, uint64_t *held, bool claimed, uint64_t claim) {
    uint64_t price = claimed && claim ? claim + 1 : 1;
    if (limited)
        *held -= price < *held ? price : *held;
}

static bool is_spent(const tr_budget_t *b) {
    return (b->of_tokens && !b->tokens) || (b->of_money && !b->micro_cost);
}

static const char *judge_budget(const tr_grant_t *payer, const tr_budget_t *b, bool asks, bool handing_on) {
    if (asks && is_spent(b))
        return "nothing is left to spend on this: only answers pass";
    if (!payer)
        return NULL;
    if (handing_on && ((payer->of_tokens && !b->of_tokens) || (payer->of_money && !b->of_money)))
        return "what was given to it with a budget cannot be handed on without one";
    if ((b->of_tokens && !affords(payer->of_tokens, payer->tokens, b->tokens)) ||
        (b->of_money && !affords(payer->of_money, payer->micro_cost, b->micro_cost)))
        return "it says more than its sender has left to spend";
    return NULL;
}

static void add(uint64_t *held, uint64_t more) {
    *held = more < UINT64_MAX - *held ? *held + more : UINT64_MAX;
}

static void subtract(uint64_t *held, uint64_t less) {
    *held -= less < *held ? less : *held;
}

/* ---- a message ---- */

static tr_reason_t refuse(tr_core_t *core, tr_session_t *from, tr_reason_t why, const char *detail) {
    static const tr_core_event_t kinds[TR_REASON_MAX] = {
        [TR_REASON_DELEGATION] = TR_EVENT_DELEGATION_REFUSED,
        [TR_REASON_CYCLE] = TR_EVENT_CYCLE_REFUSED,
        [TR_REASON_BUDGET] = TR_EVENT_BUDGET_REFUSED,
    };
    const tr_mandate_t *m = &core->mandates->mandate;
    char chain[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < m->chain_n && at < sizeof chain; i++)
        at += (size_t)snprintf(chain + at, sizeof chain - at, "%s%.*s", i ? " > " : "",
            (int)(m->chain[i].len < TR_NAME_MAX ? m->chain[i].len : TR_NAME_MAX),
            (const char *)m->chain[i].at);
    snprintf(core->mandates->detail, sizeof core->mandates->detail, "%s", detail);
    tr_audit(core, kinds[why], from, NULL, chain, detail);
    return why;
}

const char *tr_mandate_words(const tr_core_t *core) {
    return core->mandates ? core->mandates->detail : "";
}

/* Every provider is in the chain: whoever gets it, it was there before. */
static bool all_in_chain(const tr_mandate_t *m, const tr_service_t *s) {
    char name[TR_AID_MAX + 1];
    for (uint32_t i = 0; i < s->providers_n; i++) {
        size_t len = tr_entry_agent_name(s->providers[i].entry, s->providers[i].agent, name);
        if (find_in(m, span_of(name, len)) == m->chain_n)
            return false;
    }
    return s->providers_n > 0;
}

/* How much of the chain is known here: of one that comes from another broker, up to whom it went to there. */
static size_t known(const tr_session_t *from, const tr_mandate_t *m) {
    size_t n = m->chain_n;
    while (from->neighbour && n && memchr(m->chain[n - 1].at, '@', m->chain[n - 1].len))
        n--;
    return n < m->chain_n ? n + 1 : n;
}

static tr_reason_t check_handing_on(
    tr_core_t *core, tr_session_t *from, tr_span_t sender, tr_span_t to, const tr_service_t *service) {
    tr_mandates_t *all = core->mandates;
    const tr_mandate_t *m = &all->mandate;
    size_t n = known(from, m);
    all->payer = n > 1 ? find_grant(core, path_to(core, m, n)) : NULL;
    if (n > 1 && !all->payer)
        return refuse(core, from, TR_REASON_DELEGATION,
            "nobody has handed this conversation on to its sender along that chain, or it was long ago");
    if (find_in(m, sender) + 1 < m->chain_n)
        return refuse(core, from, TR_REASON_CYCLE, "its sender is in its delegation chain twice");
    if (service ? all_in_chain(m, service) : to.len && find_in(m, to) < m->chain_n)
        return refuse(core, from, TR_REASON_CYCLE, "its receiver is in its delegation chain already");
    return TR_REASON_NONE;
}

/* Forgotten: what he answers counts, what he says of a budget does not. */
static tr_reason_t check_answer(
    tr_core_t *core, tr_session_t *from, tr_record_t *record, tr_span_t sender, tr_span_t to) {
    tr_mandates_t *all = core->mandates;
    const tr_mandate_t *m = &all->mandate;
    all->payer = find_grant(core, longer(core, path_to(core, m, m->chain_n), sender));
    if (!all->payer && from->neighbour && known(from, m) > 1)
        all->payer = find_grant(core, path_to(core, m, known(from, m)));
    if (!all->payer)
        record->h.flags &= (uint8_t)~TR_FLAG_MANDATE;
    else if (find_in(m, to) == m->chain_n)
        return refuse(core, from, TR_REASON_DELEGATION,
            "its chain ends with somebody else, and its receiver is not in it: it is neither handed on nor "
            "an answer");
    return TR_REASON_NONE;
}

tr_reason_t tr_mandate_check(
    tr_core_t *core, tr_session_t *from, tr_record_t *record, const char *to, const tr_service_t *service) {
    tr_mandates_t *all = mandates_of(core);
    tr_span_t sender, receiver = span_of(to, strlen(to));
    if (!all)
        return TR_REASON_LIMIT;
    tr_mandate_t *m = &all->mandate;
    all->payer = NULL;
    int rc = scan(core, record, m, &sender);
    if (rc == 0 && !m->conversation.len)
        rc = -EBADMSG;
    if (rc < 0) {
        m->chain_n = 0;
        return refuse(core, from, TR_REASON_DELEGATION,
            rc == -E2BIG ? "its delegation chain is too long: 32 at most"
                         : "a mandate needs a conversation-id, and an envelope with its fields in order");
    }
    bool handing_on = hands_on(m, sender);
    tr_reason_t why = handing_on ? check_handing_on(core, from, sender, receiver, service)
                                 : check_answer(core, from, record, sender, receiver);
    if (why != TR_REASON_NONE || !(record->h.flags & TR_FLAG_MANDATE))
        return why;
    bool asks = tr_performative_asks(record->h.performative);
    const char *detail = judge_budget(all->payer, &m->budget, asks, handing_on);
    if (!detail)
        return TR_REASON_NONE;
    refuse(core, from, TR_REASON_BUDGET, detail);
    if (handing_on || asks)
        return TR_REASON_BUDGET;
    record->h.flags &= (uint8_t)~TR_FLAG_MANDATE; /* the answer is worth more than what it says to be left */
    return TR_REASON_NONE;
}

void tr_mandate_paid(tr_core_t *core) {
    tr_grant_t *g = core->mandates->payer;
    const tr_budget_t *b = &core->mandates->mandate.budget;
    if (!g)
        return;
    pay(g->of_tokens, &g->tokens, b->of_tokens, b->tokens);
    pay(g->of_money, &g->micro_cost, b->of_money, b->micro_cost);
    changed(core, g);
}

/* The receiver's path; NULL where he needs none: he began it. */
static tr_grant_t *grant_for(tr_core_t *core, const tr_mandate_t *m, tr_span_t sender, tr_span_t to) {
    if (hands_on(m, sender)) {
        remember_handed(core, sender, to);
        return make_grant(core, longer(core, path_to(core, m, m->chain_n), to));
    }
    size_t at = find_in(m, to);
    return at && at < m->chain_n ? find_grant(core, path_to(core, m, at + 1)) : NULL;
}

void tr_mandate_give(
    tr_core_t *core, const tr_record_t *record, const tr_entry_t *to, uint32_t agent, bool seen) {
    tr_mandate_t m;
    tr_span_t sender;
    char name[TR_AID_MAX + 1];
    if (!mandates_of(core) || scan(core, record, &m, &sender) < 0)
        return;
    tr_span_t receiver = span_of(name, tr_entry_agent_name(to, agent, name));
    tr_grant_t *g = grant_for(core, &m, sender, receiver);
    if (!g || (seen && g->old))
        return;
    changed(core, g);
    bool back = !hands_on(&m, sender); /* what comes back sets no limit where there was none */
    if (m.budget.of_tokens && (g->of_tokens || !back))
        add(&g->tokens, m.budget.tokens);
    if (m.budget.of_money && (g->of_money || !back))
        add(&g->micro_cost, m.budget.micro_cost);
    g->of_tokens |= !back && m.budget.of_tokens;
    g->of_money |= !back && m.budget.of_money;
}

void tr_mandate_take_back(
    tr_core_t *core, const tr_record_t *record, const tr_entry_t *from, uint32_t agent) {
    tr_mandate_t m;
    tr_span_t sender;
    char name[TR_AID_MAX + 1];
    if (!core->mandates || scan(core, record, &m, &sender) < 0 || !hands_on(&m, sender))
        return;
    tr_span_t holder = span_of(name, tr_entry_agent_name(from, agent, name));
    tr_grant_t *g = find_grant(core, longer(core, path_to(core, &m, m.chain_n), holder));
    if (g)
        changed(core, g);
    if (g && m.budget.of_tokens)
        subtract(&g->tokens, m.budget.tokens);
    if (g && m.budget.of_money)
        subtract(&g->micro_cost, m.budget.micro_cost);
}
