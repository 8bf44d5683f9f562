#include "broker/core/core_fixture.h"

#include "proto/json.h"

tr_core_config_t world_config(void) {
    tr_core_config_t config;
    tr_core_config_defaults(&config);
    config.platform = "north";
    config.version = "1.2.3";
    config.stream_endpoint = "tcp://127.0.0.1:5571";
    config.seed = 42;
    return config;
}

static bool open_core(world_t *w) {
    w->core = tr_core_new(&w->config, &w->pool);
    assert_non_null(w->core);
    return world_disk_open(w);
}

world_t *world_new(const tr_core_config_t *config) {
    world_t *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->config = config ? *config : world_config();
    tr_pool_init(&w->pool, 4);
    w->now = (tr_core_now_t){.mono_ms = 5000, .wall_ms = 1700000000000};
    w->last = &w->first;
    w->jobs_end = &w->jobs;
    w->next_id = 1;
    assert_true(open_core(w));
    return w;
}

static void free_list(got_t *g) {
    while (g) {
        got_t *next = g->next;
        free(g->text);
        free(g->detail);
        free(g->bytes);
        free(g);
        g = next;
    }
}

void world_end(world_t *w) {
    tr_core_destroy(&w->core);
    assert_null(w->core);
    free_list(w->first);
    free_list(w->taken);
    free_list(w->jobs);
    tr_journal_close(&w->journal);
    tr_journal_disk_destroy(&w->disk);
    tr_buf_release(w->draft);
    tr_pool_finish(&w->pool);
    free(w->answer);
    free(w);
}

void forget(world_t *w) {
    free_list(w->first);
    w->first = NULL;
    w->last = &w->first;
}

static got_t *append(world_t *w, const tr_core_out_t *out) {
    got_t *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->out = *out;
    g->out.buf = NULL;
    g->out.text = g->out.detail = NULL;
    *w->last = g;
    w->last = &g->next;
    return g;
}

static void append_records(world_t *w, const tr_core_out_t *out) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    int r;
    assert_int_equal(tr_bundle_open(&reader, out->buf->data, out->buf->len, UINT32_MAX), TR_REASON_NONE);
    while ((r = tr_bundle_next(&reader, &record)) > 0) {
        got_t *g = append(w, out);
        g->text = out->text ? strdup(out->text) : NULL;
        g->bytes = malloc(record.h.length);
        assert_non_null(g->bytes);
        memcpy(g->bytes, record.bytes, record.h.length);
        g->record = record;
        g->record.bytes = g->bytes;
        g->record.envelope = g->bytes + TR_RECORD_HEADER;
        g->record.content = g->record.envelope + record.h.envelope_len;
    }
    assert_int_equal(r, 0);
}

/* What the core asked of the disk waits in a list of its own. */
static void append_job(world_t *w, const tr_core_out_t *out) {
    got_t *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->out = *out;
    g->detail = out->detail;
    *w->jobs_end = g;
    w->jobs_end = &g->next;
}

static void collect(world_t *w) {
    tr_core_out_t out;
    assert_true(tr_core_consistent(w->core));
    tr_core_flush(w->core);
    while (tr_core_next(w->core, &out)) {
        if (w->abroad && (out.peer >> 32 || out.type == TR_OUT_DIALLED)) {
            w->abroad(w, &out);
        } else if (out.type == TR_OUT_SEND && w->broken && out.peer == w->broken) {
            tr_core_unsent(w->core, out.buf->data, out.buf->len);
            tr_buf_release(out.buf);
            tr_core_peer_lost(w->core, out.peer, w->now);
        } else if (out.type == TR_OUT_EVENT) {
            got_t *g = append(w, &out);
            g->text = strdup(out.text);
            g->detail = strdup(out.text + strlen(out.text) + 1);
            free(out.detail);
        } else if (out.type == TR_OUT_WRITE || out.type == TR_OUT_READ) {
            append_job(w, &out);
        } else if (out.type == TR_OUT_CUT) {
            append(w, &out);
        } else {
            append_records(w, &out);
            tr_buf_release(out.buf);
        }
    }
    assert_true(tr_core_consistent(w->core));
}

size_t disk_works(world_t *w, size_t n) {
    size_t done = 0;
    for (; done < n && w->jobs; done++) {
        got_t *job = w->jobs;
        w->jobs = job->next;
        if (!w->jobs)
            w->jobs_end = &w->jobs;
        job->next = NULL;
        world_disk_do(w, job);
        free_list(job);
        collect(w);
    }
    return done;
}

