/*
 * The inside of the behaviour planner: what is asked (planner.c), and what becomes of the plans whose subtasks are with the coordinator (planner_watch.c).
 *
 * A plan that is watched has for each subtask "task", its id at the coordinator, and "state", what was told of that last. Where one fails, it is planned anew from its
 * description without the skills that failed, that takes its place (tr_plan_replace), and is submitted together with what needed it, which has failed with it.
 * What replaces it keeps these skills as "without", and so does what replaces that: no way is tried twice.
 *
 * A plan that is stopped is not planned anew any more, and nothing of it is handed on: who asked for that is answered as soon as the coordinator has said of all that was
 * handed on whether it takes it, so that the tasks that he is told are all that there will be. Plans that are at their end are remembered, the last ones, for who
 * knows their mark and asks what has become of them.
 *
 * Events may be missed: while the link or the coordinator is away, or where too many came at once. So as long as a plan is watched the coordinator is asked
 * every `look-ms` how those of its tasks are that are not done, and at once after a gap or a restart. A task that it had taken and does not know any more has failed.
 */
#ifndef TR_AGENTD_BEHAVIOURS_PLANNER_H
#define TR_AGENTD_BEHAVIOURS_PLANNER_H

#include "agentd/behaviours/errand.h"
#include "agentd/behaviours/thinker.h"

#define TR_PLANNER_ASK_MS   10000
#define TR_PLANNER_BACK_MS  60000
#define TR_PLANNER_WATCHED  256 /* plans; the oldest is let go of */
#define TR_PLANNER_ENDED    128 /* that are remembered */
#define TR_PLANNER_STOPS    64  /* that wait */
#define TR_PLANNER_LOOK_MS  30000
#define TR_PLANNER_BUSY_MS  1000 /* to the next look where too much is thought of to plan anew */
#define TR_PLANNER_TASK_MAX 80   /* bytes of a task's id, with its NUL */

typedef struct tr_planner_stop tr_planner_stop_t;

typedef struct tr_planner {
    tr_thinker_t thinker; /* first */
    tr_errands_t errands;
    json_t *skills; /* of the arguments; NULL */
    int64_t most, look_ms;
    char tasks[TR_AID_MAX + 8];
    char compose[TR_NAME_MAX +
                 1]; /* the service of who composes the whole of what is submitted; "": nobody does */
    json_t *
        watched; /* {"MARK": {"mark", "number", "plan", "skills", "taken": by the coordinator, "stopping"}}, the oldest first */
    json_t *by_task; /* {"TASK": "MARK"} */
    json_t *ended;   /* {"MARK": {"mark", "state", "reason", "plan"}}, the oldest first */
    tr_planner_stop_t *stops;
    int64_t numbers;
    bool listens;                     /* to the states of tasks */
    tr_timer_t *timer;                /* to the next look */
    bool looks_soon;                  /* it is at once */
    json_t *looks;                    /* {"NUMBER": "TASK"}: what was asked and not answered */
    char looked[TR_PLANNER_TASK_MAX]; /* the task that was asked for last; "" = begin at the first */
} tr_planner_t;

/* Gives each subtask without one its "task", and begins to watch. The tasks as the coordinator takes them, and the plan's mark, into ret_mark (borrowed). NULL
 * when out of memory. */
json_t *tr_planner_watch(tr_planner_t *self, json_t *plan, const json_t *skills, const char **ret_mark);
/* The coordinator has taken it. */
void tr_planner_taken(tr_planner_t *self, const char *mark);
/* It was not taken. */
void tr_planner_unwatch(tr_planner_t *self, const char *mark);
/* It is at its end: told, and remembered. `watched` is gone then. */
void tr_planner_end(
    tr_planner_t *self, const json_t *watched, const char *state, const char *subtask, const char *reason);
/* An event of a task, which may be anybody's. */
void tr_planner_hear(tr_planner_t *self, const tr_message_t *message);
/* Events were missed. */
void tr_planner_missed(tr_planner_t *self);
/* Answers a request to stop the plan of a mark, now or when that is known which tasks it has. planner_stop.c, as what follows. */
void tr_planner_stop(tr_planner_t *self, const tr_message_t *message);
/* The plan of this mark is watched no more: who waits for that is answered. */
void tr_planner_stopped(tr_planner_t *self, const char *mark);
/* What is known of the plans of these marks (NULL = of all that are watched), by mark; new. */
json_t *tr_planner_known(const tr_planner_t *self, tr_value_t marks);
void tr_planner_remember(tr_planner_t *self, const json_t *watched, const char *state, const char *reason);
/* Of a plan that the coordinator may take later, or has taken without a word: it is told to cancel what it finds. */
void tr_planner_take_back(tr_planner_t *self, const json_t *plan);
/* For fini: who waits is asked again elsewhere, where that can be. */
void tr_planner_stops_finish(tr_planner_t *self);
/* The skills without those of the list (NULL = none); a new reference. */
json_t *tr_planner_skills_without(const json_t *skills, const json_t *without);

int tr_planner_save(tr_agent_t *agent, const void *state, tr_content_writer_t *out);
int tr_planner_restore(tr_agent_t *agent, void *state, tr_value_t saved);

#endif
