#include "tools/fleet/running.h"

#include "lib/base/clock.h"
#include "tools/fleet/state.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

int tr_running_open(tr_running_t *self, pid_t pid, uint64_t start_time) {
    self->fd = pidfd_open(pid, 0);
    if (self->fd < 0)
        return errno == ESRCH ? 0 : -errno;
    /* Only now is it certain that both speak of the same process. */
    if (tr_state_start_time(pid) != start_time)
        tr_running_close(self);
    return 0;
}

void tr_running_close(tr_running_t *self) {
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

void tr_running_signal(const tr_running_t *self, int number) {
    if (self->fd >= 0)
        pidfd_send_signal(self->fd, number, NULL, 0); /* it may just have ended, ignoring */
}

bool tr_running_wait(const tr_running_t *self, int64_t timeout_ms) {
    int64_t until_ms = tr_clock_ms() + timeout_ms;
    while (self->fd >= 0) {
        int64_t left = until_ms - tr_clock_ms();
        struct pollfd poll_fd = {.fd = self->fd, .events = POLLIN};
        int n = poll(&poll_fd, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return true;
        if (left <= 0)
            return false;
    }
    return true;
}
