/* The host: its life, and the loop that everything of it runs in. */

#include "lib/agent/meter.h"
#include "lib/agent/spent.h"
#include "lib/agent/taken.h"
#include "lib/agent/traced.h"

#include "lib/base/process.h"
#include "lib/base/random.h"
#include "lib/link/frame.h"
#include "lib/link/wire.h"
#include "troupe/troupe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUNDLES_PER_TURN 32
#define GOODBYE_MS       5000
#define CONNECT_MS       10000
#define TRACES           1000 /* in a second: brokers forget more before anybody looks */
#define FILES_LEAST      24   /* descriptors; libzmq ends a process that has none left */
#define REFUSED_MS       2500 /* a broker learns of a new certificate within two seconds */

void tr_host_say(tr_host_t *host, tr_host_event_t event, const char *format, ...) {
    if (!host->on_event)
        return;
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    host->on_event(host->arg, event, detail);
}

static int64_t intensity_of(uint32_t option) {
    return option == TR_HOST_RESTART_NEVER ? 0 : option ? option : 5;
}

static tr_host_t *host_alloc(const tr_host_options_t *o) {
    tr_host_t *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    h->view = calloc(1, sizeof *h->view);
    h->posted_end = &h->posted;
    pthread_mutex_init(&h->post_lock, NULL);
    pthread_mutex_init(&h->keeper_lock, NULL);
    h->unique = tr_random_seed();
    tr_map_init(&h->pending, h->unique);
    h->tell_messages = o->tell_messages;
    h->hang_ms = o->hang_ms ? o->hang_ms : 30000;
    h->hung_ms = o->hung_ms;
    h->restart = (tr_restart_t){
        .when = TR_RESTART_ALWAYS,
        .backoff_ms = o->restart_backoff_ms ? o->restart_backoff_ms : 100,
        .max_backoff_ms = o->restart_max_backoff_ms ? o->restart_max_backoff_ms : 10000,
        .intensity = intensity_of(o->restart_intensity),
        .period_ms = o->restart_period_ms ? o->restart_period_ms : 30000,
    };
    h->durable = o->durable;
    h->states = o->states;
    h->trace_one_in = o->trace_one_in;
    h->trace_per_second = o->trace_per_second ? o->trace_per_second : TRACES;
    h->trace_gap = o->trace_one_in ? (uint32_t)(tr_random_seed() % o->trace_one_in) : 0;
    h->passive_ms = o->states ? o->passive_ms : 0;
    h->on_event = o->on_event;
    h->arg = o->arg;
    if (h->view)
        h->view->host = h;
    return h;
}

/* So many milliseconds from now, however many they are. */
static int64_t after_ms(int64_t ms) {
    int64_t now = tr_clock_ms();
    return ms < INT64_MAX - now ? now + ms : INT64_MAX;
}

static int wait_welcome(tr_host_t *h, int64_t connect_ms, tr_error_t *error) {
    int64_t give_up = connect_ms < 0 ? INT64_MAX : after_ms(connect_ms ? connect_ms : CONNECT_MS);
    while (!tr_link_ready(h->link)) {
        int64_t left = give_up - tr_clock_ms();
        bool kept_out = tr_link_kept_out(h->link) >= REFUSED_MS;
        if (left <= 0 || kept_out) {
            tr_link_trouble(h->link, error);
            return kept_out ? -EACCES : -ETIMEDOUT;
        }
        tr_host_step(h, left);
        if (tr_host_stopping(h))
            return tr_error_set(error, -EINTR, "stopped while connecting");
    }
    return 0;
}

int tr_host_new(const tr_host_options_t *options, tr_host_t **ret_host, tr_error_t *error) {
    int r = tr_process_need_files(FILES_LEAST, NULL, error);
    if (r < 0)
        return r;
    tr_host_t *h = host_alloc(options);
    r = h && h->view && h->wake_fd >= 0 && tr_watch_init(h) == 0
            ? 0
            : tr_error_set(error, -ENOMEM, "out of memory or file descriptors");
    if (r == 0)
        r = tr_link_new(options, &h->link, error);
    if (r == 0)
        r = wait_welcome(h, options->connect_ms, error);
    if (r == 0 && (r = tr_keeper_start(h)) < 0)
        tr_error_set(error, r, "cannot start a thread: %s", strerror(-r));
    if (r < 0) {
        tr_host_destroy(&h);
        return r;
    }
    *ret_host = h;
    return 0;
}

