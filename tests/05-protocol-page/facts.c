/*
 * Prints what docs/protocol.md must say, for page_test.py to compare: the names and numbers of the wire, and
 * a whole session in bytes. What the session's process says is laid out by the encoders that libtroupe uses;
 * what the broker says comes from its core itself, which is pure: the same seed and times give the same
 * bytes.
 *
 * One line a fact: its class, then its values, separated by blanks.
 */
#include "broker/core/core.h"
#include "broker/core/platform/platform.h"
#include "broker/shell/options.h"
#include "proto/acl.h"
#include "proto/aid.h"
#include "proto/bundle.h"
#include "proto/link.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

#define PEER 1

typedef struct example {
    tr_route_t alice, bob;
    tr_pool_t pool;
    tr_core_t *core;
    tr_buf_t *buf; /* the bundle that the process is filling */
    uint32_t records;
} example_t;

static void print_frame(const char *way, const uint8_t *bytes, size_t len) {
    printf("frame %s ", way);
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static void begin(example_t *self) {
    self->buf = tr_pool_get(&self->pool, TR_BUF_SIZE);
    if (!self->buf)
        abort();
    tr_bundle_begin(self->buf);
    self->records = 0;
}

/* The bundle goes to the broker; what the broker answers is printed, one frame after another. */
/* Routes are what the broker says that they are. */
static void note_routes(example_t *self, const tr_buf_t *buf) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    if (tr_bundle_open(&reader, buf->data, buf->len, TR_RECORD_MAX) != TR_REASON_NONE)
        abort();
    while (tr_bundle_next(&reader, &r) > 0) {
        Troupe__Registered *m = r.h.kind == TR_KIND_REGISTERED
                                    ? troupe__registered__unpack(NULL, r.content_len, r.content)
                                    : NULL;
        if (!m)
            continue;
        *(strcmp(m->name, "alice") == 0 ? &self->alice : &self->bob) = m->route;
        troupe__registered__free_unpacked(m, NULL);
    }
}

static void end(example_t *self) {
    tr_core_out_t out;
    tr_bundle_end(self->buf, self->records);
    print_frame("to", self->buf->data, self->buf->len);
    tr_core_bundle(self->core, PEER, self->buf->data, self->buf->len,
        (tr_core_now_t){.mono_ms = 1000, .wall_ms = 1700000000000});
    tr_buf_release(self->buf);
    tr_core_flush(self->core);
    while (tr_core_next(self->core, &out)) {
        if (out.type == TR_OUT_SEND) {
            note_routes(self, out.buf);
            print_frame("from", out.buf->data, out.buf->len);
        }
        tr_buf_release(out.buf);
        free(out.detail);
    }
}

static uint8_t *add(example_t *self, tr_record_header_t h, size_t len) {
    h.length = (uint32_t)(TR_RECORD_HEADER + len);
    uint8_t *at = tr_bundle_add(self->buf, h.length);
    if (!at)
        abort();
    tr_record_header_write(&h, at);
    self->records++;
    return at + TR_RECORD_HEADER;
}

static void say_hello(example_t *self) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 1;
    m.process = (char *)(uintptr_t) "example";
    m.host = (char *)(uintptr_t) "here";
    m.pid = 42;
    m.window_records = 1000;
    m.window_bytes = 1u << 20;
    size_t len = troupe__hello__get_packed_size(&m);
    troupe__hello__pack(&m, add(self, (tr_record_header_t){.kind = TR_KIND_HELLO, .id = 1}, len));
}

static void say_register(example_t *self, const char *name, uint64_t id) {
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    m.behaviour = (char *)(uintptr_t) "echo";
    size_t len = troupe__register__get_packed_size(&m);
    troupe__register__pack(&m, add(self, (tr_record_header_t){.kind = TR_KIND_REGISTER, .id = id}, len));
}

