/*
 * The processes of a measurement. Each is a child of the bench, pinned as the case says, killed when the
 * bench ends for whatever reason, and reaped by its pid.
 *
 * A role is a function that runs in a fork and reports by fixed-size notes through a pipe; a program is what
 * exec starts, and may write a line to its ready-fd.
 */
#ifndef TR_TOOLS_BENCH_CHILD_H
#define TR_TOOLS_BENCH_CHILD_H

#include "lib/base/process.h"
#include "tools/bench/bench.h"
#include "tools/fleet/programs.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/types.h>

typedef enum tr_bench_word {
    TR_BENCH_READY,
    TR_BENCH_DONE,
    TR_BENCH_FAILED,
    TR_BENCH_WORDS,
} tr_bench_word_t;

/* What a role tells. Smaller than PIPE_BUF, so that a write is whole. */
typedef struct tr_bench_note {
    tr_bench_word_t word;
    uint64_t number; /* READY: a route */
    uint64_t count;  /* DONE: what came since first_ns */
    uint64_t missed; /* DONE: gaps, failures */
    int64_t first_ns, last_ns;
    double p50_us, p99_us;
    char text[480]; /* READY: an endpoint; FAILED: why */
} tr_bench_note_t;

/* Memory that all forks share: what is too frequent for pipes. Zeroed before each run. */
typedef struct tr_bench_shared {
    _Atomic bool go;
    struct {
        _Alignas(64) _Atomic uint64_t count;
    } seen[TR_BENCH_SUBS_MAX];
} tr_bench_shared_t;

/* Of what a role sends of itself, as the host's options of these names; 0 = none. */
typedef struct tr_bench_tracing {
    uint32_t one_in, per_second;
} tr_bench_tracing_t;

/* What a role needs to know. */
typedef struct tr_bench_task {
    char endpoint[192]; /* to bind or connect to */
    char from[192];     /* the same for a sender, where that is another one; "" = it is not */
    char stream[192];
    char to[96]; /* its peer's name; or a file */
    uint64_t route;
    size_t size;
    uint64_t count; /* measured ones */
    uint64_t warm;  /* before them, not measured: caches, buffers and routes are then as they stay */
    uint32_t agents;
    uint32_t index; /* among those with the same role */
    tr_bench_tracing_t tracing;
    tr_bench_shared_t *shared;
    int out; /* of the pipe; set by tr_bench_fork */
} tr_bench_task_t;

/* 0 when its work is done; negative with a text: told as TR_BENCH_FAILED. */
typedef int (*tr_bench_role_fn)(const tr_bench_task_t *task, tr_error_t *error);

typedef struct tr_bench_child {
    const char *what; /* for errors: "the echo" */
    pid_t pid;        /* 0 = reaped */
    int in;           /* of the pipe, -1 = none */
    bool program;
    bool ends;         /* a program that does one thing and ends */
    size_t peak_bytes; /* of a program that has ended: its largest resident memory */
    bool said[TR_BENCH_WORDS];
    tr_bench_note_t notes[TR_BENCH_WORDS];
    char line[512]; /* of a program's ready-fd */
} tr_bench_child_t;

struct tr_bench {
    char directory[64]; /* for ipc sockets and logs; ends with the bench */
    tr_programs_t programs;
    int signals; /* signalfd */
    bool interrupted;
    const char
        *conninfo;   /* a file: where the coordinator has a database in place of its file; borrowed, NULL */
    bool curve;      /* our side has certificates (curve.h) */
    bool certified;  /* they are made */
    unsigned serial; /* names sockets */
    uint64_t work;   /* messages or cycles of this run, warm-up included; 0 = none are counted */
    int64_t cpu_us;  /* that its children had used when they ended */
    tr_bench_shared_t *shared;
    tr_bench_child_t **children;
    size_t children_n;
};

/* A tenth as many to warm up. */
tr_bench_task_t tr_bench_task(tr_bench_t *bench, const tr_bench_case_t *c, uint64_t count);

/* "0", "0,2-3" or "free" (then *ret_any is false). 0 or -EINVAL with a text. */
int tr_bench_cpus(const char *pin, cpu_set_t *ret_cpus, bool *ret_any, tr_error_t *error);

