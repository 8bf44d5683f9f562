/* The inside of troupe-sandbox: options, the room (namespaces and mounts), the limits, and the filter of system calls. One process, one thread. */
#ifndef TR_TOOL_SANDBOX_SANDBOX_H
#define TR_TOOL_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TR_SANDBOX_NOT_BUILT   125
#define TR_SANDBOX_PATHS_MAX   32
#define TR_SANDBOX_SERVERS_MAX 8

typedef struct tr_sandbox_server {
    int family;
    unsigned char bytes[16];
} tr_sandbox_server_t;

typedef struct tr_sandbox {
    char **command;                         /* NULL at the end */
    const char *read[TR_SANDBOX_PATHS_MAX]; /* absolute */
    size_t read_count;
    const char *write; /* absolute, the working directory; NULL = /tmp is */
    bool network;
    bool private; /* with it: all of the host's network, and not the public internet alone (gate.c) */
    bool spawns;  /* the program may run others */
    tr_sandbox_server_t servers[TR_SANDBOX_SERVERS_MAX]; /* of names */
    size_t server_count;
    uint64_t cpu_s, memory, file_size, processes;
    int host_proc; /* /proc as it is outside, for the first process alone; -1 */
    bool has_proc; /* the room has one of its own */
    bool is_root;  /* outside: the kernel does not count its processes */
} tr_sandbox_t;

/* 0, or negative after a line on stderr. */
int tr_sandbox_read(int argc, char *argv[], tr_sandbox_t *ret_sandbox);
/* The exit code. */
int tr_sandbox_run(tr_sandbox_t *self);

/* Each returns 0, or negative after a line on stderr that says what, and the cure where there is one. */
int tr_sandbox_say(const char *what, int error);
/* room.c: the namespaces, but that of processes holds for children only; then, in the first of them, the file system. */
int tr_sandbox_leave(tr_sandbox_t *self);
int tr_sandbox_furnish(tr_sandbox_t *self);
/* limits.c: no way back from any of it. */
int tr_sandbox_limit(const tr_sandbox_t *self);
/* filter.c. But for `spawns` one thing alone can be executed from now on: what stands at the very address `program`. */
/* Of a program that has the public internet alone its gate is handed over by `by`, else nothing is. */
int tr_sandbox_filter(const tr_sandbox_t *self, const char *program, int by);
static inline bool tr_sandbox_has_gate(const tr_sandbox_t *self) {
    return self->network && !self->private;
}
/* gate.c. The host's resolv.conf, as the room has it. */
int tr_sandbox_read_names(tr_sandbox_t *self, const char *from, const char *to);
/* A descriptor of the calls that wait, from the program to the first process; -1 where none came. */
int tr_sandbox_send_gate(int by, int gate);
int tr_sandbox_take_gate(int by);
/* One of the calls that wait at the gate. */
void tr_sandbox_gate(const tr_sandbox_t *self, int gate);
/* watch.c: ends of children are told by this descriptor from now on (negative after a line on stderr), and, in a child, are its own again. */
int tr_sandbox_watch_ends(void);
void tr_sandbox_unwatch_ends(void);
/* Until the program has ended, or all of the room holds too much memory or has too many processes: then its status is that it was killed, after a line on stderr. Calls at the gate (-1 = there is
 * none) are answered meanwhile. 0, or negative: there is no such child. */
int tr_sandbox_wait(const tr_sandbox_t *self, pid_t program, int ends, int gate, int *ret_status);

#endif
