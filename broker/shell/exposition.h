/* The broker's numbers for Prometheus: copied from the core's statistics a few times a second, read by the
 * HTTP thread. */
#ifndef TR_BROKER_EXPOSITION_H
#define TR_BROKER_EXPOSITION_H

#include "broker/core/core.h"
#include "broker/shell/journal_thread.h"
#include "lib/base/metrics.h"

#include <pthread.h>

enum { TR_EXPOSED_COUNTERS = 20, TR_EXPOSED_GAUGES = 16, TR_EXPOSED_SERVICES = 1000 };

typedef struct tr_exposition {
    tr_metrics_t *metrics;
    tr_counter_t counters[TR_EXPOSED_COUNTERS];
    tr_gauge_t gauges[TR_EXPOSED_GAUGES];
    tr_counter_t dropped[TR_REASON_MAX], refused[TR_REASON_MAX];
    tr_counter_t multipart;
    const char *reasons[TR_REASON_MAX + 1];
    pthread_mutex_t lock; /* of what follows; held for a copy, never while anything waits */
    tr_buffer_t services; /* the families of services, as text: which there are changes */
    unsigned updates;
} tr_exposition_t;

/* `journal`: of the journal's thread, which must outlive it; NULL = none. */
int tr_exposition_init(tr_exposition_t *self, const tr_journal_thread_stats_t *journal, tr_error_t *error);
void tr_exposition_finish(tr_exposition_t *self);
/* At each tick of the broker's thread. */
void tr_exposition_update(tr_exposition_t *self, const tr_core_t *core);
/* By any thread. */
void tr_exposition_render(tr_exposition_t *self, tr_buffer_t *out);

#endif