static void free_posted(tr_host_t *h) {
    while (h->posted) {
        tr_posted_t *next = h->posted->next;
        free(h->posted);
        h->posted = next;
    }
}

static void free_pending(tr_host_t *h) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&h->pending, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&h->pending);
}

static void free_view(tr_message_t *view) {
    if (!view)
        return;
    if (view->has_value)
        tr_content_finish(&view->value);
    tr_arena_finish(&view->arena);
    free(view);
}

void tr_host_destroy(tr_host_t **self) {
    tr_host_t *h = *self;
    if (!h)
        return;
    if (h->link) {
        tr_spent_flush(h);
        tr_traced_flush(h);
        tr_link_drain(h->link, GOODBYE_MS);
    }
    while (h->hosted)
        tr_host_remove(h, h->hosted->name);
    tr_keeper_stop(h);
    tr_leave_finish(h);
    tr_taken_finish(h);
    free_pending(h);
    tr_timers_finish(&h->timers);
    tr_link_destroy(&h->link, GOODBYE_MS);
    tr_host_durable_finish(h);
    tr_traced_finish(h);
    tr_meter_finish(h);
    tr_spent_finish(h);
    free_posted(h);
    free_view(h->view);
    free(h->watched);
    free(h->polls);
    pthread_mutex_destroy(&h->post_lock);
    pthread_mutex_destroy(&h->keeper_lock);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    free(h);
    *self = NULL;
}

static void wake(const tr_host_t *h) {
    uint64_t one = 1;
    ssize_t n = write(h->wake_fd, &one, sizeof one);
    (void)n; /* full means that it is awake */
}

void tr_host_stop(tr_host_t *self, int code) {
    int expected = 0;
    atomic_compare_exchange_strong(&self->stop, &expected, 1 + code);
    atomic_store(&self->posts, true);
    wake(self);
}

bool tr_host_stopping(const tr_host_t *self) {
    return atomic_load(&((tr_host_t *)(uintptr_t)self)->stop) != 0;
}

int tr_host_post(tr_host_t *self, void (*fn)(tr_host_t *host, void *arg), void *arg) {
    tr_posted_t *p = malloc(sizeof *p);
    if (!p)
        return -ENOMEM;
    *p = (tr_posted_t){.fn = fn, .arg = arg};
    atomic_store(&self->posts, true);
    pthread_mutex_lock(&self->post_lock);
    *self->posted_end = p;
    self->posted_end = &p->next;
    atomic_store_explicit(&self->has_posted, true, memory_order_release);
    pthread_mutex_unlock(&self->post_lock);
    wake(self);
    return 0;
}

static bool run_posted(tr_host_t *h) {
    if (!atomic_load_explicit(&h->has_posted, memory_order_acquire))
        return false;
    pthread_mutex_lock(&h->post_lock);
    atomic_store_explicit(&h->has_posted, false, memory_order_relaxed);
    tr_posted_t *p = h->posted;
    h->posted = NULL;
    h->posted_end = &h->posted;
    pthread_mutex_unlock(&h->post_lock);
    bool any = p != NULL;
    while (p) {
        tr_posted_t *next = p->next;
        p->fn(h, p->arg);
        free(p);
        p = next;
    }
    return any;
}

static bool run_timers(tr_host_t *h) {
    if (tr_timers_next(&h->timers) == INT64_MAX)
        return false;
    int64_t now = tr_clock_ms();
    tr_timer_t *t;
    bool any = false;
    while ((t = tr_timers_due(&h->timers, now))) {
        tr_agent_t *agent = t->agent;
        tr_timer_fn fn = t->fn;
        void *arg = t->arg;
        free(t);
        bool before = tr_host_calls(h, agent);
        fn(agent, agent ? tr_agent_state(agent) : NULL, arg);
        tr_host_called(h, before);
        any = true;
    }
    return any;
}

static bool run_events(tr_host_t *h) {
    tr_link_event_t *e;
    bool any = false;
    if (!tr_link_has_news(h->link))
        return false;
    while ((e = tr_link_event(h->link))) {
        if (e->event == TR_HOST_MOVED)
            tr_leave_done(h, e->detail);
        tr_host_say(h, e->event, "%s", e->detail);
        free(e);
        any = true;
    }
    if (any)
        tr_arrive_check(h);
    uint64_t session = tr_link_session(h->link);
    if (session != h->session && tr_link_ready(h->link)) {
        h->session = session;
        h->last_hosted = NULL; /* its route may be another one's now */
        tr_provide_again(h);
        tr_spent_again(h);
        any = true;
    }
    return any;
}

