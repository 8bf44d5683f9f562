/* A process that is not our child: recognised by its pid and start time, so that another with a used pid is
 * never signalled, and waited for. */
#ifndef TR_TOOLS_RUNNING_H
#define TR_TOOLS_RUNNING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct tr_running {
    int fd; /* pidfd; -1: it does not run any more */
} tr_running_t;

/* start_time: of tr_state_start_time. 0, also where it has ended; negative errno where the kernel
 * does not tell. */
int tr_running_open(tr_running_t *self, pid_t pid, uint64_t start_time);
void tr_running_close(tr_running_t *self);
/* Sends a signal; nothing where it has ended. */
void tr_running_signal(const tr_running_t *self, int number);
/* Waits for at most timeout_ms; whether it has ended. */
bool tr_running_wait(const tr_running_t *self, int64_t timeout_ms);

#endif