/* After each event: flush, collect, check; and what the disk is asked for, unless it is held. */
void step(world_t *w) {
    collect(w);
    if (!w->hold)
        disk_works(w, SIZE_MAX);
}

static void stop_core(world_t *w) {
    tr_core_destroy(&w->core);
    free_list(w->jobs);
    w->jobs = NULL;
    w->jobs_end = &w->jobs;
    w->config.seed++;
}

bool world_recovers(world_t *w) {
    stop_core(w);
    tr_journal_close(&w->journal);
    if (open_core(w)) {
        step(w);
        return true;
    }
    tr_core_destroy(&w->core);
    return false;
}

void world_crash(world_t *w, size_t keep) {
    stop_core(w);
    tr_journal_disk_crash(w->disk, keep);
    tr_journal_close(&w->journal);
    assert_true(open_core(w));
    step(w);
}

void pass(world_t *w, int64_t ms) {
    w->now.mono_ms += ms;
    w->now.wall_ms += ms;
    tr_core_tick(w->core, w->now);
    step(w);
}

void feed(world_t *w, tr_peer_t peer, const void *bytes, size_t len) {
    /* In a block of its very size, so that a sanitizer sees what reads past it. */
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    uint8_t key[32];
    memset(key, peer < WORLD_KEYS ? w->keys[peer] : 0, sizeof key);
    tr_core_bundle_by(w->core, peer, key[0] ? key : NULL, copy, len, w->now);
    free(copy);
    step(w);
}

void lose(world_t *w, tr_peer_t peer) {
    tr_core_peer_lost(w->core, peer, w->now);
    step(w);
}

void interest(world_t *w, const char *prefix, bool on) {
    tr_core_interest(w->core, prefix, strlen(prefix), on);
    step(w);
}

/* Room for `more` bytes in the bundle that is being written: small at first, because a sanitizer takes its
 * time for large blocks. */
static void draft_grow(world_t *w, size_t more) {
    tr_buf_t *old = w->draft;
    if (old && old->cap - old->len >= more)
        return;
    w->draft = tr_pool_get(&w->pool, old ? (old->len + more) * 2 : more + TR_BUNDLE_HEADER);
    assert_non_null(w->draft);
    tr_bundle_begin(w->draft);
    if (!old) {
        w->draft_records = 0;
        return;
    }
    memcpy(w->draft->data, old->data, old->len);
    w->draft->len = old->len;
    tr_buf_release(old);
}

void draft(world_t *w, const tr_record_header_t *h, const void *envelope, const void *content, size_t len) {
    uint32_t length = TR_RECORD_HEADER + h->envelope_len + (uint32_t)len;
    draft_grow(w, length);
    uint8_t *at = tr_bundle_add(w->draft, length);
    tr_record_header_t out = *h;
    out.length = length;
    assert_non_null(at);
    tr_record_header_write(&out, at);
    if (h->envelope_len)
        memcpy(at + TR_RECORD_HEADER, envelope, h->envelope_len);
    if (len)
        memcpy(at + TR_RECORD_HEADER + h->envelope_len, content, len);
    w->draft_records++;
}

void draft_send(world_t *w, tr_peer_t peer) {
    tr_buf_t *buf = w->draft;
    w->draft = NULL;
    tr_bundle_end(buf, w->draft_records);
    feed(w, peer, buf->data, buf->len);
    tr_buf_release(buf);
}

uint64_t control(
    world_t *w, tr_peer_t peer, tr_kind_t kind, tr_route_t src, uint64_t id, const ProtobufCMessage *body) {
    uint8_t bytes[1024];
    size_t len = body ? protobuf_c_message_get_packed_size(body) : 0;
    assert_true(len <= sizeof bytes);
    if (body)
        protobuf_c_message_pack(body, bytes);
    tr_record_header_t h = {.kind = (uint8_t)kind, .src = src, .id = id ? id : w->next_id++};
    draft(w, &h, NULL, bytes, len);
    draft_send(w, peer);
    return h.id;
}

static Troupe__Hello hello_body(const welcome_t *session, uint64_t epoch, uint64_t records, uint64_t bytes) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = epoch;
    m.process = (char *)(uintptr_t) "test";
    m.host = (char *)(uintptr_t) "here";
    m.pid = 77;
    m.window_records = records;
    m.window_bytes = bytes;
    if (session)
        m.token = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)session->token, .len = 16};
    return m;
}