static bool run_bundles(tr_host_t *h) {
    bool more = true;
    int n = 0;
    for (; more && n < BUNDLES_PER_TURN; n++) {
        tr_inbound_t *in = tr_link_take(h->link, &more);
        if (!in)
            break;
        if (in->gone)
            tr_dispatch_gone(h, in);
        else
            tr_dispatch_bundle(h, in);
    }
    return n > 0;
}

/* Waits for the link, a watched descriptor, a wake-up or a time. Returns whether something came. */
static bool wait_for(tr_host_t *h, int64_t until_ms) {
    nfds_t n = tr_watch_polls(h);
    int64_t left = until_ms - tr_clock_ms();
    int timeout = left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
    atomic_store(&h->waits, true);
    int ready = tr_wire_poll(h->polls, n, timeout);
    atomic_store(&h->waits, false);
    if (ready <= 0)
        return false;
    if (h->polls[1].revents) {
        uint64_t drained;
        ssize_t r = read(h->wake_fd, &drained, sizeof drained);
        (void)r;
    }
    return true;
}

/* While the link waits for itself, nothing else is looked at: only where there is nothing else. */
static bool may_expect(tr_host_t *h) {
    return !h->watched_n && !h->storing && !atomic_load_explicit(&h->posts, memory_order_relaxed) &&
           tr_timers_next(&h->timers) - TR_EXPECT_MS > tr_clock_ms();
}

/* One pass over all that may be ready. What behaviours sent goes out at its end, in as few bundles as it
 * fits. */
static bool turn(tr_host_t *h, int64_t *ret_due_ms) {
    if (h->expects && may_expect(h))
        tr_link_expect(h->link);
    h->expects = false;
    h->timers.turn++;
    bool came = tr_link_work(h->link, ret_due_ms);
    bool any = run_events(h);
    any |= tr_durable_run(h);
    any |= run_posted(h);
    any |= run_timers(h);
    if (came)
        any |= h->expects = run_bundles(h);
    any |= came;
    if (h->unsaved)
        tr_saved_commit(h);
    if (h->leaving)
        tr_leave_look(h);
    if (any)
        tr_link_flush(h->link);
    return any;
}

int tr_host_step(tr_host_t *self, int64_t timeout_ms) {
    int64_t due, next = 0;
    if (self->calling)
        return -EDEADLK;
    int64_t deadline = timeout_ms < 0 ? INT64_MAX : after_ms(timeout_ms);
    self->expects &= timeout_ms < 0 || timeout_ms > TR_EXPECT_MS;
    if (turn(self, &due))
        return 1;
    if (atomic_load(&self->stop))
        return 0;
    next = tr_timers_next(&self->timers);
    next = next < due ? next : due;
    next = next < deadline ? next : deadline;
    bool came = wait_for(self, next);
    if (came && tr_watch_run(self, 2)) {
        tr_saved_commit(self);
        tr_link_flush(self->link);
    }
    return came ? 1 : 0;
}

int tr_host_run(tr_host_t *self) {
    int stop;
    if (self->calling)
        return -EDEADLK;
    while (!(stop = atomic_load(&self->stop)))
        tr_host_step(self, -1);
    return stop - 1;
}

const char *tr_host_platform(const tr_host_t *self) {
    return tr_link_platform(self->link);
}

const char *tr_host_stream(const tr_host_t *self) {
    return tr_link_stream(self->link);
}

const char *tr_host_stream_refusal(const tr_host_t *self) {
    return tr_link_stream_refusal(self->link);
}

bool tr_host_is_empty(const tr_host_t *self) {
    return !self->hosted;
}

const tr_message_t *tr_host_event_message(const tr_host_t *self) {
    return self->told_of;
}

const tr_message_t *tr_host_message(const tr_host_t *self) {
    return self->traced.handled;
}

void tr_host_busy_with(const tr_host_t *self, const char **ret_trace, const char **ret_conversation) {
    *ret_trace = *self->hangs.trace ? self->hangs.trace : NULL;
    *ret_conversation = *self->hangs.conversation ? self->hangs.conversation : NULL;
}

bool tr_host_connected(const tr_host_t *self) {
    return tr_link_ready(self->link);
}

void tr_host_stats(tr_host_t *self, tr_host_stats_t *ret_stats) {
    tr_link_stats(self->link, ret_stats);
    ret_stats->dropped = self->dropped;
    ret_stats->restarts = self->restarts;
}

const char *tr_version(void) {
    return TROUPE_VERSION;
}
