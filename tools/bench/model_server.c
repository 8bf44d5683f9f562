#include "tools/bench/model_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define CONNECTIONS 4096
#define EVENTS      256
#define HEAD_MAX    8192
#define TICK_MS     10
#define HEAD        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

/* One request after the other. */
typedef struct connection {
    int fd;
    char head[HEAD_MAX];
    size_t head_len, body_left;
    bool has_head;
    int piece;       /* that is next; -1 = nothing is being answered */
    int64_t next_ms; /* when it is due */
} connection_t;

typedef struct server {
    int listener, epoll, timer;
    connection_t *connections[CONNECTIONS];
    size_t count;
} server_t;

/* ---- answers ---- */

static int print_chunk(char *out, size_t size, const char *delta, const char *finish) {
    char event[512];
    int len = snprintf(event, sizeof event,
        "data: "
        "{\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":%s}]"
        "}\n\n",
        delta, finish);
    return snprintf(out, size, "%x\r\n%s\r\n", (unsigned)len, event);
}

/* The text of a piece: together {"reply": "..."}, with its quotes as JSON within JSON has them. */
static const char *text_of(int piece) {
    return piece == 0                           ? "{\\\"reply\\\": \\\"It is "
           : piece == TR_BENCH_MODEL_PIECES - 1 ? " done.\\\"}"
                                                : "and so on ";
}

static void send_piece(connection_t *c, int64_t now) {
    char out[1200];
    int len = c->piece == 0 ? snprintf(out, sizeof out, HEAD) : 0;
    bool last = c->piece == TR_BENCH_MODEL_PIECES - 1;
    len += print_chunk(out + len, sizeof out - (size_t)len, text_of(c->piece), "null");
    if (last) {
        len += print_chunk(out + len, sizeof out - (size_t)len, "", "\"stop\"");
        len += snprintf(out + len, sizeof out - (size_t)len, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    }
    if (write(c->fd, out, (size_t)len) != len)
        shutdown(c->fd, SHUT_RDWR); /* the client is gone, or has stopped reading */
    c->piece = last ? -1 : c->piece + 1;
    c->next_ms = now + TR_BENCH_MODEL_PACE_MS;
}

static void send_due(server_t *self) {
    int64_t now = tr_clock_ms();
    for (size_t i = 0; i < self->count; i++)
        if (self->connections[i]->piece >= 0 && self->connections[i]->next_ms <= now)
            send_piece(self->connections[i], now);
}

/* ---- requests ---- */

static void take_head(connection_t *c) {
    const char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "content-length:");
    if (!end)
        return;
    size_t behind = c->head_len - (size_t)(end + 4 - c->head);
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    c->has_head = true;
    c->body_left = body > behind ? body - behind : 0;
}

static void end_request(connection_t *c) {
    c->has_head = false;
    c->head_len = 0;
    c->piece = 0;
    c->next_ms = tr_clock_ms();
}

/* False: the connection is over. */
static bool read_request(connection_t *c) {
    char rest[65536];
    char *to = c->has_head ? rest : c->head + c->head_len;
    size_t room = c->has_head ? sizeof rest : HEAD_MAX - 1 - c->head_len;
    ssize_t n = read(c->fd, to, room);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (c->has_head) {
        c->body_left -= (size_t)n < c->body_left ? (size_t)n : c->body_left;
    } else {
        c->head_len += (size_t)n;
        c->head[c->head_len] = '\0';
        take_head(c);
    }
    if (c->has_head && c->body_left == 0)
        end_request(c);
    return c->has_head || c->head_len < HEAD_MAX - 1;
}

static void drop(server_t *self, connection_t *c) {
    for (size_t i = 0; i < self->count; i++)
        if (self->connections[i] == c)
            self->connections[i] = self->connections[--self->count];
    close(c->fd);
    free(c);
}

static void accept_one(server_t *self) {
    int fd = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    connection_t *c = fd >= 0 && self->count < CONNECTIONS ? calloc(1, sizeof *c) : NULL;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (!c || epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        free(c);
        if (fd >= 0)
            close(fd); /* whoever it is sees it */
        return;
    }
    c->fd = fd;
    c->piece = -1;
    self->connections[self->count++] = c;
}

/* ---- the role ---- */

static int watch(const server_t *self, int fd, const void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)what};
    return epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_server(server_t *self, uint64_t *ret_port, tr_error_t *error) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct itimerspec ticks = {{0, TICK_MS * 1000000}, {0, TICK_MS * 1000000}};
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (self->listener < 0 || self->epoll < 0 || self->timer < 0 ||
        bind(self->listener, (struct sockaddr *)&address, len) < 0 ||
        listen(self->listener, CONNECTIONS) < 0 ||
        getsockname(self->listener, (struct sockaddr *)&address, &len) < 0 ||
        timerfd_settime(self->timer, 0, &ticks, NULL) < 0 ||
        watch(self, self->listener, &self->listener) < 0 || watch(self, self->timer, &self->timer) < 0)
        return tr_error_set(error, -errno, "cannot serve as a model: %s", strerror(errno));
    *ret_port = ntohs(address.sin_port);
    return 0;
}

static void turn(server_t *self) {
    struct epoll_event events[EVENTS];
    uint64_t ticks;
    int n = epoll_wait(self->epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
        void *what = events[i].data.ptr;
        if (what == &self->listener)
            accept_one(self);
        else if (what == &self->timer)
            (void)!read(self->timer, &ticks, sizeof ticks); /* how many does not matter */
        else if (!read_request(what))
            drop(self, what);
    }
    send_due(self);
}

int tr_bench_model_server(const tr_bench_task_t *task, tr_error_t *error) {
    server_t server = {0};
    uint64_t port = 0;
    int r = open_server(&server, &port, error);
    if (r < 0)
        return r;
    tr_bench_say_ready(task, NULL, port);
    for (;;)
        turn(&server);
}
