#include "lib/link/wire_fixture.h"

#include "lib/base/random.h"

#include <errno.h>
#include <stdlib.h>

#define FRAMES_MAX 4096 /* more than any test needs: a link that never stops sending is found */

typedef struct frame {
    struct frame *next;
    size_t len;
    uint8_t bytes[];
} frame_t;

typedef struct frames {
    frame_t *head, **end;
    size_t n;
} frames_t;

struct tr_wire {
    int dummy;
};

/* The ports have no argument that says whose they are: one test, one wire. */
static struct {
    frames_t sent, said;
    frame_t *looked_at;
    tr_bundle_reader_t reader;
    tr_record_t record;
    int64_t ms;
    size_t opened;
} line;

static void put(frames_t *frames, const void *bytes, size_t len) {
    frame_t *f = malloc(sizeof *f + len);
    assert_non_null(f);
    assert_true(++frames->n < FRAMES_MAX);
    f->next = NULL;
    f->len = len;
    memcpy(f->bytes, bytes, len);
    if (!frames->head)
        frames->end = &frames->head;
    *frames->end = f;
    frames->end = &f->next;
}

static frame_t *take(frames_t *frames) {
    frame_t *f = frames->head;
    if (f) {
        frames->head = f->next;
        frames->n--;
    }
    return f;
}

int64_t tr_clock_ns(void) {
    return line.ms * 1000000;
}

int64_t tr_clock_wall_ms(void) {
    return 1700000000000 + line.ms;
}

int64_t tr_clock_wall_ns(void) {
    return tr_clock_wall_ms() * 1000000;
}

uint64_t tr_random_seed(void) {
    return 42;
}

int tr_wire_new(const char *endpoint, uint64_t seed, tr_wire_t **ret_wire) {
    (void)endpoint;
    (void)seed;
    *ret_wire = calloc(1, sizeof **ret_wire);
    return *ret_wire ? 0 : -1;
}

void tr_wire_destroy(tr_wire_t **self) {
    free(*self);
    *self = NULL;
}

int tr_wire_open(tr_wire_t *self) {
    (void)self;
    line.opened++;
    return 0;
}

bool tr_wire_is_open(const tr_wire_t *self) {
    (void)self;
    return true;
}

int tr_wire_fd(const tr_wire_t *self) {
    (void)self;
    return -1;
}

void tr_wire_send(tr_wire_t *self, tr_buf_t *buf) {
    (void)self;
    put(&line.sent, buf->data, buf->len);
    tr_buf_release(buf);
}

bool tr_wire_receive(tr_wire_t *self, bool expect, zmq_msg_t *frame) {
    (void)self;
    (void)expect;
    frame_t *f = take(&line.said);
    if (!f)
        return false;
    assert_int_equal(zmq_msg_init_size(frame, f->len), 0);
    memcpy(zmq_msg_data(frame), f->bytes, f->len);
    free(f);
    return true;
}

int tr_wire_poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    (void)fds;
    (void)n;
    line.ms += timeout_ms;
    return 0;
}

int tr_wire_secure(tr_wire_t *self, const char *certificate) {
    (void)self;
    (void)certificate;
    return -ENOTSUP; /* in these worlds nobody has certificates */
}

const char *tr_wire_refusal(tr_wire_t *self) {
    (void)self;
    return "";
}

const char *tr_wire_strerror(int code) {
    (void)code;
    return "";
}

void tr_wire_identity(char host[65], uint32_t *ret_pid) {
    host[0] = 0;
    *ret_pid = 1;
}

tr_link_t *tr_wire_fixture_link(uint32_t window_records) {
    tr_link_t *link;
    tr_error_t error = {0};
    line.ms = 1000;
    line.opened = 0;
    tr_host_options_t options = {.endpoint = "here", .window_records = window_records};
    assert_int_equal(tr_link_new(&options, &link, &error), 0);
    return link;
}

void tr_wire_fixture_end(tr_link_t **link) {
    frame_t *f;
    tr_link_destroy(link, 0);
    while ((f = take(&line.sent)))
        free(f);
    while ((f = take(&line.said)))
        free(f);
    free(line.looked_at);
    line.looked_at = NULL;
    line.reader = (tr_bundle_reader_t){0};
}

void tr_wire_fixture_pass(tr_link_t *link, int64_t ms) {
    int64_t due;
    line.ms += ms;
    tr_link_work(link, &due);
}

void tr_wire_fixture_say(tr_link_t *link, const tr_record_header_t *h, const ProtobufCMessage *body) {
    uint8_t bundle[4096] = {'T', 'B', 1, 0, 1, 0, 0, 0};
    tr_record_header_t out = *h;
    size_t len = body ? protobuf_c_message_get_packed_size(body) : 0;
    assert_true(TR_BUNDLE_HEADER + TR_RECORD_HEADER + len <= sizeof bundle);
    out.length = TR_RECORD_HEADER + (uint32_t)len;
    tr_record_header_write(&out, bundle + TR_BUNDLE_HEADER);
    if (body)
        protobuf_c_message_pack(body, bundle + TR_BUNDLE_HEADER + TR_RECORD_HEADER);
    put(&line.said, bundle, TR_BUNDLE_HEADER + out.length);
    tr_wire_fixture_pass(link, 0);
}

void tr_wire_fixture_welcome(tr_link_t *link, uint64_t epoch, uint8_t token, bool resumed) {
    uint8_t bytes[16];
    memset(bytes, token, sizeof bytes);
    Troupe__Welcome m = TROUPE__WELCOME__INIT;
    m.platform = (char *)(uintptr_t) "here";
    m.stream = (char *)(uintptr_t) "tcp://127.0.0.1:1";
    m.token = (ProtobufCBinaryData){.data = bytes, .len = sizeof bytes};
    m.epoch = epoch;
    m.resumed = resumed;
    m.window_records = 1000;
    m.window_bytes = 1u << 20;
    m.heartbeat_ms = 750;
    m.lease_ms = 2500;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_WELCOME}, &m.base);
}

static bool next_frame(void) {
    free(line.looked_at);
    line.looked_at = take(&line.sent);
    if (!line.looked_at)
        return false;
    assert_int_equal(
        tr_bundle_open(&line.reader, line.looked_at->bytes, line.looked_at->len, UINT32_MAX), TR_REASON_NONE);
    return true;
}

const tr_record_t *tr_wire_fixture_sent(unsigned kind) {
    for (;;) {
        while (line.looked_at && tr_bundle_next(&line.reader, &line.record) > 0)
            if (line.record.h.kind == kind)
                return &line.record;
        if (!next_frame())
            return NULL;
    }
}

Troupe__Hello *tr_wire_fixture_hello(void) {
    const tr_record_t *r = tr_wire_fixture_sent(TR_KIND_HELLO);
    return r ? troupe__hello__unpack(NULL, r->content_len, r->content) : NULL;
}

size_t tr_wire_fixture_opened(void) {
    return line.opened;
}
