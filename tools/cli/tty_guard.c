#include "tools/cli/tty_guard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec of a process that may have threads: only what is safe in a signal handler. `fd` tells 'e' = entered, 'l' = left; its end without 'l' means
 * that the other process is gone. */
static void guard(int fd, int in, int out, const char *leave, const struct termios *saved) {
    char last = 0, c;
    ssize_t n;
    while ((n = read(fd, &c, 1)) > 0 || (n < 0 && errno == EINTR))
        last = n > 0 ? c : last;
    if (last == 'e') {
        n = write(out, leave, strlen(leave));
        tcsetattr(in, TCSAFLUSH, saved);
    }
    _exit(0);
}

int tr_tty_guard_start(
    tr_tty_guard_t *self, int in, int out, const char *leave, const struct termios *saved) {
    int ends[2];
    sigset_t all, before;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    /* The child takes none from its first moment on: Ctrl-C is for all in the foreground, and in the background there is SIGTTOU. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        guard(ends[0], in, out, leave, saved);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return -EAGAIN;
    }
    *self = (tr_tty_guard_t){.pid = pid, .fd = ends[1]};
    return 0;
}

static void tell(tr_tty_guard_t *self, char what) {
    ssize_t n = self->pid > 0 ? send(self->fd, &what, 1, MSG_NOSIGNAL) : 0;
    (void)n; /* the child is gone: then there is no second try */
}

void tr_tty_guard_entered(tr_tty_guard_t *self) {
    tell(self, 'e');
}

void tr_tty_guard_left(tr_tty_guard_t *self) {
    tell(self, 'l');
}

void tr_tty_guard_stop(tr_tty_guard_t *self) {
    if (self->pid <= 0)
        return;
    close(self->fd);
    waitpid(self->pid, NULL, 0);
    self->pid = 0;
}
