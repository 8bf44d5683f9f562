/* A program (lib/child) whose pipes are watched in the loop of a registry. Embedded; zeroed = none. */
#ifndef TR_TOOL_CHILD_WATCH_H
#define TR_TOOL_CHILD_WATCH_H

#include "lib/child/child.h"
#include "lib/llm/loop.h"

typedef struct tr_child_watch {
    tr_llm_loop_t *loop;
    /* Something happened at fd: tr_child_unwatch, tr_child_handle, and then tr_child_watch again, unless it is over. */
    tr_llm_ready_fn on_ready;
    void *arg;
    int fds[TR_CHILD_FDS];
    size_t count;
} tr_child_watch_t;

/* Watches what it waits for now; in place of what was watched before. */
void tr_child_watch(tr_child_watch_t *self, const tr_child_t *child);
void tr_child_unwatch(tr_child_watch_t *self);

#endif
