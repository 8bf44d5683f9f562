/*
 * How many agents a group should have, by what waits for its services: between two bounds, more at once, fewer when fewer have been enough for the
 * whole cooldown. None where `min` is 0 and nothing waits, and one again when something does: messages of a durable group wait on the broker's disk
 * meanwhile.
 *
 * What is unfinished (queued, and in work) is divided by `backlog`, the share that is well for one agent. That a busy agent counts keeps it from being
 * ended; that fewer must be enough for a time keeps a fleet from going up and down with each burst.
 *
 * Those that were asked for and are gone again cannot start, or somebody ends them: they are asked for again at once, and each further time after twice
 * the pause, so that what dies at its start is not started each second.
 *
 * Pure: numbers and the time in, a number out.
 */
#ifndef TR_COORDINATOR_SCALER_H
#define TR_COORDINATOR_SCALER_H

#include "lib/base/error.h"
#include "proto/aid.h"

#include <stddef.h>
#include <stdint.h>

#define TR_SCALER_SERVICES_MAX  64
#define TR_SCALER_AGENTS_MAX    10000
#define TR_SCALER_PLATFORMS_MAX 100

typedef struct tr_scaler {
    char group[TR_NAME_MAX + 1];
    char services[TR_SCALER_SERVICES_MAX][TR_NAME_MAX + 1];
    size_t service_count;
    char platforms[TR_SCALER_PLATFORMS_MAX]
                  [TR_PLATFORM_MAX + 1]; /* where its agents are; none: on this one */
    size_t platform_count;
    int64_t min, max;
    int64_t backlog; /* unfinished messages for each agent */
    int64_t cooldown_ms;
    int64_t agents;     /* as last known; -1: not yet */
    int64_t waiting;    /* as last told */
    int64_t wanted;     /* by that alone, within the bounds */
    int64_t changed_ms; /* the last change of it; 0: none yet */
    int64_t calm_ms;    /* since when fewer are enough; 0: they are not */
    int64_t peak;       /* the most that was wanted since then */
    int64_t
        told; /* how many there were to be after the last change, or fewer that there were since; -1: not yet */
    int64_t pause_ms; /* before more are asked for, after they have gone again; 0: they have not */
    int64_t lost_ms;  /* when they had gone last */
} tr_scaler_t;

/* "GROUP=MIN..MAX/BACKLOG/COOLDOWN@SERVICE[,SERVICE...][:PLATFORM[,PLATFORM...]]", as reader=0..8/10/60s@read. -EINVAL with what was expected; `self` is untouched then. */
int tr_scaler_parse(tr_scaler_t *self, const char *text, tr_error_t *error);
/* What it should be changed to; -1: as it is. `agents` < 0: nobody knows yet. now_ms: any clock that does not go back, over 0. */
int64_t tr_scaler_look(tr_scaler_t *self, int64_t agents, int64_t waiting, int64_t now_ms);
/* For how long nothing more is asked for, because what was is gone; 0: it is not so. */
int64_t tr_scaler_held(const tr_scaler_t *self, int64_t now_ms);
/* It was. */
void tr_scaler_changed(tr_scaler_t *self, int64_t agents, int64_t now_ms);

#endif
