/*
 * Other processes for the tests in C: a program that is started, read line by line, signalled, and ended.
 *
 * Every child dies with the test (PR_SET_PDEATHSIG), even with one that is killed. Nothing here waits for a
 * time: each function waits for its condition and fails the test, with what it waited for, when the condition
 * has not come after PROCESS_PATIENCE_MS. Ports are the kernel's choice.
 */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_PATIENCE_MS                                                                                  \
    30000 /* for a slow machine under a sanitizer; nothing waits so long when all is well */

typedef struct process {
    pid_t pid; /* 0 = none, or ended and waited for */
    int in;    /* its stdin, -1 = closed */
    int out;   /* its stdout, or what it writes to --ready-fd */
    size_t have;
    char buffer[4096]; /* of what it wrote, not handed out yet */
} process_t;

/* Starts argv[0] with pipes to its stdin and from its stdout; stderr is the test's. */
void process_start(process_t *self, const char *const argv[]);
/* The same, and `out` is a pipe whose number is put in place of the argument "@FD" (for --ready-fd); stdin and
 * stdout are /dev/null. */
void process_start_ready(process_t *self, const char *const argv[]);
/* The next line, without its end, in `line`; false at the end of its output. Fails the test after the patience. */
bool process_line(process_t *self, char *line, size_t size);
/* The same when a line is there already; false otherwise. */
bool process_line_now(process_t *self, char *line, size_t size);
/* The next line must be this one. */
void process_expect(process_t *self, const char *line);
/* Writes text and a line's end to its stdin. */
void process_tell(process_t *self, const char *text);
void process_signal(const process_t *self, int signal);
/* Waits until a SIGSTOP has taken hold of all of its threads. */
void process_stop(const process_t *self);
void process_continue(const process_t *self);
/* Waits for its end: the exit code, or 128 + the signal that ended it. */
int process_wait(process_t *self);
/* kill -9, and waits. */
void process_kill(process_t *self);
/* Whatever state it is in: ends it for good. For teardown; fails nothing. */
void process_finish(process_t *self);
/* KiB from /proc/PID/status: "VmRSS", "RssAnon", "VmHWM". */
long process_memory_kb(const process_t *self, const char *field);

/* A broker on ports of the kernel's choice; the program's path is in TROUPE_BROKER. */
typedef struct broker {
    process_t process;
    char endpoint[256];
    char stream[256];
    const char *const *options; /* borrowed, NULL-terminated, may be NULL: for each start */
} broker_t;

/* `listen` NULL = TCP on loopback. */
void broker_start(broker_t *self, const char *listen, const char *const *options);
/* Again at the same addresses, after it has ended. */
void broker_restart(broker_t *self);
/* SIGTERM; its exit code must be 0. */
void broker_end(broker_t *self);

#endif
