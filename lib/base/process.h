/*
 * What a daemon does with its own process at start: limits, signals, parent, memory.
 *
 * Call these from main's thread before other threads are started: signal masks are inherited, malloc's
 * settings do not reach back.
 */
#ifndef TR_BASE_PROCESS_H
#define TR_BASE_PROCESS_H

#include "lib/base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Raises the soft limit of open files to `wanted` (and the hard limit where the process may). 0; or -EPERM
 * with a text that says what it is, what is needed and how to raise it: whether that is an error or a warning
 * is the caller's choice, as the soft limit was raised as far as it goes. `ret_have` (may be NULL) is the
 * limit now; it is set on -EPERM too. */
int tr_process_need_files(size_t wanted, size_t *ret_have, tr_error_t *error);

/* Blocks SIGTERM, SIGINT and SIGHUP in this thread (and in those it will start) and gives a signalfd for them
 * (close-on-exec, does not block), for a poll loop. The caller closes it. Negative errno on failure. */
int tr_process_signals(int *ret_fd, tr_error_t *error);
/* The next signal's number from that fd, 0 when there is none, negative errno. */
int tr_process_next_signal(int fd);
/* In a child, between fork and exec: gives back the default mask and handlers that the functions here
 * changed. Async-signal-safe. */
void tr_process_reset_signals(void);

/* A peer that closes is an EPIPE, not an end. */
void tr_process_ignore_sigpipe(void);

/* Asks for `signal` when the parent ends. `parent` is the parent's pid as the child knows it (from before the
 * fork, or from the command line); -ESRCH when the parent is already another: then the caller should end. 0
 * for `parent` skips that check. The kernel means the THREAD that forked: fork from one that lives as long as
 * the process. Not kept over exec of a set-uid program. */
int tr_process_die_with(pid_t parent, int signal, tr_error_t *error);

/* Caps malloc at one arena (each further thread's arena costs up to 132 KiB private at once, and 64 MiB of
 * address space) and lets it give memory back early, what is free at the heap's end and more than kept_bytes. For daemons
 * of few threads that allocate little on their hot path; threads that allocate much wait for each other. */
void tr_process_small_heap(size_t kept_bytes);

/* The path of this process's program, also of one that is being built. 0 or negative errno, and then `out` is "". No allocation; any thread. */
int tr_process_program(char *out, size_t size);
/* The directory that it is in, without a slash at its end. */
int tr_process_directory(char *out, size_t size);

typedef struct tr_process_memory {
    size_t rss_bytes;  /* VmRSS */
    size_t anon_bytes; /* RssAnon: private memory */
    size_t peak_bytes; /* VmHWM */
} tr_process_memory_t;

/* Of this process, from /proc/self/status. 0, negative errno where it cannot be read. No allocation; any
 * thread. */
int tr_process_memory(tr_process_memory_t *ret_memory);

#endif
