/*
 * What troupe-agentd was asked to do: its command line, its environment (TROUPE_AGENTD_...), its file of
 * options (--config) and the description of its agent (--agent FILE), in this order of precedence.
 */
#ifndef TR_AGENTD_OPTIONS_H
#define TR_AGENTD_OPTIONS_H

#include "lib/base/options.h"
#include "lib/fleet/description.h"
#include "lib/resident/port.h"

/* Exit codes; a host that gave up ends with TR_HOST_EXIT_GAVE_UP (troupe/host.h). */
typedef enum tr_agentd_exit {
    TR_AGENTD_GO = -1, /* no exit code: the process goes on */
    TR_AGENTD_OK = 0,
    TR_AGENTD_USAGE = 1,
    TR_AGENTD_UNREACHABLE = 2,
    TR_AGENTD_REFUSED = 3, /* by the broker, or something that it was given is not valid */
    TR_AGENTD_STUCK = 4,   /* asked to stop, it did not finish in time */
    TR_AGENTD_HUNG = 71,   /* a behaviour did not return */
} tr_agentd_exit_t;

#define TR_AGENTD_COUNT_MAX 1000000

/* What comes from the description of --agent FILE, and not from a flag. */
typedef enum tr_described {
    TR_DESCRIBED_WAY = 1, /* behaviour, load or exec */
    TR_DESCRIBED_ARGS = 2,
    TR_DESCRIBED_MIND = 4,
    TR_DESCRIBED_TOOLS = 8,
} tr_described_t;

typedef struct tr_agentd_options {
    const char *connect;
    const char *cert;
    const char *agent; /* --agent as given: FILE or NAME; NULL */
    const char *name;
    const char *behaviour; /* NULL: a program or a shared object is given */
    const char *load;
    const char *args;     /* a JSON object, or NULL */
    const char *describe; /* likewise */
    const char *mind;     /* built-in, a path, or JSON (agentd/mind/open.h); NULL = built-in */
    const char *memory;   /* a directory, or NULL */
    const char *tools;    /* a JSON object (lib/tool/config.h), or NULL */
    int64_t count;
    tr_strings_t services; /* NAME or NAME=CAPACITY */
    tr_strings_t subscribe;
    bool durable;
    int64_t passive_ms; /* 0: never */
    bool stay;          /* although its agent is another process's */
    int64_t trace_one_in;
    int64_t trace_per_second;
    tr_port_options_t port;
    const char *state; /* directory, or "postgres"; NULL: the state of agents is kept nowhere */
    const char *state_conninfo, *state_table; /* of postgres; NULL */
    const char *producer;                     /* NULL: a random name */
    int exec_mode;                            /* tr_exec_mode_t */
    int64_t exec_timeout_ms;
    int64_t restart_intensity;
    int64_t restart_period_ms;
    int64_t restart_backoff_ms;
    int64_t restart_max_backoff_ms;
    int64_t hang_ms, hung_ms;
    int64_t connect_ms;
    int64_t stop_ms;
    int64_t ready_fd; /* -1 = none */
    int64_t die_with; /* pid, 0 = none */
    bool list_behaviours;
    bool check;
    int log_level, log_format;
    tr_strings_t command;          /* the program of an exec agent, and its arguments */
    tr_options_t *flags;           /* owns the strings above, as does: */
    tr_description_t *description; /* of --agent FILE; NULL */
    unsigned described;            /* tr_described_t */
    char *own_load, *own_connect;  /* allocated: paths that were made absolute; NULL */
} tr_agentd_options_t;

/* The table, for man pages and shell completion. */
const tr_program_t *tr_agentd_program(void);

/* TR_AGENTD_GO; then tr_agentd_options_finish is to be called. Or the exit code: what the user asked for, or
 * what is wrong, was printed. */
int tr_agentd_options_read(int argc, char *const *argv, tr_agentd_options_t *ret_options);
void tr_agentd_options_finish(tr_agentd_options_t *self);

/* "read" or "read=4" into a name (TR_NAME_MAX + 1 bytes) and a capacity (0: none was given). 0, or -EINVAL
 * with the text. */
int tr_agentd_service_parse(const char *text, char *name, uint32_t *ret_capacity, tr_error_t *error);

#endif
