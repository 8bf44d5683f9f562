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

/* Room to wait for one more than there are. It never shrinks: what was ready is read from there while callbacks
 * watch and unwatch. */
static int reserve_polls(tr_host_t *host) {
    size_t n = POLL_WATCHED + host->watched_n + 1;
    if (n <= host->polls_cap)
        return 0;
    struct pollfd *grown = realloc(host->polls, n * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    host->polls = grown;
    host->polls_cap = n;
    return 0;
}

static int reserve(tr_host_t *host) {
    tr_watched_t *grown = realloc(host->watched, (host->watched_n + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    host->watched = grown;
    return reserve_polls(host);
}

/* of: 1, or -1. */
static void count(const tr_agent_t *agent, int of) {
    uint32_t *counter = tr_under_way(agent);
    if (counter)
        *counter += (uint32_t)of;
}

int tr_watch_init(tr_host_t *host) {
    return reserve_polls(host);
}

int tr_watch(tr_agent_t *self, int fd, short events, tr_watch_fn fn, void *arg) {
    tr_host_t *host = self->hosted->host;
    tr_watched_t *w = find(host, fd);
    if (!events) {
        if (!w)
            return 0;
        count(w->agent, -1);
        *w = host->watched[--host->watched_n];
        return 0;
    }
    if (!w) {
        if (reserve(host) < 0)
            return -ENOMEM;
        w = &host->watched[host->watched_n++];
    } else {
        count(w->agent, -1);
    }
    count(self, 1);
    *w = (tr_watched_t){.agent = self, .fn = fn, .arg = arg, .fd = fd, .events = events};
    return 0;
}

void tr_watch_forget(tr_host_t *host, const tr_agent_t *agent) {
    for (size_t i = host->watched_n; i-- > 0;) {
        if (host->watched[i].agent != agent)
            continue;
        count(agent, -1);
        host->watched[i] = host->watched[--host->watched_n];
    }
}

nfds_t tr_watch_polls(tr_host_t *host) {
    struct pollfd *polls = host->polls;
    polls[POLL_LINK] = (struct pollfd){.fd = tr_link_fd(host->link), .events = POLLIN};
    polls[POLL_WAKE] = (struct pollfd){.fd = host->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < host->watched_n; i++)
        polls[POLL_WATCHED + i] =
            (struct pollfd){.fd = host->watched[i].fd, .events = host->watched[i].events};
    return POLL_WATCHED + host->watched_n;
}

/* Callbacks may watch and unwatch, so each ready descriptor is looked up again. */
bool tr_watch_run(tr_host_t *host, size_t ready_from) {
    size_t n = host->watched_n;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        struct pollfd p = host->polls[ready_from + i];
        tr_watched_t *w = p.revents ? find(host, p.fd) : NULL;
        if (!w)
            continue;
        bool before = tr_host_calls(host, w->agent);
        w->fn(w->agent, tr_agent_state(w->agent), p.fd, p.revents, w->arg);
        tr_host_called(host, before);
        any = true;
    }
    return any;
}
