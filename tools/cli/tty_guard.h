/*
 * Gives a terminal back that this process had changed and could not give back itself, since it was killed or has crashed: a small child that waits for its
 * end (signal handlers would need a global).
 */
#ifndef TR_TOOLS_TTY_GUARD_H
#define TR_TOOLS_TTY_GUARD_H

#include <sys/types.h>
#include <termios.h>

typedef struct tr_tty_guard {
    pid_t pid; /* 0 = none */
    int fd;
} tr_tty_guard_t;

/* Starts the child; call it before there are threads or connections, which it would share. `leave` is what it then writes to the terminal, `saved` the mode that
 * it sets; both are the child's own copies. 0 or negative errno. */
int tr_tty_guard_start(tr_tty_guard_t *self, int in, int out, const char *leave, const struct termios *saved);
/* The terminal is changed from now on, and it is as it was. */
void tr_tty_guard_entered(tr_tty_guard_t *self);
void tr_tty_guard_left(tr_tty_guard_t *self);
/* Ends the child; of one that is all zero: nothing. */
void tr_tty_guard_stop(tr_tty_guard_t *self);

#endif
