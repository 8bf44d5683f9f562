#include "tests/15-link/crowd.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void content_fill(uint8_t *out, size_t len, uint64_t number) {
    tr_put64(out, number);
    memset(out + 8, (int)(number * 31 + len) & 0xff, len - 8);
}

bool content_check(const uint8_t *bytes, size_t len, uint64_t *ret_number) {
    if (len < 8)
        return false;
    *ret_number = tr_get64(bytes);
    uint8_t fill = (uint8_t)(*ret_number * 31 + len);
    /* all the same, and the first is right */
    return len == 8 || (bytes[8] == fill && (len == 9 || !memcmp(bytes + 8, bytes + 9, len - 9)));
}

static void copy(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text ? text : "");
}

static int record(tr_agent_t *self, void *state, const tr_message_t *m) {
    box_t *box = state;
    (void)self;
    if (box->n == box->cap) {
        box->cap = box->cap ? box->cap * 2 : 64;
        box->seen = realloc(box->seen, box->cap * sizeof *box->seen);
        assert_non_null(box->seen);
    }
    seen_t *s = &box->seen[box->n++];
    const tr_acl_t *acl = tr_message_acl(m);
    size_t len;
    const uint8_t *bytes = tr_message_content(m, &len);
    *s = (seen_t){
        .type = tr_message_type(m),
        .act = tr_message_performative(m),
        .reason = tr_message_reason(m),
        .sequence = tr_message_sequence(m),
        .missed = tr_message_missed(m),
        .len = len,
        .elements = tr_value_size(tr_value_get(tr_message_value(m), "agents")),
        .retry_ms = tr_message_retry_ms(m),
        .attempt = tr_message_attempt(m),
        .redelivered = tr_message_redelivered(m),
        .leased = tr_message_leased(m),
        .at_ms = tr_clock_ms(),
    };
    s->intact = content_check(bytes, len, &s->number);
    copy(s->sender, sizeof s->sender, tr_message_sender(m));
    copy(s->topic, sizeof s->topic, tr_message_topic(m));
    copy(s->conversation, sizeof s->conversation, acl ? acl->conversation_id : NULL);
    return 0;
}

static int begin(tr_agent_t *self, void *state, tr_value_t args) {
    (void)self;
    (void)args;
    ((box_t *)state)->begun++;
    return 0;
}

static void end(tr_agent_t *self, void *state) {
    (void)self;
    free(((box_t *)state)->seen);
}

const tr_behaviour_t recorder = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "recorder",
    .state_size = sizeof(box_t),
    .init = begin,
    .receive = record,
    .fini = end,
};

int crowd_setup(void **state) {
    *state = calloc(1, sizeof(crowd_t));
    return *state ? 0 : -1;
}

void crowd_leave(crowd_t *self, member_t *member) {
    for (size_t i = 0; i < self->members_n; i++) {
        if (self->members[i] != member)
            continue;
        self->members[i] = self->members[--self->members_n];
        tr_host_destroy(&member->host);
        free(member);
        return;
    }
}

/* A broker that a test has killed or stopped is no longer there to say goodbye to; one that lives is asked to end,
 * so that a sanitizer has its say. */
int crowd_teardown(void **state) {
    crowd_t *self = *state;
    for (size_t i = 0; i < self->processes_n; i++)
        process_finish(&self->processes[i]);
    while (self->members_n)
        crowd_leave(self, self->members[0]);
    process_t *b = &self->broker.process;
    int code = 0;
    if (b->pid > 0 && kill(b->pid, SIGCONT) == 0 && kill(b->pid, SIGTERM) == 0)
        code = process_wait(b);
    process_finish(b);
    free(self);
    return code;
}

void crowd_open(crowd_t *self, const char *const *options) {
    broker_start(&self->broker, NULL, options);
}

static void count_event(void *arg, tr_host_event_t event, const char *detail) {
    member_t *m = arg;
    m->events[event]++;
    if (getenv("TROUPE_TEST_TRACE"))
        fprintf(stderr, "%s: event %d: %s\n", m->name, (int)event, detail);
}

member_t *crowd_host(crowd_t *self, const tr_host_options_t *options) {
    assert_true(self->members_n < CROWD_MEMBERS);
    member_t *m = calloc(1, sizeof *m);
    assert_non_null(m);
    tr_host_options_t o = options ? *options : (tr_host_options_t){0};
    tr_error_t error = {0};
    o.endpoint = self->broker.endpoint;
    o.on_event = count_event;
    o.arg = m;
    if (tr_host_new(&o, &m->host, &error) < 0) {
        free(m);
        fail_msg("no host: %s", error.text);
    }
    self->members[self->members_n++] = m;
    return m;
}

