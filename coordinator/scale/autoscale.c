#include "coordinator/scale/autoscale.h"

#include "coordinator/events.h"
#include "coordinator/scale/places.h"
#include "lib/base/clock.h"
#include "lib/base/share.h"
#include "lib/base/ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000

/* Of the group that is being changed, a place where it is. */
typedef struct aim {
    tr_place_t *place;
    int64_t has, to;
} aim_t;

struct tr_autoscale {
    tr_scaler_t *scalers;
    size_t count;
    tr_places_t places;
    size_t asked;                        /* index of the group that is being changed */
    aim_t aims[TR_SCALER_PLATFORMS_MAX]; /* of that */
    size_t aim_count, aimed;             /* aimed: who is asked now */
    int64_t had, changed;                /* agents of all its places, before and by now */
    bool done;                           /* some supervisor did as it was told */
    char ticket[TR_TICKET_MAX + 1];      /* ""; of the request that goes on */
};
typedef struct tr_autoscale autoscale_t;

static void look(tr_agent_t *agent, void *state, void *arg);

static void again(tr_coordinator_t *self) {
    if (!tr_timer_start(self->agent, LOOK_MS, look, self))
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NOT_SCALED], "error=%s", strerror(ENOMEM));
}

static void look(tr_agent_t *agent, void *state, void *arg) {
    tr_coordinator_t *self = arg;
    (void)agent, (void)state;
    tr_places_look(&self->autoscale->places);
}

/* ---- what a group should have, and where ---- */

static size_t place_count(const tr_scaler_t *s) {
    return s->platform_count ? s->platform_count : 1;
}

static tr_place_t *place_of(autoscale_t *a, const tr_scaler_t *s, size_t i) {
    return tr_places_at(&a->places, s->platform_count ? s->platforms[i] : "");
}

/* Those that have answered are aimed at. False: somebody was never heard of and may yet come, or nobody is there. */
static bool add_up(autoscale_t *a, const tr_scaler_t *s, int64_t *ret_agents, int64_t *ret_waiting) {
    size_t index = (size_t)(s - a->scalers);
    a->aim_count = a->aimed = 0;
    *ret_agents = *ret_waiting = 0;
    for (size_t i = 0; i < place_count(s); i++) {
        tr_place_t *p = place_of(a, s, i);
        if (!p->heard_ms && !p->gone)
            return false;
        *ret_agents += p->known[index].agents;
        *ret_waiting += p->known[index].waiting;
        if (p->here)
            a->aims[a->aim_count++] = (aim_t){p, p->known[index].agents, p->known[index].agents};
    }
    return a->aim_count > 0;
}

/* Of `to` in all: where nobody answers now it stays as it was, and the rest is for the others. */
static void share_out(autoscale_t *a, int64_t agents, int64_t to) {
    int64_t counts[TR_SCALER_PLATFORMS_MAX], elsewhere = agents;
    for (size_t i = 0; i < a->aim_count; i++) {
        counts[i] = a->aims[i].has;
        elsewhere -= counts[i];
    }
    tr_share_out(counts, a->aim_count, to > elsewhere ? to - elsewhere : 0);
    for (size_t i = 0; i < a->aim_count; i++)
        a->aims[i].to = counts[i];
}

/* Once for each time that they have gone. */
static void say_held(tr_coordinator_t *self, const tr_scaler_t *s, int64_t now_ms) {
    int64_t held_ms = s->lost_ms == now_ms ? tr_scaler_held(s, now_ms) : 0;
    if (held_ms > 0)
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_STARTS_IN_VAIN],
            "group=%s agents=%lld wanted=%lld pause_ms=%lld", s->group, (long long)s->agents,
            (long long)s->wanted, (long long)held_ms);
}

/* Whether it is to change. */
static bool aim(tr_coordinator_t *self, tr_scaler_t *s) {
    autoscale_t *a = self->autoscale;
    int64_t agents, waiting;
    if (!add_up(a, s, &agents, &waiting))
        return false;
    int64_t now_ms = tr_clock_ms(), to = tr_scaler_look(s, agents, waiting, now_ms);
    say_held(self, s, now_ms);
    if (to < 0)
        return false;
    share_out(a, agents, to);
    a->had = a->changed = agents;
    a->done = false;
    return true;
}

/* ---- telling the supervisors, one after the other ---- */

static void change_next(tr_coordinator_t *self);

static void on_scaled(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_coordinator_t *self = arg;
    autoscale_t *a = self->autoscale;
    aim_t *at = &a->aims[a->aimed++];
    (void)agent, (void)state;
    if (tr_place_is_good(answer)) {
        a->changed += at->to - at->has;
        a->done = true;
    } else {
        if (*a->ticket)
            tr_ticket_take(self->options->fleet_state, a->ticket);       /* where it was not used */
        tr_place_say_why(at->place, a->scalers[a->asked].group, answer); /* and the others have their turn */
    }
    change_next(self);
}

/* This machine's own supervisor is told with a ticket, which who can write to its state has. */
static int make_ticket(tr_coordinator_t *self, const aim_t *at) {
    tr_error_t error = {0};
    self->autoscale->ticket[0] = '\0';
    return *at->place->platform ? 0
                                : tr_ticket_make(self->options->fleet_state, self->autoscale->ticket, &error);
}

