#include "daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS_MAX 32
#define READY_FD    3

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void breathe(void) {
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void copy_string(const char *line, const char *key, char *out, size_t size) {
    const char *at = strstr(line, key);
    size_t n = 0;
    if (at)
        for (at += strlen(key); *at && *at != '"' && n + 1 < size; at++)
            out[n++] = *at;
    out[n] = 0;
}

/* Until the broker has written its line, or closed the descriptor by ending. */
static void read_ready(broker_t *b, int fd) {
    size_t n = 0;
    int64_t until = now_ms() + PATIENCE_MS;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n + 1 < sizeof b->line && now_ms() < until) {
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t got = read(fd, b->line + n, sizeof b->line - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    b->line[n] = 0;
    close(fd);
    copy_string(b->line, "\"endpoint\":\"", b->endpoint, sizeof b->endpoint);
    copy_string(b->line, "\"stream\":\"", b->stream, sizeof b->stream);
    copy_string(b->line, "\"http\":\"", b->http, sizeof b->http);
}

static void start(broker_t *b, const char *const *first, const char *const *options) {
    const char *argv[OPTIONS_MAX] = {"troupe-broker"};
    int n = 1, ready[2];
    for (; first && *first; first++)
        argv[n++] = *first;
    for (; options && *options; options++)
        argv[n++] = *options;
    argv[n] = NULL;
    *b = (broker_t){.err = memfd_create("stderr", MFD_CLOEXEC)};
    assert_true(b->err >= 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t parent = getpid();
    b->pid = fork();
    assert_true(b->pid >= 0);
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(b->err, 2) < 0 || dup2(ready[1], READY_FD) < 0)
            _exit(120);
        if (ready[1] == READY_FD)
            fcntl(READY_FD, F_SETFD, 0);
        execv(BROKER_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(121);
    }
    close(ready[1]);
    read_ready(b, ready[0]);
}

void broker_start(broker_t *b, const char *const *options) {
    static const char *const first[] = {"--listen=tcp://127.0.0.1:0", "--stream=tcp://127.0.0.1:0",
        "--http=127.0.0.1:0", "--ready-fd=3", "--lease=60s", "--heartbeat=20s", NULL};
    start(b, first, options);
}

void broker_start_plain(broker_t *b, const char *const *options) {
    start(b, NULL, options);
}

int broker_wait(broker_t *b) {
    int64_t until = now_ms() + PATIENCE_MS;
    int status;
    pid_t r;
    while ((r = waitpid(b->pid, &status, WNOHANG)) == 0 && now_ms() < until)
        breathe();
    if (r != b->pid) {
        char text[8192];
        kill(b->pid, SIGKILL);
        waitpid(b->pid, &status, 0);
        fail_msg("the broker did not end; its log:\n%s", broker_log(b, text, sizeof text));
    }
    b->pid = 0;
    char text[65536];
    const char *log = broker_log(b, text, sizeof text);
    if (strstr(log, "AddressSanitizer") || strstr(log, "runtime error:") || strstr(log, "LeakSanitizer"))
        fail_msg("%s", log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool broker_runs(const broker_t *b) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)b->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

void broker_stop(broker_t *b) {
    assert_int_equal(kill(b->pid, SIGTERM), 0);
    assert_int_equal(broker_wait(b), 0);
    close(b->err);
}

const char *broker_log(const broker_t *b, char *text, size_t size) {
    ssize_t n = pread(b->err, text, size - 1, 0);
    text[n < 0 ? 0 : n] = 0;
    return text;
}

void broker_wait_log(const broker_t *b, const char *part) {
    char text[65536];
    int64_t until = now_ms() + PATIENCE_MS;
    while (!strstr(broker_log(b, text, sizeof text), part)) {
        if (now_ms() > until)
            fail_msg("no \"%s\" in the log:\n%s", part, text);
        breathe();
    }
}

int http_get(const broker_t *b, const char *path, char *body, size_t size) {
    const char *colon = strrchr(b->http, ':');
    assert_non_null(colon);
    struct sockaddr_in to = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    char request[256];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: here\r\n\r\n", path);
    assert_int_equal(write(fd, request, (size_t)len), len);
    size_t n = 0;
    ssize_t got;
    while (n + 1 < size && (got = read(fd, body + n, size - 1 - n)) > 0)
        n += (size_t)got;
    body[n] = 0;
    close(fd);
    int status = 0;
    assert_int_equal(sscanf(body, "HTTP/1.%*d %d", &status), 1);
    return status;
}

double metric(const broker_t *b, const char *name) {
    char body[65536], line[256];
    assert_int_equal(http_get(b, "/metrics", body, sizeof body), 200);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(body, line);
    return at ? strtod(at + strlen(line), NULL) : -1;
}

void wait_metric(const broker_t *b, const char *name, double at_least) {
    int64_t until = now_ms() + PATIENCE_MS;
    while (metric(b, name) < at_least) {
        if (now_ms() > until)
            fail_msg("%s is %g, not %g", name, metric(b, name), at_least);
        breathe();
    }
}

void peer_open(peer_t *p, const char *endpoint) {
    int none = 0;
    *p = (peer_t){.context = zmq_ctx_new(), .next_id = 1};
    tr_pool_init(&p->pool, 2);
    p->socket = zmq_socket(p->context, ZMQ_DEALER);
    assert_non_null(p->socket);
    zmq_setsockopt(p->socket, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(p->socket, endpoint), 0);
}

void peer_close(peer_t *p) {
    if (p->open)
        zmq_msg_close(&p->frame);
    zmq_close(p->socket);
    zmq_ctx_term(p->context);
    tr_pool_finish(&p->pool);
    *p = (peer_t){0};
}

void peer_raw(peer_t *p, const void *bytes, size_t len, int flags) {
    assert_int_equal(zmq_send(p->socket, bytes, len, flags), (int)len);
}

void peer_record(
    peer_t *p, const tr_record_header_t *h, const void *envelope, const void *content, size_t len) {
    tr_record_header_t out = *h;
    out.length = (uint32_t)(TR_RECORD_HEADER + h->envelope_len + len);
    tr_buf_t *buf = tr_pool_get(&p->pool, out.length + TR_BUNDLE_HEADER);
    assert_non_null(buf);
    tr_bundle_begin(buf);
    uint8_t *at = tr_bundle_add(buf, out.length);
    assert_non_null(at);
    tr_record_header_write(&out, at);
    if (h->envelope_len)
        memcpy(at + TR_RECORD_HEADER, envelope, h->envelope_len);
    if (len)
        memcpy(at + TR_RECORD_HEADER + h->envelope_len, content, len);
    tr_bundle_end(buf, 1);
    peer_raw(p, buf->data, buf->len, 0);
    tr_buf_release(buf);
}

uint64_t peer_control(peer_t *p, tr_kind_t kind, uint64_t id, const ProtobufCMessage *body) {
    uint8_t bytes[512];
    size_t len = body ? protobuf_c_message_get_packed_size(body) : 0;
    assert_true(len <= sizeof bytes);
    if (body)
        protobuf_c_message_pack(body, bytes);
    tr_record_header_t h = {.kind = (uint8_t)kind, .id = id ? id : p->next_id++};
    peer_record(p, &h, NULL, bytes, len);
    return h.id;
}

static bool next_frame(peer_t *p, long wait_ms) {
    zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, wait_ms) <= 0)
        return false;
    if (p->open)
        zmq_msg_close(&p->frame);
    zmq_msg_init(&p->frame);
    p->open = true;
    assert_true(zmq_msg_recv(&p->frame, p->socket, 0) >= 0);
    assert_false(zmq_msg_more(&p->frame)); /* the broker too sends one frame */
    assert_int_equal(
        tr_bundle_open(&p->reader, zmq_msg_data(&p->frame), zmq_msg_size(&p->frame), UINT32_MAX), 0);
    return true;
}

bool peer_next(peer_t *p, tr_kind_t kind, long wait_ms) {
    int64_t until = now_ms() + wait_ms;
    for (;;) {
        while (p->open && tr_bundle_next(&p->reader, &p->record) > 0)
            if (p->record.h.kind == kind)
                return true;
        int64_t left = until - now_ms();
        if (!next_frame(p, left > 0 ? (long)left : 0) && left <= 0)
            return false;
    }
}

const tr_record_t *peer_expect(peer_t *p, tr_kind_t kind) {
    if (!peer_next(p, kind, PATIENCE_MS))
        fail_msg("no %s came", tr_kind_name(kind));
    return &p->record;
}

void peer_hello(peer_t *p) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 1;
    m.process = (char *)(uintptr_t) "raw peer";
    m.pid = (uint32_t)getpid();
    m.window_records = 1000;
    m.window_bytes = 1u << 20;
    peer_control(p, TR_KIND_HELLO, 0, &m.base);
    peer_expect(p, TR_KIND_WELCOME);
}