/* A fork that runs role. The child stays the bench's; it lives until tr_bench_stop_all. */
int tr_bench_fork(tr_bench_t *bench, const tr_bench_case_t *c, const char *what, tr_bench_role_fn role,
    const tr_bench_task_t *task, tr_bench_child_t **ret_child, tr_error_t *error);
/* The program `path`; `argv` is ended by NULL. With `ready` it writes a line to TR_BENCH_READY_FD. Its stderr
 * goes to a log, whose last line an error quotes. */
int tr_bench_exec(tr_bench_t *bench, const tr_bench_case_t *c, const char *path, const char *const *argv,
    bool ready, tr_bench_child_t **ret_child, tr_error_t *error);
#define TR_BENCH_READY_FD 3

/* Waits for a note. Fails when the time is over, when any child has failed, or the user interrupts. */
int tr_bench_hear(tr_bench_t *bench, tr_bench_child_t *child, tr_bench_word_t word, int64_t timeout_ms,
    tr_bench_note_t *ret_note, tr_error_t *error);
/* Waits for the line of a program, which is then in child->line. */
int tr_bench_hear_line(tr_bench_t *bench, tr_bench_child_t *child, int64_t timeout_ms, tr_error_t *error);
/* A program that does one thing and ends, with 0 where all is well. What it says on stdout is in its log, which begins anew. */
int tr_bench_exec_once(tr_bench_t *bench, const tr_bench_case_t *c, const char *path, const char *const *argv,
    tr_bench_child_t **ret_child, tr_error_t *error);
/* Waits for its end. */
int tr_bench_hear_end(tr_bench_t *bench, tr_bench_child_t *child, int64_t timeout_ms, tr_error_t *error);
/* Where the log of a program is: of argv[0]. */
void tr_bench_log_path(const tr_bench_t *bench, const char *program, char *out, size_t size);
/* Whether it has said that. */
static inline bool tr_bench_has_said(const tr_bench_child_t *child, tr_bench_word_t word) {
    return child->said[word];
}
/* Lets time pass; -EINTR when the user interrupts, or the error of a child that failed. */
int tr_bench_pause(tr_bench_t *bench, int64_t ms, tr_error_t *error);
void tr_bench_stop_all(tr_bench_t *bench);

/* Of another process. 0 or negative errno. */
int tr_bench_memory(pid_t pid, tr_process_memory_t *ret_memory, tr_error_t *error);

/* For roles. */
void tr_bench_say(const tr_bench_task_t *task, const tr_bench_note_t *note);
/* READY with an endpoint (may be NULL) and a number. */
void tr_bench_say_ready(const tr_bench_task_t *task, const char *text, uint64_t number);
/* DONE of a flood. */
void tr_bench_say_flood(
    const tr_bench_task_t *task, uint64_t count, uint64_t missed, int64_t first_ns, int64_t last_ns);
/* DONE of n messages acknowledged one by one: from first_ns to last_ns, each after so many nanoseconds; sorts them. */
void tr_bench_say_stored(
    const tr_bench_task_t *task, uint32_t *ns, size_t n, int64_t first_ns, int64_t last_ns);
/* DONE of n round trips in nanoseconds; sorts them. */
void tr_bench_say_latency(const tr_bench_task_t *task, uint32_t *ns, size_t n);
/* Until the bench ends this process. */
_Noreturn void tr_bench_rest(void);

/* What the receiver of a flood has seen. Its clock starts when the warm-up is over. */
typedef struct tr_bench_tally {
    const tr_bench_task_t *task;
    uint64_t seen;       /* with the warm-up */
    uint64_t seen_first; /* when the clock started */
    int64_t first_ns;    /* 0 = not yet */
} tr_bench_tally_t;

void tr_bench_count(tr_bench_tally_t *self, uint64_t n);
bool tr_bench_all_seen(const tr_bench_tally_t *self);
/* DONE of a flood that ends now; what was not seen is missed. */
void tr_bench_say_tally(const tr_bench_tally_t *self);

#endif
