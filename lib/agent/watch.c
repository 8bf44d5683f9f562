/* File descriptors that behaviours watch in the host's loop. */
#include "lib/agent/host_private.h"

#include <errno.h>
#include <stdlib.h>

enum { POLL_LINK, POLL_WAKE, POLL_WATCHED };

static tr_watched_t *find(tr_host_t *host, int fd) {
    for (size_t i = 0; i < host->watched_n; i++)
        if (host->watched[i].fd == fd)
            return &host->watched[i];
    return NULL;
}

int tr_watch(tr_agent_t *self, int fd, short events, tr_watch_fn fn, void *arg) {
    tr_host_t *host = self->hosted->host;
    tr_watched_t *w = find(host, fd);
    if (!events) {
        if (w)
            *w = host->watched[--host->watched_n];
        return 0;
    }
    if (!w) {
        tr_watched_t *grown = realloc(host->watched, (host->watched_n + 1) * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        host->watched = grown;
        w = &grown[host->watched_n++];
    }
    *w = (tr_watched_t){.agent = self, .fn = fn, .arg = arg, .fd = fd, .events = events};
    return 0;
}

void tr_watch_forget(tr_host_t *host, const tr_agent_t *agent) {
    for (size_t i = host->watched_n; i-- > 0;)
        if (host->watched[i].agent == agent)
            host->watched[i] = host->watched[--host->watched_n];
}

int tr_watch_polls(tr_host_t *host, size_t *ret_count) {
    size_t n = POLL_WATCHED + host->watched_n;
    struct pollfd *polls = realloc(host->polls, n * sizeof *polls);
    if (!polls)
        return -ENOMEM;
    host->polls = polls;
    polls[POLL_LINK] = (struct pollfd){.fd = tr_link_fd(host->link), .events = POLLIN};
    polls[POLL_WAKE] = (struct pollfd){.fd = host->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < host->watched_n; i++)
        polls[POLL_WATCHED + i] =
            (struct pollfd){.fd = host->watched[i].fd, .events = host->watched[i].events};
    *ret_count = n;
    return 0;
}

/* Callbacks may watch and unwatch, so each ready descriptor is looked up again. */
void tr_watch_run(tr_host_t *host, size_t ready_from) {
    size_t n = host->watched_n;
    for (size_t i = 0; i < n; i++) {
        struct pollfd p = host->polls[ready_from + i];
        tr_watched_t *w = p.revents ? find(host, p.fd) : NULL;
        if (!w)
            continue;
        atomic_store(&host->running, w->agent);
        atomic_fetch_add_explicit(&host->steps, 1, memory_order_relaxed);
        w->fn(w->agent, tr_agent_state(w->agent), p.fd, p.revents, w->arg);
    }
}
