#include "broker/shell/connection.h"

#include <sys/socket.h>

static uint64_t cookie_of(int fd) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

tr_connection_t tr_connection_of(int fd) {
    return (tr_connection_t){fd, cookie_of(fd)};
}

bool tr_connection_lives(const tr_connection_t *self) {
    return self->cookie && cookie_of(self->fd) == self->cookie;
}

void tr_connection_cut(const tr_connection_t *self) {
    if (tr_connection_lives(self))
        shutdown(self->fd, SHUT_RDWR);
}