welcome_t hello_window(world_t *w, tr_peer_t peer, uint64_t records, uint64_t bytes) {
    Troupe__Hello m = hello_body(NULL, 1, records, bytes);
    control(w, peer, TR_KIND_HELLO, 0, 0, &m.base);
    const got_t *g = expect(w, peer, TR_KIND_WELCOME);
    Troupe__Welcome *welcome = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(welcome);
    assert_int_equal(welcome->token.len, 16);
    welcome_t session = {.resumed = welcome->resumed, .epoch = welcome->epoch};
    memcpy(session.token, welcome->token.data, 16);
    troupe__welcome__free_unpacked(welcome, NULL);
    return session;
}

welcome_t hello(world_t *w, tr_peer_t peer) {
    return hello_window(w, peer, 1u << 20, 1u << 30);
}

void hello_producer(world_t *w, tr_peer_t peer, const char *name, uint64_t epoch) {
    Troupe__Hello m = hello_body(NULL, 1, 1u << 20, 1u << 30);
    m.producer = (char *)(uintptr_t)name;
    m.producer_epoch = epoch;
    control(w, peer, TR_KIND_HELLO, 0, 0, &m.base);
}

void hello_again(world_t *w, tr_peer_t peer, const welcome_t *session, uint64_t epoch) {
    Troupe__Hello m = hello_body(session, epoch, 1u << 20, 1u << 30);
    control(w, peer, TR_KIND_HELLO, 0, 0, &m.base);
}

uint64_t ask_register(world_t *w, tr_peer_t peer, const char *name, uint32_t count) {
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    m.count = count;
    m.behaviour = (char *)(uintptr_t) "echo";
    return control(w, peer, TR_KIND_REGISTER, 0, 0, &m.base);
}

tr_route_t join_range(world_t *w, tr_peer_t peer, const char *name, uint32_t count) {
    uint64_t id = ask_register(w, peer, name, count);
    const got_t *g = expect(w, peer, TR_KIND_REGISTERED);
    assert_int_equal(g->record.h.id, id);
    Troupe__Registered *m = troupe__registered__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(m);
    assert_string_equal(m->name, name);
    assert_int_equal(m->count, count ? count : 1);
    tr_route_t route = m->route;
    troupe__registered__free_unpacked(m, NULL);
    return route;
}

tr_route_t join(world_t *w, tr_peer_t peer, const char *name) {
    return join_range(w, peer, name, 1);
}

uint64_t leave(world_t *w, tr_peer_t peer, const char *name) {
    Troupe__Deregister m = TROUPE__DEREGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    return control(w, peer, TR_KIND_DEREGISTER, 0, 0, &m.base);
}

uint64_t subscribe(world_t *w, tr_peer_t peer, tr_route_t agent, const char *pattern) {
    Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
    m.pattern = (char *)(uintptr_t)pattern;
    return control(w, peer, TR_KIND_SUBSCRIBE, agent, 0, &m.base);
}

void credit(world_t *w, tr_peer_t peer, uint64_t records, uint64_t bytes) {
    uint8_t body[TR_CREDIT_SIZE];
    tr_put64(body, records);
    tr_put64(body + 8, bytes);
    draft(w, &(tr_record_header_t){.kind = TR_KIND_CREDIT}, NULL, body, sizeof body);
    draft_send(w, peer);
}

static void say_settle(world_t *w, tr_peer_t peer, const got_t *leased, uint8_t flags, tr_reason_t why) {
    tr_record_header_t h = {
        .kind = TR_KIND_SETTLE,
        .flags = flags,
        .reason = (uint16_t)why,
        .src = leased->record.h.dst,
        .id = leased->record.h.id,
    };
    draft(w, &h, NULL, NULL, 0);
    draft_send(w, peer);
}

void settle(world_t *w, tr_peer_t peer, const got_t *leased, bool release) {
    say_settle(w, peer, leased, release ? TR_FLAG_RELEASE : 0, TR_REASON_NONE);
}

void settle_failed(world_t *w, tr_peer_t peer, const got_t *leased) {
    say_settle(w, peer, leased, TR_FLAG_RELEASE, TR_REASON_POISON);
}

void extend(world_t *w, tr_peer_t peer, const got_t *leased) {
    say_settle(w, peer, leased, TR_FLAG_EXTEND, TR_REASON_NONE);
}