static void say_message(example_t *self, tr_record_header_t h, const tr_acl_t *acl) {
    h.kind = TR_KIND_MESSAGE;
    h.hops = TR_HOPS_DEFAULT;
    h.performative = (uint8_t)acl->performative;
    h.envelope_len = (uint16_t)tr_acl_envelope_size(acl);
    uint8_t *at = tr_acl_envelope_write(acl, add(self, h, h.envelope_len + acl->content_len));
    memcpy(at, acl->content, acl->content_len);
}

static void say_request(example_t *self, tr_route_t alice) {
    tr_content_writer_t w;
    const char *receiver = "bob";
    tr_acl_t acl = {.performative = TR_REQUEST, .sender = "alice@local", .receivers = {&receiver, 1}};
    acl.protocol = "fipa-request";
    acl.conversation_id = "c1";
    acl.reply_with = "r1";
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "text", "hello");
    if (tr_content_writer_take(&w, &acl.content, &acl.content_len) < 0)
        abort();
    say_message(self, (tr_record_header_t){.src = alice, .id = 4}, &acl);
    tr_content_writer_finish(&w);
}

static void say_answer(example_t *self, tr_route_t bob, tr_route_t alice) {
    tr_content_writer_t w;
    const char *receiver = "alice@local";
    tr_acl_t acl = {.performative = TR_INFORM, .sender = "bob@local", .receivers = {&receiver, 1}};
    acl.protocol = "fipa-request";
    acl.conversation_id = "c1";
    acl.in_reply_to = "r1";
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv_bool(&w, "done", true);
    tr_write_kv_int(&w, "letters", 5);
    if (tr_content_writer_take(&w, &acl.content, &acl.content_len) < 0)
        abort();
    say_message(self, (tr_record_header_t){.src = bob, .dst = alice, .id = 5}, &acl);
    tr_content_writer_finish(&w);
}

static void print_session(void) {
    example_t e = {0};
    tr_core_config_t config;
    tr_core_config_defaults(&config);
    config.version = "0.1.0";
    config.stream_endpoint = "tcp://127.0.0.1:5571";
    config.seed = 1;
    tr_pool_init(&e.pool, 4);
    e.core = tr_core_new(&config, &e.pool);
    if (!e.core)
        abort();
    begin(&e);
    say_hello(&e);
    end(&e);
    begin(&e);
    say_register(&e, "alice", 2);
    say_register(&e, "bob", 3);
    end(&e);
    begin(&e);
    say_request(&e, e.alice);
    end(&e);
    begin(&e);
    say_answer(&e, e.bob, e.alice);
    end(&e);
    if (tr_core_stats(e.core)->delivered != 2)
        abort(); /* an example of a session that went wrong is none */
    tr_core_destroy(&e.core);
    tr_pool_finish(&e.pool);
}

static void print_transitions(void) {
    static const char *const askers[TR_ASKERS] = {
        [TR_ASKER_SELF] = "self", [TR_ASKER_PROCESS] = "process", [TR_ASKER_OTHER] = "other"};
    for (unsigned i = 0; i < TR_AGENT_STATES * TR_AGENT_STATES; i++) {
        const tr_transition_t *t = tr_life_transition(
            (tr_agent_state_t)(i / TR_AGENT_STATES), (tr_agent_state_t)(i % TR_AGENT_STATES));
        if (!t)
            continue;
        printf("transition %s %s %s ", t->name, tr_agent_state_name(t->from), tr_agent_state_name(t->to));
        const char *before = "";
        for (unsigned k = 0; k < TR_ASKERS; k++) {
            if (!(t->askers & (1u << k)))
                continue;
            printf("%s%s", before, askers[k]);
            before = ",";
        }
        printf("\n");
    }
}