tr_route_t peer_register(peer_t *p, const char *name) {
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    uint64_t id = peer_control(p, TR_KIND_REGISTER, 0, &m.base);
    const tr_record_t *r = peer_expect(p, TR_KIND_REGISTERED);
    assert_int_equal(r->h.id, id);
    Troupe__Registered *done = troupe__registered__unpack(NULL, r->content_len, r->content);
    assert_non_null(done);
    tr_route_t route = done->route;
    troupe__registered__free_unpacked(done, NULL);
    return route;
}

uint64_t peer_send(peer_t *p, tr_route_t src, const char *from, const char *to, const char *topic,
    tr_performative_t act, const void *content, size_t len) {
    tr_acl_t acl = {.sender = from, .receivers = {.items = &to, .count = to != NULL}, .topic = topic};
    uint8_t envelope[512];
    size_t envelope_len = tr_acl_envelope_size(&acl);
    assert_true(envelope_len <= sizeof envelope);
    tr_acl_envelope_write(&acl, envelope);
    tr_record_header_t h = {
        .kind = topic ? TR_KIND_PUBLISH : TR_KIND_MESSAGE,
        .performative = (uint8_t)act,
        .hops = TR_HOPS_DEFAULT,
        .src = src,
        .id = p->next_id++,
        .envelope_len = (uint16_t)envelope_len,
    };
    peer_record(p, &h, envelope, content, len);
    return h.id;
}
