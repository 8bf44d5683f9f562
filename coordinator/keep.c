/*
 * What ended longer ago than `--keep` goes from the store: tasks with their history, decisions with all that was said. A little at a time, so
 * that nothing waits for it. A window is followed by the next one soon; when all was looked at, it rests.
 */
#include "coordinator/coordinator.h"
#include "coordinator/events.h"
#include "lib/base/clock.h"

#include <string.h>

#define SOON_MS 50
#define REST_MS 10000

static void changes(void *arg) {
    tr_effects_change(arg);
}

void tr_keep_turn(tr_coordinator_t *self) {
    int64_t now_ms = tr_clock_ms();
    if (!self->options->keep_ms || self->lost || now_ms < self->keep_ms)
        return;
    int n =
        tr_store_forget(self->store, &self->age, tr_clock_wall_ms() - self->options->keep_ms, changes, self);
    if (n < 0)
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NOT_FORGOTTEN], "error=%s", strerror(-n));
    self->keep_ms = now_ms + (n >= 0 && !self->age.whole ? SOON_MS : REST_MS);
}
