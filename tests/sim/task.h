/*
 * A task: a function on a stack of its own that can stop in the middle and go on later. Each simulated process
 * is one, so that libtroupe's loop, which waits, runs as it is; where it would wait, the task yields to the
 * world, and time passes there.
 */
#ifndef TR_SIM_TASK_H
#define TR_SIM_TASK_H

#include <stdbool.h>

typedef struct sim_task sim_task_t;

/* Does not run it yet. Ends the program when out of memory. */
sim_task_t *sim_task_new(void (*fn)(void *arg), void *arg);
/* Runs it until it yields or ends. Not from within a task. */
void sim_task_resume(sim_task_t *self);
/* From within it: back to whoever resumed it. */
void sim_task_yield(sim_task_t *self);
bool sim_task_ended(const sim_task_t *self);
/* Only one that has ended, or never ran. */
void sim_task_destroy(sim_task_t **self);

#endif