static void print_words(void) {
    for (unsigned i = 0; i < TR_KIND_MAX; i++)
        if (strcmp(tr_kind_name(i), "unknown") != 0)
            printf("kind %u %s %s\n", i, tr_kind_name(i), tr_kind_is_data((uint8_t)i) ? "data" : "control");
    for (unsigned i = 0; i < TR_REASON_MAX; i++)
        printf("reason %u %s\n", i, tr_reason_name(i));
    for (unsigned i = TR_ACT_NONE + 1; i < TR_ACT_MAX; i++)
        printf("performative %u %s\n", i, tr_performative_name(i));
    for (const tr_message_kind_t *k = tr_message_kinds(); k->name; k++)
        printf("message-kind %s %s %s %s\n", k->name, tr_performative_name(k->performative),
            k->protocol ? k->protocol : "-", k->ontology);
    for (const tr_action_t *a = tr_ams_actions; a->name; a++)
        printf("ams %s\n", a->name);
    for (const tr_action_t *a = tr_df_actions; a->name; a++)
        printf("df %s\n", a->name);
    for (unsigned i = 0; i < TR_AGENT_STATES; i++)
        printf("state %s\n", tr_agent_state_name((tr_agent_state_t)i));
    print_transitions();
}

/* By the names that the page gives them. */
static const struct {
    const char *type, *name;
    unsigned long long value;
} numbers[] = {
    {"flag", "LEASED", TR_FLAG_LEASED},
    {"flag", "REDELIVERED", TR_FLAG_REDELIVERED},
    {"flag", "DURABLE", TR_FLAG_DURABLE},
    {"flag", "NO_NACK", TR_FLAG_NO_NACK},
    {"flag", "TAP", TR_FLAG_TAP},
    {"flag", "RELEASE", TR_FLAG_RELEASE},
    {"flag", "EXTEND", TR_FLAG_EXTEND},
    {"flag", "MANDATE", TR_FLAG_MANDATE},
    {"route", "agent", TR_ROUTE_AGENT},
    {"route", "service", TR_ROUTE_SERVICE},
    {"route", "topic", TR_ROUTE_TOPIC},
    {"route", "platform", TR_ROUTE_PLATFORM},
    {"limit", "version", TR_PROTOCOL_VERSION},
    {"limit", "bundle-header", TR_BUNDLE_HEADER},
    {"limit", "record-header", TR_RECORD_HEADER},
    {"limit", "envelope", TR_ENVELOPE_MAX},
    {"limit", "envelope-list", TR_ACL_LIST_MAX},
    {"limit", "name", TR_NAME_MAX},
    {"limit", "platform-name", TR_PLATFORM_MAX},
    {"limit", "topic", TR_TOPIC_MAX},
    {"limit", "credit-body", TR_CREDIT_SIZE},
    {"limit", "content-depth", TR_CONTENT_DEPTH_MAX},
    {"limit", "agents-of-a-session", TR_ROUTE_AGENTS_MAX},
    {"limit", "hops", TR_HOPS_DEFAULT},
    {"limit", "delegation", TR_DELEGATION_MAX},
};

/* Settings of the broker that a client meets. */
static const char *const settings[] = {"max-record", "window-records", "window-bytes", "trace-bytes",
    "trace-per-second", "mailbox-records", "mailbox-bytes", "service-records", "service-bytes",
    "service-wait", "tries", "poison", "heartbeat", "lease", "grace", "sessions", "topics", "subscriptions",
    "message-lease", "in-hand", "queue-records", "queue-bytes", "queue-retention", "letters", "letters-bytes",
    "letters-each", "letters-each-bytes", "queue-idle", "queues-each", "producers-each", "dedup-window",
    "stream-queue"};

static const char *default_of(const char *name) {
    const tr_program_t *program = tr_broker_program();
    for (size_t i = 0; i < program->option_count; i++)
        if (!strcmp(program->options[i].name, name))
            return program->options[i].initial;
    return "(gone)";
}

static void print_numbers(void) {
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        printf("%s %s %llu\n", numbers[i].type, numbers[i].name, numbers[i].value);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        printf("setting --%s %s\n", settings[i], default_of(settings[i]));
}

int main(void) {
    print_words();
    print_numbers();
    print_session();
    return 0;
}