void draft_letter(world_t *w, const letter_t *l, uint64_t *ret_id) {
    tr_acl_t acl = {
        .sender = l->from,
        .receivers = {.items = &l->to, .count = l->to != NULL},
        .topic = l->topic,
        .reply_with = l->reply_with,
        .conversation_id = l->conversation,
        .ontology = l->ontology,
        .language = l->language,
        .protocol = l->protocol,
        .delegation = {.items = l->chain},
        .budget = l->budget,
        .traceparent = l->traceparent,
    };
    while (l->chain && l->chain[acl.delegation.count])
        acl.delegation.count++;
    uint8_t envelope[2048];
    size_t envelope_len = tr_acl_envelope_size(&acl);
    assert_true(envelope_len <= sizeof envelope);
    tr_acl_envelope_write(&acl, envelope);
    const char *text = l->text ? l->text : "";
    size_t len = l->size ? l->size : strlen(text);
    char *content = calloc(1, len + 1);
    assert_non_null(content);
    memcpy(content, text, l->binary ? len : strnlen(text, len));
    tr_record_header_t h = {
        .kind = l->kind    ? l->kind
                : l->topic ? TR_KIND_PUBLISH
                           : TR_KIND_MESSAGE,
        .performative = (uint8_t)(l->act || l->no_act ? l->act : TR_INFORM),
        .flags = l->flags,
        .hops = l->no_hops ? 0
                : l->hops  ? l->hops
                           : TR_HOPS_DEFAULT,
        .src = l->src,
        .dst = l->dst,
        .id = l->id ? l->id : w->next_id++,
        .deadline_ms = l->deadline_ms,
        .priority = l->priority,
        .envelope_len = (uint16_t)envelope_len,
        .marks = l->traceparent ? TR_MARK_TRACED : 0,
    };
    draft(w, &h, envelope, content, len);
    free(content);
    if (ret_id)
        *ret_id = h.id;
}

uint64_t post(world_t *w, tr_peer_t peer, const letter_t *l) {
    uint64_t id;
    draft_letter(w, l, &id);
    draft_send(w, peer);
    return id;
}

typedef struct to_peer {
    tr_peer_t peer;
    tr_kind_t kind;
} to_peer_t;

typedef bool (*wanted_t)(const got_t *g, const void *what);

static got_t *take_where(world_t *w, wanted_t wanted, const void *what) {
    for (got_t **p = &w->first; *p; p = &(*p)->next) {
        got_t *g = *p;
        if (!wanted(g, what))
            continue;
        *p = g->next;
        if (!*p)
            w->last = p;
        g->next = w->taken;
        w->taken = g;
        return g;
    }
    return NULL;
}

static bool is_to_peer(const got_t *g, const void *what) {
    const to_peer_t *want = what;
    return g->out.type == TR_OUT_SEND && g->out.peer == want->peer && g->record.h.kind == want->kind;
}

/* Of ams or df, to this request. */
static bool is_answer(const got_t *g, const void *what) {
    const tr_record_header_t *request = what;
    return g->out.type == TR_OUT_SEND && g->record.h.kind == TR_KIND_MESSAGE &&
           g->record.h.dst == request->src && g->record.h.id == request->id;
}

static bool is_on_topic(const got_t *g, const void *what) {
    return g->out.type == TR_OUT_STREAM && !strcmp(g->text, what);
}

static bool is_event(const got_t *g, const void *what) {
    return g->out.type == TR_OUT_EVENT && g->out.event == *(const tr_core_event_t *)what;
}

got_t *take(world_t *w, tr_peer_t peer, tr_kind_t kind) {
    return take_where(w, is_to_peer, &(to_peer_t){peer, kind});
}

got_t *take_stream(world_t *w, const char *topic) {
    return take_where(w, is_on_topic, topic);
}

got_t *take_event(world_t *w, tr_core_event_t event) {
    return take_where(w, is_event, &event);
}

