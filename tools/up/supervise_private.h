/* The inside of the supervisor of processes, shared by supervise.c (what happens) and supervise_table.c (who is
 * there). */
#ifndef TR_TOOLS_SUPERVISE_PRIVATE_H
#define TR_TOOLS_SUPERVISE_PRIVATE_H

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "tools/up/supervise.h"

typedef struct tr_supervised_child {
    size_t id;
    const char *name;
    const char **argv;
    const char **variables;
    const char *directory;
    const char *log;
    tr_restart_t restart;
    int stop_order;
    bool ready_pipe;
    tr_arena_t arena; /* owns the texts above */

    size_t node;  /* in the tree of lib/fleet/supervisor.h */
    size_t alone; /* the supervisor that it has for itself; 0: it shares one */
    tr_child_state_t state;
    pid_t pid; /* 0 = no process */
    int ready_fd;
    uint64_t restarts;
    int64_t since_ms, due_ms, kill_ms;
    bool ended;
    int exit_code, exit_signal;
    char reason[TR_SUPERVISE_REASON_MAX + 1];
} tr_supervised_child_t;

struct tr_supervise {
    tr_supervise_config_t config;
    tr_supervised_child_t **children; /* by id; NULL = removed */
    size_t limit, cap;
    tr_map_t by_name, by_pid, by_node;
    tr_supervisor_t *tree;
    int64_t turn_ms; /* when the tree wants its next turn */
    bool stopping;
    int64_t now_ms;  /* of the step */
    int64_t logs_ms; /* when the logs were looked at */
};

/* supervise_table.c */
void tr_supervised_child_destroy(tr_supervised_child_t **self);
static inline tr_supervised_child_t *tr_supervised_child_at(const tr_supervise_t *self, size_t id) {
    return id < self->limit ? self->children[id] : NULL;
}
void tr_supervised_child_view(const tr_supervised_child_t *self, tr_child_view_t *ret_view);
/* The child of a node of the tree; NULL where that is none. */
tr_supervised_child_t *tr_supervised_child_of(const tr_supervise_t *self, size_t node);

#endif