static int tell(tr_coordinator_t *self, const char *group, const aim_t *at) {
    autoscale_t *a = self->autoscale;
    tr_content_writer_t w;
    int rc = make_ticket(self, at);
    if (rc < 0)
        return rc;
    tr_content_writer_init(&w);
    tr_write_map(&w, *a->ticket ? 4 : 3);
    tr_write_kv(&w, "action", "scale");
    if (*a->ticket)
        tr_write_kv(&w, "ticket", a->ticket);
    tr_write_kv_bool(&w, "wait", false);
    tr_write_str(&w, "groups");
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, group, at->to);
    rc = tr_place_ask(at->place, TR_PLACES_SUPERVISOR, &w, on_scaled, self);
    if (rc < 0 && *a->ticket)
        tr_ticket_take(self->options->fleet_state, a->ticket);
    return rc;
}

/* Whether somebody was told, and will answer. */
static bool tell_next(tr_coordinator_t *self) {
    autoscale_t *a = self->autoscale;
    for (; a->aimed < a->aim_count; a->aimed++) {
        const aim_t *at = &a->aims[a->aimed];
        if (at->to != at->has && tell(self, a->scalers[a->asked].group, at) == 0)
            return true; /* otherwise the link is full, or down: in the next round */
    }
    return false;
}

static void end_group(tr_coordinator_t *self) {
    autoscale_t *a = self->autoscale;
    tr_scaler_t *s = &a->scalers[a->asked];
    if (!a->done)
        return;
    tr_log(&self->resident.log, &tr_coordinator_events[TR_C_SCALED],
        "group=%s from=%lld to=%lld waiting=%lld", s->group, (long long)a->had, (long long)a->changed,
        (long long)s->waiting);
    tr_scaler_changed(s, a->changed, tr_clock_ms());
}

/* Goes on behind whom was told last. */
static void change_next(tr_coordinator_t *self) {
    autoscale_t *a = self->autoscale;
    while (a->asked < a->count) {
        if (tell_next(self))
            return;
        if (a->aim_count)
            end_group(self);
        a->asked++;
        a->aim_count = a->aimed = 0;
        if (a->asked < a->count && !aim(self, &a->scalers[a->asked]))
            a->aim_count = 0;
    }
    again(self);
}

/* All is known. */
static void change_all(tr_coordinator_t *self) {
    autoscale_t *a = self->autoscale;
    a->asked = 0;
    if (!aim(self, &a->scalers[0]))
        a->aim_count = 0;
    change_next(self);
}

/* ---- its life ---- */

static void destroy(autoscale_t **self) {
    if (!*self)
        return;
    tr_places_finish(&(*self)->places);
    free((*self)->scalers);
    free(*self);
    *self = NULL;
}

static int read_rules(autoscale_t *a, const tr_strings_t *rules, tr_error_t *error) {
    int rc = 0;
    a->scalers = calloc(rules->count, sizeof *a->scalers);
    a->count = rules->count;
    if (!a->scalers)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < rules->count; i++)
        rc = tr_scaler_parse(&a->scalers[i], rules->items[i], error);
    return rc;
}

int tr_autoscale_begin(tr_coordinator_t *self, tr_error_t *error) {
    const tr_strings_t *rules = &self->options->autoscale;
    if (!rules->count)
        return 0;
    autoscale_t *a = calloc(1, sizeof *a);
    int rc = a ? read_rules(a, rules, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0 && tr_places_init(&a->places, self, a->scalers, a->count, change_all) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0) {
        destroy(&a);
        return rc;
    }
    self->autoscale = a;
    again(self);
    return 0;
}

void tr_autoscale_finish(tr_coordinator_t *self) {
    destroy(&self->autoscale);
}

/* ---- what it is asked ---- */

static void write_group(tr_content_writer_t *w, autoscale_t *a, const tr_scaler_t *s) {
    size_t away = 0;
    for (size_t i = 0; i < place_count(s); i++)
        away += place_of(a, s, i)->gone;
    tr_write_map(w, 9);
    tr_write_kv(w, "group", s->group);
    tr_write_kv_int(w, "agents", s->agents < 0 ? 0 : s->agents);
    tr_write_kv_int(w, "wanted", s->wanted);
    tr_write_kv_int(w, "waiting", s->waiting);
    tr_write_kv_int(w, "min", s->min);
    tr_write_kv_int(w, "max", s->max);
    tr_write_kv_int(w, "hosts", (int64_t)place_count(s));
    tr_write_kv_int(w, "away", (int64_t)away);
    tr_write_kv_int(w, "changed", s->changed_ms ? tr_clock_ms() - s->changed_ms : -1);
}

void tr_desk_autoscale(tr_question_t *q) {
    autoscale_t *a = q->coordinator->autoscale;
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w)
        return;
    tr_write_map(w, 2);
    tr_write_kv_int(w, "before", 0);
    tr_write_str(w, "groups");
    tr_write_array(w, a ? a->count : 0);
    for (size_t i = 0; a && i < a->count; i++)
        write_group(w, a, &a->scalers[i]);
}
