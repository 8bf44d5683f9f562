#include "coordinator/scale/autoscale.h"

#include "coordinator/events.h"
#include "lib/base/clock.h"
#include "lib/base/ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS    1000
#define ANSWER_MS  10000
#define SUPERVISOR "fleet"

struct tr_autoscale {
    tr_scaler_t *scalers;
    int64_t *waiting, *counted; /* of each, in the round that goes on */
    size_t count;
    int64_t offset;                 /* of the page of processes that was asked for */
    size_t asked;                   /* index of the one that is being changed */
    int64_t to;                     /* what it is being changed to */
    char ticket[TR_TICKET_MAX + 1]; /* of that */
    char said[200];                 /* what went wrong last, said once */
    bool failed;                    /* something in this round */
};
typedef struct tr_autoscale autoscale_t;

static void look(tr_agent_t *agent, void *state, void *arg);

static void again(tr_coordinator_t *self) {
    if (!tr_timer_start(self->agent, LOOK_MS, look, self))
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NOT_SCALED], "error=%s", strerror(ENOMEM));
}

/* Once for each reason; of a round, the first. */
static void say_why(tr_coordinator_t *self, const char *whom, const tr_message_t *answer) {
    autoscale_t *a = self->autoscale;
    char detail[160] = "no answer", text[200];
    if (answer)
        tr_value_copy(tr_value_get(tr_message_value(answer), "detail"), detail, sizeof detail);
    snprintf(text, sizeof text, "%s: %s", whom, detail);
    if (!a->failed && strcmp(text, a->said) != 0)
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NOT_SCALED], "error=%s", text);
    if (!a->failed)
        strcpy(a->said, text);
    a->failed = true;
}

/* The round is over. */
static void give_up(tr_coordinator_t *self, const char *whom, const tr_message_t *answer) {
    say_why(self, whom, answer);
    again(self);
}

static bool is_good(const tr_message_t *answer) {
    return answer && tr_message_performative(answer) == TR_INFORM;
}

/* 0 or a negative errno; takes what `w` has. */
static int ask(tr_coordinator_t *self, const char *whom, tr_content_writer_t *w, tr_answer_fn then) {
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&whom, 1}, .protocol = "fipa-request"};
    int rc = tr_content_writer_take(w, &acl.content, &acl.content_len);
    if (rc == 0)
        rc = tr_request(self->agent, &acl, ANSWER_MS, then, self);
    tr_content_writer_finish(w);
    return rc;
}

/* ---- third: what is to change, one group after the other ---- */

static void change_next(tr_coordinator_t *self);

static void on_scaled(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_coordinator_t *self = arg;
    autoscale_t *a = self->autoscale;
    tr_scaler_t *s = &a->scalers[a->asked];
    (void)agent, (void)state;
    if (!is_good(answer)) {
        tr_ticket_take(self->options->fleet_state, a->ticket); /* where it was not used */
        say_why(self, s->group, answer);                       /* and the others have their turn */
        a->asked++;
        change_next(self);
        return;
    }
    tr_log(&self->resident.log, &tr_coordinator_events[TR_C_SCALED],
        "group=%s from=%lld to=%lld waiting=%lld", s->group, (long long)s->agents, (long long)a->to,
        (long long)s->waiting);
    tr_scaler_changed(s, a->to, tr_clock_ms());
    a->asked++;
    change_next(self);
}

static int tell(tr_coordinator_t *self, const tr_scaler_t *s, int64_t to) {
    autoscale_t *a = self->autoscale;
    tr_error_t error = {0};
    tr_content_writer_t w;
    int rc = tr_ticket_make(self->options->fleet_state, a->ticket, &error);
    if (rc < 0)
        return rc;
    a->to = to;
    tr_content_writer_init(&w);
    tr_write_map(&w, 4);
    tr_write_kv(&w, "action", "scale");
    tr_write_kv(&w, "ticket", a->ticket);
    tr_write_kv_bool(&w, "wait", false);
    tr_write_str(&w, "groups");
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, s->group, to);
    rc = ask(self, SUPERVISOR, &w, on_scaled);
    if (rc < 0)
        tr_ticket_take(self->options->fleet_state, a->ticket);
    return rc;
}

static void change_next(tr_coordinator_t *self) {
    autoscale_t *a = self->autoscale;
    for (; a->asked < a->count; a->asked++) {
        tr_scaler_t *s = &a->scalers[a->asked];
        int64_t to = tr_scaler_look(s, a->counted[a->asked], a->waiting[a->asked], tr_clock_ms());
        if (to < 0)
            continue;
        if (tell(self, s, to) < 0)
            break; /* the link is full, or down: in the next round */
        return;
    }
    if (!a->failed)
        a->said[0] = '\0'; /* when it goes wrong again, that is new */
    again(self);
}