int member_add(member_t *self, const char *name, tr_error_t *error) {
    int r = tr_host_add(self->host, name, &recorder, NULL, &self->agent, error);
    if (r == 0) {
        self->box = tr_agent_state(self->agent);
        copy(self->name, sizeof self->name, name);
    }
    return r;
}

member_t *crowd_join(crowd_t *self, const char *name) {
    member_t *m = crowd_host(self, NULL);
    tr_error_t error = {0};
    if (member_add(m, name, &error) < 0)
        fail_msg("%s", error.text);
    return m;
}

process_t *crowd_role(crowd_t *self, const char *role, ...) {
    char path[512];
    const char *argv[16] = {path, role, self->broker.endpoint};
    size_t n = 3;
    va_list arguments;
    assert_true(self->processes_n < CROWD_PROCESSES);
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = 0;
    va_start(arguments, role);
    while ((argv[n] = va_arg(arguments, char *)))
        assert_true(++n < 15);
    va_end(arguments);
    process_t *p = &self->processes[self->processes_n++];
    process_start(p, argv);
    process_expect(p, "ready");
    return p;
}

void crowd_role_end(process_t *process) {
    assert_int_equal(process_wait(process), 0);
}

report_t sink_report(process_t *sink) {
    char line[256];
    unsigned long long n[6] = {0};
    process_tell(sink, "report");
    assert_true(process_line(sink, line, sizeof line));
    assert_int_equal(
        sscanf(line, "received %llu missing %llu doubled %llu damaged %llu failed %llu next %llu", &n[0],
            &n[1], &n[2], &n[3], &n[4], &n[5]),
        6);
    return (report_t){n[0], n[1], n[2], n[3], n[4], n[5]};
}

int64_t crowd_deadline(void) {
    return tr_clock_ms() + PROCESS_PATIENCE_MS;
}

void crowd_turn(crowd_t *self, int64_t deadline_ms, const char *what, const char *file, int line) {
    bool any = false;
    for (size_t i = 0; i < self->members_n; i++)
        any |= tr_host_step(self->members[i]->host, 0) > 0;
    if (any)
        return;
    if (tr_clock_ms() > deadline_ms) {
        print_error("%s:%d: waited in vain for: %s\n", file, line, what);
        _fail(file, line);
    }
    if (self->members_n)
        tr_host_step(self->members[0]->host, 1);
    else
        usleep(1000);
}

int member_send_as(
    member_t *self, const char *to, uint64_t number, tr_performative_t act, const char *conversation) {
    uint8_t content[8];
    tr_put64(content, number);
    tr_acl_t acl = {
        .performative = act,
        .receivers = {.items = &to, .count = 1},
        .conversation_id = conversation,
        .content = content,
        .content_len = sizeof content,
    };
    return tr_send(self->agent, &acl);
}

int member_send(member_t *self, const char *to, uint64_t number) {
    return member_send_as(self, to, number, TR_INFORM, NULL);
}

int member_publish(member_t *self, const char *topic, uint64_t number) {
    uint8_t content[8];
    tr_put64(content, number);
    return tr_publish(self->agent, topic, content, sizeof content);
}

size_t member_count(const member_t *self, tr_message_type_t type) {
    size_t n = 0;
    for (size_t i = 0; i < self->box->n; i++)
        n += self->box->seen[i].type == type;
    return n;
}

const seen_t *member_first(const member_t *self, tr_message_type_t type) {
    for (size_t i = 0; i < self->box->n; i++)
        if (self->box->seen[i].type == type)
            return &self->box->seen[i];
    return NULL;
}

void member_forget(member_t *self) {
    self->box->n = 0;
}

void crowd_pass(crowd_t *self, int64_t ms) {
    int64_t end = tr_clock_ms() + ms;
    until(self, tr_clock_ms() >= end);
}

void member_send_all(crowd_t *crowd, member_t *self, const char *to, uint64_t first, uint64_t count) {
    int r;
    for (uint64_t i = 0; i < count; i++) {
        until(crowd, (r = member_send(self, to, first + i)) != -EAGAIN);
        assert_int_equal(r, 0);
    }
}