uint64_t draft_ask(world_t *w, tr_route_t src, const char *from, const char *whom, const char *json) {
    tr_content_writer_t content;
    const void *bytes;
    size_t len;
    tr_error_t error;
    tr_content_writer_init(&content);
    if (tr_json_to_content(json, strlen(json), &content, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(tr_content_writer_take(&content, &bytes, &len), 0);
    char *text = calloc(1, len + 1);
    memcpy(text, bytes, len);
    tr_content_writer_finish(&content);
    tr_acl_t acl = {.sender = from, .receivers = {.items = &whom, .count = 1}, .reply_with = "q"};
    uint8_t envelope[512];
    size_t envelope_len = tr_acl_envelope_size(&acl);
    tr_acl_envelope_write(&acl, envelope);
    tr_record_header_t h = {.kind = TR_KIND_MESSAGE,
        .performative = TR_REQUEST,
        .hops = 9,
        .src = src,
        .id = w->next_id++,
        .envelope_len = (uint16_t)envelope_len};
    draft(w, &h, envelope, text, len);
    free(text);
    return h.id;
}

const char *answer_to(world_t *w, tr_route_t src, uint64_t id) {
    const got_t *g = take_where(w, is_answer, &(tr_record_header_t){.src = src, .id = id});
    assert_non_null(g);
    char *out = NULL;
    assert_int_equal(tr_content_to_json(g->record.content, g->record.content_len, JSON_COMPACT, &out), 0);
    free(w->answer);
    assert_true(asprintf(&w->answer, "%s %s", tr_performative_name(g->record.h.performative), out) > 0);
    free(out);
    return w->answer;
}

const char *ask(
    world_t *w, tr_peer_t peer, tr_route_t src, const char *from, const char *whom, const char *json) {
    uint64_t id = draft_ask(w, src, from, whom, json);
    draft_send(w, peer);
    if (w->carry)
        w->carry(w->net);
    return answer_to(w, src, id);
}

got_t *expect(world_t *w, tr_peer_t peer, tr_kind_t kind) {
    got_t *g = take(w, peer, kind);
    if (g)
        return g;
    for (g = w->first; g; g = g->next)
        print_message("  there is: type %d peer %u %s id %llu reason %s %s %s\n", g->out.type,
            (unsigned)g->out.peer, tr_kind_name(g->record.h.kind), (unsigned long long)g->record.h.id,
            tr_reason_name(g->record.h.reason), g->text ? g->text : "", g->detail ? g->detail : "");
    fail_msg("no %s to peer %u", tr_kind_name(kind), (unsigned)peer);
    return NULL;
}

got_t *expect_text(world_t *w, tr_peer_t peer, tr_kind_t kind, const char *text) {
    got_t *g = expect(w, peer, kind);
    if (g->record.content_len < strlen(text) || memcmp(g->record.content, text, strlen(text)) != 0)
        fail_msg(
            "\"%.*s\" instead of \"%s\"", (int)g->record.content_len, (const char *)g->record.content, text);
    return g;
}

void expect_none(world_t *w, tr_peer_t peer, tr_kind_t kind) {
    if (take(w, peer, kind))
        fail_msg("a %s to peer %u", tr_kind_name(kind), (unsigned)peer);
}

static got_t *expect_reason(world_t *w, tr_peer_t peer, tr_kind_t kind, uint64_t id, tr_reason_t reason) {
    got_t *g = expect(w, peer, kind);
    if (g->record.h.reason != reason)
        fail_msg("%s instead of %s", tr_reason_name(g->record.h.reason), tr_reason_name(reason));
    assert_int_equal(g->record.h.id, id);
    return g;
}

void expect_refused(world_t *w, tr_peer_t peer, uint64_t id, tr_reason_t reason) {
    const got_t *g = expect_reason(w, peer, TR_KIND_REFUSED, id, reason);
    Troupe__Refusal *m = troupe__refusal__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(m);
    assert_int_equal(m->reason, reason);
    assert_true(*m->detail);
    troupe__refusal__free_unpacked(m, NULL);
}

got_t *expect_nack(world_t *w, tr_peer_t peer, uint64_t id, tr_reason_t reason) {
    got_t *g = expect_reason(w, peer, TR_KIND_NACK, id, reason);
    Troupe__Nack *m = troupe__nack__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(m);
    assert_true(*m->detail);
    troupe__nack__free_unpacked(m, NULL);
    return g;
}

void expect_done(world_t *w, tr_peer_t peer, uint64_t id) {
    assert_int_equal(expect(w, peer, TR_KIND_DONE)->record.h.id, id);
}

tr_route_t expect_resolved(world_t *w, tr_peer_t peer, const char *name) {
    const got_t *g = expect(w, peer, TR_KIND_RESOLVED);
    Troupe__Resolved *m = troupe__resolved__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(m);
    assert_string_equal(m->name, name);
    tr_route_t route = m->route;
    troupe__resolved__free_unpacked(m, NULL);
    return route;
}