/* ---- second: how many there are ---- */

static int ask_page(tr_coordinator_t *self);

static void count_one(autoscale_t *a, tr_value_t process) {
    for (size_t i = 0; i < a->count; i++)
        a->counted[i] += tr_value_equals(tr_value_get(process, "group"), a->scalers[i].group);
}

static void on_page(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_coordinator_t *self = arg;
    autoscale_t *a = self->autoscale;
    (void)agent, (void)state;
    if (!is_good(answer)) {
        give_up(self, SUPERVISOR, answer);
        return;
    }
    tr_value_t content = tr_message_value(answer), processes = tr_value_get(content, "processes");
    size_t n = tr_value_size(processes);
    for (size_t i = 0; i < n; i++)
        count_one(a, tr_value_at(processes, i));
    a->offset += (int64_t)n;
    if (n && a->offset < tr_value_int(tr_value_get(content, "total"), 0)) {
        if (ask_page(self) < 0)
            again(self);
        return;
    }
    a->asked = 0;
    change_next(self);
}

static int ask_page(tr_coordinator_t *self) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "action", "status");
    tr_write_kv_int(&w, "offset", self->autoscale->offset);
    return ask(self, SUPERVISOR, &w, on_page);
}

/* ---- first: what waits ---- */

static void add_service(autoscale_t *a, tr_value_t service) {
    tr_value_t name = tr_value_get(service, "service");
    int64_t unfinished =
        tr_value_int(tr_value_get(service, "queued"), 0) + tr_value_int(tr_value_get(service, "leased"), 0);
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < a->scalers[i].service_count; k++)
            if (tr_value_equals(name, a->scalers[i].services[k]))
                a->waiting[i] += unfinished;
}

static void on_services(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_coordinator_t *self = arg;
    autoscale_t *a = self->autoscale;
    (void)agent, (void)state;
    if (!is_good(answer)) {
        give_up(self, "ams", answer);
        return;
    }
    tr_value_t services = tr_value_get(tr_message_value(answer), "services");
    memset(a->waiting, 0, a->count * sizeof *a->waiting);
    memset(a->counted, 0, a->count * sizeof *a->counted);
    for (size_t i = 0; i < tr_value_size(services); i++)
        add_service(a, tr_value_at(services, i));
    a->offset = 0;
    if (ask_page(self) < 0)
        again(self);
}

static void look(tr_agent_t *agent, void *state, void *arg) {
    tr_coordinator_t *self = arg;
    tr_content_writer_t w;
    (void)agent, (void)state;
    self->autoscale->failed = false;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "action", "services");
    if (ask(self, "ams", &w, on_services) < 0)
        again(self);
}

/* ---- its life ---- */

static void destroy(autoscale_t **self) {
    if (!*self)
        return;
    free((*self)->scalers);
    free((*self)->waiting);
    free((*self)->counted);
    free(*self);
    *self = NULL;
}

int tr_autoscale_begin(tr_coordinator_t *self, tr_error_t *error) {
    const tr_strings_t *rules = &self->options->autoscale;
    if (!rules->count)
        return 0;
    autoscale_t *a = calloc(1, sizeof *a);
    if (a) {
        a->scalers = calloc(rules->count, sizeof *a->scalers);
        a->waiting = calloc(rules->count, sizeof *a->waiting);
        a->counted = calloc(rules->count, sizeof *a->counted);
        a->count = rules->count;
    }
    int rc = a && a->scalers && a->waiting && a->counted ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < rules->count; i++)
        rc = tr_scaler_parse(&a->scalers[i], rules->items[i], error);
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

static void write_group(tr_content_writer_t *w, const tr_scaler_t *s) {
    tr_write_map(w, 7);
    tr_write_kv(w, "group", s->group);
    tr_write_kv_int(w, "agents", s->agents < 0 ? 0 : s->agents);
    tr_write_kv_int(w, "wanted", s->wanted);
    tr_write_kv_int(w, "waiting", s->waiting);
    tr_write_kv_int(w, "min", s->min);
    tr_write_kv_int(w, "max", s->max);
    tr_write_kv_int(w, "changed", s->changed_ms ? tr_clock_ms() - s->changed_ms : -1);
}

void tr_desk_autoscale(tr_question_t *q) {
    const autoscale_t *a = q->coordinator->autoscale;
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w)
        return;
    tr_write_map(w, 2);
    tr_write_kv_int(w, "before", 0);
    tr_write_str(w, "groups");
    tr_write_array(w, a ? a->count : 0);
    for (size_t i = 0; a && i < a->count; i++)
        write_group(w, &a->scalers[i]);
}
