#include "tools/cli/reach.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Waits for a connection that was begun. 0 or negative errno. */
static int wait_connected(int fd, int64_t until_ms, int interrupt_fd) {
    struct pollfd polls[] = {{.fd = fd, .events = POLLOUT}, {.fd = interrupt_fd, .events = POLLIN}};
    for (;;) {
        int64_t left = until_ms - tr_clock_ms();
        int n = poll(polls, 2, left > 0 ? (int)left : 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -ETIMEDOUT;
        if (n > 0 && polls[1].revents)
            return -EINTR;
        if (n > 0)
            break;
    }
    int problem = 0;
    socklen_t size = sizeof problem;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0)
        return -errno;
    return -problem;
}

static int try_address(
    int family, const struct sockaddr *address, socklen_t len, int64_t until_ms, int interrupt_fd) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = connect(fd, address, len) == 0 ? 0 : -errno;
    if (rc == -EINPROGRESS)
        rc = wait_connected(fd, until_ms, interrupt_fd);
    close(fd);
    return rc;
}

static int reach_ipc(const char *path, int64_t until_ms, int interrupt_fd) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof address.sun_path)
        return -EINVAL;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') /* abstract: a NUL in front and none behind */
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '@' ? 0 : 1));
    return try_address(AF_UNIX, (const struct sockaddr *)&address, size, until_ms, interrupt_fd);
}

/* Splits "HOST:PORT" or "[HOST]:PORT". */
static bool split(const char *text, char *host, size_t size, const char **ret_port) {
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (!colon || !colon[1] || len == 0 || len >= size)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    *ret_port = colon + 1;
    return true;
}

static int reach_tcp(const char *place, int64_t until_ms, int interrupt_fd) {
    char host[256];
    const char *port;
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
    if (!split(place, host, sizeof host, &port))
        return -EINVAL;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -ENOENT;
    int rc = -ENOENT;
    for (const struct addrinfo *a = found; a && rc < 0 && rc != -EINTR; a = a->ai_next)
        rc = try_address(a->ai_family, a->ai_addr, a->ai_addrlen, until_ms, interrupt_fd);
    freeaddrinfo(found);
    return rc;
}

static const char *reason(int rc, bool tcp) {
    switch (rc) {
    case -EINVAL: return "not an endpoint: expected tcp://HOST:PORT or ipc://PATH";
    case -ENOENT:
        return tcp ? "no such host or port is known" : "there is no such socket; is the broker running?";
    case -ECONNREFUSED: return "connection refused: no broker listens there; is it running?";
    case -ETIMEDOUT: return "nothing answers there: a firewall, or a wrong address";
    case -EINTR: return "interrupted";
    default: return strerror(-rc);
    }
}

int tr_reach(const char *endpoint, int64_t timeout_ms, int interrupt_fd, tr_error_t *error) {
    int64_t until_ms = tr_clock_ms() + timeout_ms;
    bool tcp = strncmp(endpoint, "tcp://", 6) == 0, ipc = strncmp(endpoint, "ipc://", 6) == 0;
    int rc;
    if (!tcp && !ipc)
        rc = -EINVAL;
    else if (strchr(endpoint, ';')) /* tcp://SOURCE;HOST:PORT: for libzmq to judge */
        rc = 0;
    else
        rc = tcp ? reach_tcp(endpoint + 6, until_ms, interrupt_fd)
                 : reach_ipc(endpoint + 6, until_ms, interrupt_fd);
    return rc == 0 ? 0 : tr_error_set(error, rc, "%.255s: %s", endpoint, reason(rc, tcp));
}
