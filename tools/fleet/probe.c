#include "tools/fleet/probe.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8

/* A pipe whose end to read from does not block. */
static int open_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static void close_pipe(int ends[2]) {
    close(ends[0]);
    close(ends[1]);
}

static int start(tr_probe_t *probe, int64_t timeout_ms) {
    int ready[2], out[2];
    char path[32];
    int rc = open_pipe(ready);
    if (rc < 0)
        return rc;
    rc = open_pipe(out);
    if (rc < 0) {
        close_pipe(ready);
        return rc;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", out[1]);
    probe->start.log = path;
    probe->start.ready_fd = ready[1];
    probe->start.die_with_parent = true;
    rc = tr_child_start(&probe->start, &probe->pid, &probe->error);
    probe->start.log = NULL;
    close(ready[1]);
    close(out[1]);
    probe->process = rc == 0 ? pidfd_open(probe->pid, 0) : -1;
    probe->ready = ready[0];
    probe->out = out[0];
    probe->until_ms = tr_clock_ms() + timeout_ms;
    if (rc == 0)
        return 0;
    close(ready[0]);
    close(out[0]);
    probe->pid = 0;
    return 0; /* its error says why */
}

/* What fits of what is there; a writer that is still there does not matter. */
static void read_text(int fd, char out[TR_PROBE_TEXT]) {
    size_t len = 0;
    while (len < TR_PROBE_TEXT - 1) {
        ssize_t n = read(fd, out + len, TR_PROBE_TEXT - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    while (len > 0 && out[len - 1] == '\n')
        len--;
    out[len] = '\0';
}

/* Its whole group, as what it has started is not needed any more. */
static void finish(tr_probe_t *probe) {
    kill(-probe->pid, SIGKILL);
    while (waitpid(probe->pid, &probe->status, 0) < 0 && errno == EINTR)
        continue;
    read_text(probe->ready, probe->said);
    read_text(probe->out, probe->printed);
    close(probe->ready);
    close(probe->out);
    if (probe->process >= 0)
        close(probe->process);
    probe->pid = 0;
}

/* Waits for the first end; finishes what has ended or is late. Returns how many. */
static size_t finish_some(tr_probe_t *const *running, size_t count) {
    struct pollfd polls[AT_ONCE];
    size_t finished = 0;
    int64_t now = tr_clock_ms(), until = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        polls[i] = (struct pollfd){running[i]->process, POLLIN, 0};
        until = running[i]->until_ms < until ? running[i]->until_ms : until;
    }
    poll(polls, count, until > now ? (int)(until - now) : 0);
    now = tr_clock_ms();
    for (size_t i = 0; i < count; i++) {
        bool ended = polls[i].revents != 0 || running[i]->process < 0;
        running[i]->late = !ended && now >= running[i]->until_ms;
        if (!ended && !running[i]->late)
            continue;
        finish(running[i]);
        finished++;
    }
    return finished;
}

int tr_probes_run(tr_probe_t *probes, size_t count, int64_t timeout_ms) {
    tr_probe_t *running[AT_ONCE];
    size_t next = 0, n = 0;
    int rc = 0;
    while (n > 0 || (next < count && rc == 0)) {
        while (n < AT_ONCE && next < count && rc == 0) {
            rc = start(&probes[next], timeout_ms);
            if (rc == 0 && probes[next].pid > 0)
                running[n++] = &probes[next];
            next++;
        }
        if (n > 0)
            finish_some(running, n);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            if (running[i]->pid > 0)
                running[kept++] = running[i];
        }
        n = kept;
    }
    return rc;
}
