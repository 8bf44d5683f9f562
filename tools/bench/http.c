#include "tools/bench/http.h"

#include "lib/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX   4096
#define ANSWER_MAX 8192
#define WAIT_S     10

bool tr_bench_ask_make(
    tr_bench_ask_t *self, const char *place, const char *token, const char *path, const char *body) {
    int n = snprintf(self->text, sizeof self->text,
        "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        body ? "POST" : "GET", path, place, token, body ? strlen(body) : 0, body ? body : "");
    self->len = n > 0 ? (size_t)n : 0;
    return n > 0 && (size_t)n < sizeof self->text;
}

/* Whoever is silent for longer than WAIT_S is given up by what reads and writes. */
static int connect_to(const char *place, tr_error_t *error) {
    const char *colon = strrchr(place, ':');
    struct timeval wait = {.tv_sec = WAIT_S};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)strtoul(colon ? colon + 1 : "0", NULL, 10));
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tr_error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int rc = tr_error_set(error, -errno, "cannot connect to %s: %s", place, strerror(errno));
    close(fd);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t len, tr_error_t *error) {
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return tr_error_set(error, -EIO, "the gateway takes nothing: %s", strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- answers ---- */

/* Of a whole head with its empty line; 0: there is none yet. */
static size_t head_length(const char *bytes, size_t len) {
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes) + 4 : 0;
}

static size_t content_length(const char *head, size_t len) {
    static const char name[] = "content-length:";
    for (const char *at = head; (at = memchr(at, '\n', len - (size_t)(at - head))); at++)
        if ((size_t)(head + len - at) > sizeof name && strncasecmp(at + 1, name, sizeof name - 1) == 0)
            return strtoull(at + sizeof name, NULL, 10);
    return 0;
}

static bool is_good(const char *head) {
    return strncmp(head, "HTTP/1.1 2", 10) == 0;
}

static int refused(const char *answer, tr_error_t *error) {
    return tr_error_set(error, -EPROTO, "the gateway answers %.60s", answer);
}

/* ---- the flood ---- */

typedef struct connection {
    int fd;
    int64_t asked_ns;
    size_t len;
    char bytes[ANSWER_MAX + 1];
} connection_t;

typedef struct flood {
    const tr_bench_ask_t *ask;
    connection_t *all;
    uint32_t n;
    int epoll;
    uint64_t warm, count, done, asked;
    uint32_t *ns;
    int64_t first_ns;
} flood_t;

static int ask_again(flood_t *f, connection_t *c, tr_error_t *error) {
    if (f->asked == f->warm + f->count)
        return 0;
    f->asked++;
    c->len = 0;
    c->asked_ns = tr_clock_ns();
    return write_all(c->fd, f->ask->text, f->ask->len, error);
}

static void count_one(flood_t *f, const connection_t *c) {
    int64_t now = tr_clock_ns(), took = now - c->asked_ns;
    if (f->done >= f->warm)
        f->ns[f->done - f->warm] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
    f->done++;
    if (f->done == f->warm)
        f->first_ns = now;
}

/* What has come of an answer; where that is whole, the next question. */
static int read_some(flood_t *f, connection_t *c, tr_error_t *error) {
    ssize_t n = recv(c->fd, c->bytes + c->len, ANSWER_MAX - c->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return tr_error_set(error, -EIO, "the gateway has ended a connection");
    c->len += (size_t)n;
    c->bytes[c->len] = '\0';
    size_t head = head_length(c->bytes, c->len);
    size_t whole = head ? head + content_length(c->bytes, head) : 0;
    if (whole > ANSWER_MAX)
        return tr_error_set(error, -EPROTO, "an answer is longer than %d bytes", ANSWER_MAX);
    if (!head || c->len < whole)
        return 0;
    if (!is_good(c->bytes))
        return refused(c->bytes, error);
    count_one(f, c);
    return ask_again(f, c, error);
}

static int open_all(flood_t *f, const char *place, tr_error_t *error) {
    for (uint32_t i = 0; i < f->n; i++) {
        connection_t *c = &f->all[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if ((c->fd = connect_to(place, error)) < 0)
            return c->fd;
        if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
            return tr_error_set(error, -errno, "epoll: %s", strerror(errno));
    }
    int rc = 0;
    for (uint32_t i = 0; i < f->n && rc == 0; i++)
        rc = ask_again(f, &f->all[i], error);
    return rc;
}

static int run_flood(flood_t *f, tr_error_t *error) {
    struct epoll_event events[256];
    int rc = 0;
    while (rc == 0 && f->done < f->warm + f->count) {
        int n = epoll_wait(f->epoll, events, 256, TR_BENCH_SILENT_MS);
        if (n == 0)
            return tr_error_set(
                error, -ETIMEDOUT, "the gateway has not answered for %d s", TR_BENCH_SILENT_MS / 1000);
        for (int i = 0; i < n && rc == 0; i++)
            rc = read_some(f, events[i].data.ptr, error);
    }
    return rc;
}

int tr_bench_http_flood(const char *place, const tr_bench_ask_t *ask, uint32_t connections, uint64_t warm,
    uint64_t count, uint32_t *ns, int64_t *ret_first_ns, int64_t *ret_last_ns, tr_error_t *error) {
    flood_t f = {.ask = ask,
        .n = connections,
        .warm = warm,
        .count = count,
        .ns = ns,
        .all = calloc(connections + 1, sizeof(connection_t)),
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .first_ns = tr_clock_ns()};
    int rc = f.all && f.epoll >= 0 ? open_all(&f, place, error)
                                   : tr_error_set(error, -ENOMEM, "out of memory or file descriptors");
    if (rc == 0)
        rc = run_flood(&f, error);
    *ret_first_ns = f.first_ns;
    *ret_last_ns = tr_clock_ns();
    for (uint32_t i = 0; f.all && i < connections; i++)
        if (f.all[i].fd > 0)
            close(f.all[i].fd);
    if (f.epoll >= 0)
        close(f.epoll);
    free(f.all);
    return rc;
}

/* ---- one answer ---- */

static int read_all(int fd, char **ret_bytes, size_t *ret_len, tr_error_t *error) {
    size_t len = 0, room = 1 << 16;
    char *bytes = malloc(room + 1);
    ssize_t n = bytes ? 1 : 0;
    while (bytes && (n = recv(fd, bytes + len, room - len, 0)) > 0)
        if ((len += (size_t)n) == room) {
            char *grown = realloc(bytes, (room *= 2) + 1);
            if (!grown)
                break;
            bytes = grown;
        }
    if (!bytes || n != 0) {
        free(bytes);
        return tr_error_set(error, -EIO, "an answer did not come as a whole");
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

int tr_bench_http_get(
    const char *place, const char *path, bool gzip, char **ret_body, size_t *ret_len, tr_error_t *error) {
    char ask[HEAD_MAX], *bytes = NULL;
    size_t len = 0;
    int n = snprintf(ask, sizeof ask, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", path,
        place, gzip ? "Accept-Encoding: gzip\r\n" : "");
    int fd = connect_to(place, error);
    int rc = fd < 0 ? fd : write_all(fd, ask, (size_t)n, error);
    if (rc == 0)
        rc = read_all(fd, &bytes, &len, error);
    if (fd >= 0)
        close(fd);
    size_t head = rc == 0 ? head_length(bytes, len) : 0;
    if (rc == 0 && (!head || !is_good(bytes)))
        rc = refused(bytes, error);
    if (rc == 0) {
        memmove(bytes, bytes + head, len - head + 1);
        *ret_body = bytes;
        *ret_len = len - head;
    } else {
        free(bytes);
    }
    return rc;
}

/* ---- WebSockets (RFC 6455) ---- */

static int take(int fd, void *out, size_t len, tr_error_t *error) {
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, (char *)out + got, len - got, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return tr_error_set(error, -EIO, "a WebSocket has ended, or is silent");
        got += (size_t)n;
    }
    return 0;
}

/* Byte by byte: what comes behind the head is the first message. */
static int take_head(int fd, char head[HEAD_MAX], tr_error_t *error) {
    for (size_t len = 0; len < HEAD_MAX - 1; len++) {
        int rc = take(fd, head + len, 1, error);
        if (rc < 0)
            return rc;
        head[len + 1] = '\0';
        if (len >= 3 && memcmp(head + len - 3, "\r\n\r\n", 4) == 0)
            return strncmp(head, "HTTP/1.1 101", 12) == 0 ? 0 : refused(head, error);
    }
    return tr_error_set(error, -EPROTO, "the head of an answer does not end");
}

int tr_bench_socket_open(const char *place, const char *token, const char *topic, tr_error_t *error) {
    char ask[HEAD_MAX], head[HEAD_MAX];
    int n = snprintf(ask, sizeof ask,
        "GET /api/v1/ws?topics=%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        topic, place, token);
    int fd = connect_to(place, error);
    int rc = fd < 0 ? fd : write_all(fd, ask, (size_t)n, error);
    if (rc == 0)
        rc = take_head(fd, head, error);
    if (rc == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Frames of a server are not masked. What is no text (a ping) is passed over: a run is shorter than the gateway's patience. */
int tr_bench_socket_next(int fd, char *out, size_t size, tr_error_t *error) {
    uint8_t head[2], more[2];
    for (;;) {
        int rc = take(fd, head, 2, error);
        size_t len = head[1] & 127;
        if (rc == 0 && len == 126) {
            rc = take(fd, more, 2, error);
            len = (size_t)more[0] << 8 | more[1];
        }
        if (rc == 0 && (len == 127 || len >= size))
            rc = tr_error_set(error, -EPROTO, "a message of a WebSocket is longer than %zu bytes", size);
        if (rc == 0)
            rc = take(fd, out, len, error);
        if (rc < 0)
            return rc;
        out[len] = '\0';
        if ((head[0] & 15) == 1)
            return 0;
    }
}
