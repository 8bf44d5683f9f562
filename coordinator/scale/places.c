#include "coordinator/scale/places.h"

#include "coordinator/events.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 10000
#define AWAY_MS   10000
#define START_MS  60000 /* the same of one that has never been heard of: hosts begin one after the other */

/* ---- asking ---- */

static void print_aid(const tr_place_t *self, const char *agent, char out[TR_AID_MAX + 1]) {
    snprintf(out, TR_AID_MAX + 1, "%s%s%s", agent, *self->platform ? "@" : "", self->platform);
}

int tr_place_ask(tr_place_t *self, const char *agent, tr_content_writer_t *w, tr_answer_fn then, void *arg) {
    char aid[TR_AID_MAX + 1];
    const char *whom = aid;
    print_aid(self, agent, aid);
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&whom, 1}, .protocol = "fipa-request"};
    int rc = tr_content_writer_take(w, &acl.content, &acl.content_len);
    if (rc == 0)
        rc = tr_request(self->places->coordinator->agent, &acl, ANSWER_MS, then, arg);
    tr_content_writer_finish(w);
    return rc;
}

bool tr_place_is_good(const tr_message_t *answer) {
    return answer && tr_message_performative(answer) == TR_INFORM;
}

void tr_place_say_why(tr_place_t *self, const char *agent, const tr_message_t *answer) {
    char aid[TR_AID_MAX + 1], detail[160] = "no answer", text[sizeof self->said];
    tr_coordinator_t *c = self->places->coordinator;
    if (self->failed)
        return;
    self->failed = true;
    if (answer)
        tr_value_copy(tr_value_get(tr_message_value(answer), "detail"), detail, sizeof detail);
    print_aid(self, agent, aid);
    snprintf(text, sizeof text, "%.*s: %.150s", (int)(sizeof text - 160), aid, detail);
    if (strcmp(text, self->said) != 0)
        tr_log(&c->resident.log, &tr_coordinator_events[TR_C_NOT_SCALED], "error=%s", text);
    strcpy(self->said, text);
}

/* ---- the end of a place's turn, and of the round ---- */

static void end_turn(tr_place_t *self) {
    tr_places_t *all = self->places;
    int64_t now_ms = tr_clock_ms();
    if (self->here) {
        self->heard_ms = now_ms;
        memcpy(self->known, self->now, all->scaler_count * sizeof *self->known);
    }
    int64_t quiet_ms = now_ms - (self->heard_ms ? self->heard_ms : all->begun_ms);
    self->gone = !self->here && *self->platform && quiet_ms > (self->heard_ms ? AWAY_MS : START_MS);
    if (self->gone)
        memset(self->known, 0, all->scaler_count * sizeof *self->known);
    if (--all->pending == 0)
        all->then(all->coordinator);
}

static void give_up(tr_place_t *self, const char *agent, const tr_message_t *answer) {
    tr_place_say_why(self, agent, answer);
    end_turn(self);
}

/* ---- second: how many there are ---- */

static int ask_page(tr_place_t *self);

static void count_one(tr_place_t *self, tr_value_t process) {
    for (size_t i = 0; i < self->places->scaler_count; i++)
        self->now[i].agents +=
            tr_value_equals(tr_value_get(process, "group"), self->places->scalers[i].group);
}

static void on_page(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_place_t *self = arg;
    (void)agent, (void)state;
    if (!tr_place_is_good(answer)) {
        give_up(self, TR_PLACES_SUPERVISOR, answer);
        return;
    }
    tr_value_t content = tr_message_value(answer), processes = tr_value_get(content, "processes");
    size_t n = tr_value_size(processes);
    for (size_t i = 0; i < n; i++)
        count_one(self, tr_value_at(processes, i));
    self->offset += (int64_t)n;
    self->here = !n || self->offset >= tr_value_int(tr_value_get(content, "total"), 0);
    if (self->here || ask_page(self) < 0)
        end_turn(self);
}

static int ask_page(tr_place_t *self) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "action", "status");
    tr_write_kv_int(&w, "offset", self->offset);
    return tr_place_ask(self, TR_PLACES_SUPERVISOR, &w, on_page, self);
}

/* ---- first: what waits ---- */

/* What another platform has of it counts there. */
static void add_service(tr_place_t *self, tr_value_t service) {
    tr_value_t name = tr_value_get(service, "service");
    int64_t unfinished = tr_value_int(tr_value_get(service, "queued"), 0) +
                         tr_value_int(tr_value_get(service, "leased"), 0) -
                         tr_value_int(tr_value_get(service, "away"), 0);
    for (size_t i = 0; i < self->places->scaler_count; i++) {
        const tr_scaler_t *s = &self->places->scalers[i];
        for (size_t k = 0; k < s->service_count; k++)
            if (tr_value_equals(name, s->services[k]))
                self->now[i].waiting += unfinished;
    }
}

static void on_services(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_place_t *self = arg;
    (void)agent, (void)state;
    if (!tr_place_is_good(answer)) {
        give_up(self, "ams", answer);
        return;
    }
    tr_value_t services = tr_value_get(tr_message_value(answer), "services");
    for (size_t i = 0; i < tr_value_size(services); i++)
        add_service(self, tr_value_at(services, i));
    if (ask_page(self) < 0)
        end_turn(self);
}

static void begin_turn(tr_place_t *self) {
    tr_content_writer_t w;
    memset(self->now, 0, self->places->scaler_count * sizeof *self->now);
    if (!self->failed)
        self->said[0] = '\0'; /* when it goes wrong again, that is new */
    self->offset = 0;
    self->here = self->failed = false;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "action", "services");
    if (tr_place_ask(self, "ams", &w, on_services, self) <
        0) /* the link is full, or down: in the next round */
        end_turn(self);
}

void tr_places_look(tr_places_t *self) {
    self->pending = self->count;
    for (size_t i = 0; i < self->count; i++)
        begin_turn(&self->items[i]);
}

/* ---- their life ---- */

tr_place_t *tr_places_at(tr_places_t *self, const char *platform) {
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->items[i].platform, platform ? platform : "") == 0)
            return &self->items[i];
    return NULL;
}

static int add(tr_places_t *self, const char *platform) {
    if (tr_places_at(self, platform))
        return 0;
    tr_place_t *p = &self->items[self->count++];
    p->places = self;
    snprintf(p->platform, sizeof p->platform, "%s", platform);
    p->now = calloc(self->scaler_count, sizeof *p->now);
    p->known = calloc(self->scaler_count, sizeof *p->known);
    return p->now && p->known ? 0 : -ENOMEM;
}

int tr_places_init(tr_places_t *self, tr_coordinator_t *coordinator, const tr_scaler_t *scalers, size_t count,
    void (*then)(tr_coordinator_t *self)) {
    size_t most = 1;
    int rc = 0;
    for (size_t i = 0; i < count; i++)
        most += scalers[i].platform_count;
    *self = (tr_places_t){.coordinator = coordinator,
        .scalers = scalers,
        .scaler_count = count,
        .items = calloc(most, sizeof *self->items),
        .begun_ms = tr_clock_ms(),
        .then = then};
    if (!self->items)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        for (size_t k = 0; rc == 0 && k < scalers[i].platform_count; k++)
            rc = add(self, scalers[i].platforms[k]);
        if (rc == 0 && !scalers[i].platform_count)
            rc = add(self, "");
    }
    return rc;
}

void tr_places_finish(tr_places_t *self) {
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].now);
        free(self->items[i].known);
    }
    free(self->items);
    *self = (tr_places_t){0};
}
