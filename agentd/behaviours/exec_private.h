/* The state of an exec agent, shared by exec.c (messages and the program's life) and exec_output.c (what the
 * program writes). */
#ifndef TR_AGENTD_BEHAVIOURS_EXEC_PRIVATE_H
#define TR_AGENTD_BEHAVIOURS_EXEC_PRIVATE_H

#include "agentd/behaviours/exec_conf.h"
#include "agentd/behaviours/replies.h"
#include "lib/base/log.h"
#include "lib/child/child.h"
#include "proto/aid.h"
#include "proto/traceparent.h"
#include "troupe/agent.h"

typedef struct tr_exec_work {
    struct tr_exec_work *next;
    uint64_t id;
    tr_message_t *message;
    tr_timer_t *timer;
    bool expects; /* a line that finishes it: within the time limit, and counted against in_flight */
    bool waits;   /* somebody waits for the answer, and is told where there will be none */
    bool durable; /* comes again when it was not finished */
    bool answered;
    bool failed; /* answered with a failure, though its run of the program goes on */
} tr_exec_work_t;

/* What a line of the log says of the message that it is about. */
typedef struct tr_exec_marks {
    const char *trace, *conversation; /* NULL: it has none, or it is about no message */
    char id[TR_TRACE_ID_SIZE];
} tr_exec_marks_t;

/* work: may be NULL. */
const tr_exec_marks_t *tr_exec_marks(const tr_exec_work_t *work, tr_exec_marks_t *ret);

typedef struct tr_exec_queue {
    tr_exec_work_t *head, *tail;
} tr_exec_queue_t;

typedef struct tr_exec {
    tr_agent_t *agent;
    tr_exec_conf_t conf;
    tr_log_t log;
    char name[TR_AID_MAX + 1];
    tr_child_t *child; /* NULL: none runs */
    int watched[TR_CHILD_FDS];
    size_t watched_n;
    tr_timer_t *restart; /* NULL: none is due */
    tr_timer_t *again;   /* lines are left, or output is stuck */
    int64_t backoff_ms;
    unsigned ends; /* of its program, in a row */
    tr_exec_queue_t waiting, active;
    tr_replies_t failures; /* that wait until they can be sent */
    size_t in_flight;
    size_t
        careful; /* so many messages are handed over one by one, because one of several was what the program died of */
    bool killed; /* by this agent: nothing that it has in work is to blame */
    uint64_t last_id;
    bool stuck;             /* the first line of its output cannot be sent now */
    size_t stuck_receivers; /* of that line have it already */
    bool stuck_spent;       /* what that line says to be spent was taken off */
    int64_t says_second;
    unsigned says, says_dropped;
} tr_exec_t;

/* The one message that is in work; NULL: none is, or several are. */
const tr_exec_work_t *tr_exec_only_work(tr_exec_t *self);

typedef enum tr_exec_end {
    TR_EXEC_END_DONE,
    TR_EXEC_END_BACK,   /* a leased one goes to another provider, or comes again */
    TR_EXEC_END_BLAMED, /* the same, and it is what the program died of */
} tr_exec_end_t;

/* exec.c: takes a message off the active list. */
void tr_exec_finish(tr_exec_t *self, tr_exec_work_t *work, tr_exec_end_t end);
/* A message that came to nothing: whoever waits is told {reason, detail}, unless it has an answer, and it is
 * finished. In mode `once` its run does that, as it is what the time limit is for. */
void tr_exec_fail(tr_exec_t *self, tr_exec_work_t *work, const char *reason, const char *detail);

/* exec_output.c: lines of its stderr, to the log. */
void tr_exec_take_errors(tr_exec_t *self);
/* Lines of its stdout: deals with them until none is left (true), or must go on later (false). */
bool tr_exec_take_lines(tr_exec_t *self);

#endif
