#include "lib/tool/child_watch.h"

#include <sys/epoll.h>

void tr_child_unwatch(tr_child_watch_t *self) {
    for (size_t i = 0; i < self->count; i++)
        tr_llm_loop_watch(self->loop, self->fds[i], 0, NULL, NULL); /* ending one does not fail, ignoring */
    self->count = 0;
}

void tr_child_watch(tr_child_watch_t *self, const tr_child_t *child) {
    struct pollfd fds[TR_CHILD_FDS];
    tr_child_unwatch(self);
    size_t n = tr_child_polls(child, true, fds);
    for (size_t i = 0; i < n; i++) {
        uint32_t events = (fds[i].events & POLLIN ? EPOLLIN : 0u) | (fds[i].events & POLLOUT ? EPOLLOUT : 0u);
        if (events && tr_llm_loop_watch(self->loop, fds[i].fd, events, self->on_ready, self->arg) == 0)
            self->fds[self->count++] = fds[i].fd;
    }
}
