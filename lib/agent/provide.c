/* Services that an agent offers: told to the DF, and told again after a new session of the link. */
#include "lib/agent/host_private.h"

#include <errno.h>
#include <stdlib.h>

#define DF_MS            10000
#define AGAIN_SOON_MS    20   /* the link is down, or its agents are not registered again yet */
#define AGAIN_LATER_MS   1000 /* the DF did not answer */
#define CAPACITY_DEFAULT 16

static int tell(tr_agent_t *self);

static void tell_again(tr_agent_t *self, void *state, void *arg) {
    (void)state;
    (void)arg;
    tell(self);
}

static void refused(tr_agent_t *self, const tr_message_t *answer) {
    char name[TR_NAME_MAX + 1], detail[128] = "";
    tr_agent_name(self, name);
    tr_value_copy(tr_value_get(tr_message_value(answer), "detail"), detail, sizeof detail);
    tr_host_say(
        self->hosted->host, TR_HOST_REFUSED, "the DF did not take the services of %s: %s", name, detail);
}

/* What the DF knows may be other than what is known here when an answer was lost with a connection. */
static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)state;
    (void)arg;
    if (!answer || tr_message_type(answer) == TR_MESSAGE_FAILED) {
        self->more->provided_in = 0;
        tr_timer_start(self, AGAIN_LATER_MS, tell_again, NULL); /* out of memory: no service, ignoring */
        return;
    }
    if (tr_message_performative(answer) == TR_INFORM)
        return;
    tr_value_t reason = tr_value_get(tr_message_value(answer), "reason");
    bool unknown = tr_value_equals(reason, "not-registered");
    if (!unknown && !tr_value_equals(reason, "already-registered")) {
        refused(self, answer);
        return;
    }
    self->more->provided_in = unknown ? 0 : self->hosted->host->session;
    tell(self);
}

static void write_description(
    tr_content_writer_t *w, const tr_agent_more_t *more, bool again, const tr_hosted_t *hosted) {
    tr_write_map(w, 3);
    tr_write_kv(w, "action", again ? "modify" : "register");
    tr_write_kv(w, "behaviour", hosted->behaviour->name);
    tr_write_str(w, "services");
    tr_write_array(w, more->services_n);
    for (size_t i = 0; i < more->services_n; i++) {
        tr_write_map(w, hosted->host->durable ? 3 : 2);
        tr_write_kv(w, "name", more->services[i]);
        tr_write_kv_uint(w, "capacity", more->capacities[i]);
        if (hosted->host->durable)
            tr_write_kv_bool(w, "durable", true);
    }
}

static int tell(tr_agent_t *self) {
    tr_host_t *host = self->hosted->host;
    tr_agent_more_t *more = self->more;
    bool again = more->provided_in == host->session;
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    write_description(&w, more, again, self->hosted);
    int r = tr_content_writer_take(&w, &bytes, &len);
    const char *df = "df";
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {.items = &df, .count = 1},
        .protocol = "fipa-request",
        .ontology = "fipa-agent-management",
        .content = bytes,
        .content_len = len,
    };
    if (r == 0)
        r = tr_request(self, &acl, DF_MS, on_answer, NULL);
    if (r == 0)
        more->provided_in = host->session;
    tr_content_writer_finish(&w);
    if (r != -EAGAIN)
        return r;
    return tr_timer_start(self, AGAIN_SOON_MS, tell_again, NULL) ? 0 : -ENOMEM;
}

static int add(tr_agent_more_t *more, const char *service, uint32_t capacity) {
    for (size_t i = 0; i < more->services_n; i++) {
        if (!strcmp(more->services[i], service)) {
            more->capacities[i] = capacity;
            return 0;
        }
    }
    size_t n = more->services_n + 1;
    char **services = realloc(more->services, n * sizeof *services);
    if (!services)
        return -ENOMEM;
    more->services = services;
    uint32_t *capacities = realloc(more->capacities, n * sizeof *capacities);
    if (!capacities)
        return -ENOMEM;
    more->capacities = capacities;
    services[n - 1] = strdup(service);
    if (!services[n - 1])
        return -ENOMEM;
    capacities[n - 1] = capacity;
    more->services_n = n;
    return 0;
}

int tr_provide(tr_agent_t *self, const char *service, uint32_t capacity) {
    tr_host_t *host = self->hosted->host;
    uint32_t own = self->hosted->behaviour->capacity;
    if (!tr_name_valid(service, strlen(service)))
        return -EINVAL;
    tr_agent_more_t *more = tr_agent_more(self);
    int r = more ? add(more, service, capacity ? capacity : own ? own : CAPACITY_DEFAULT) : -ENOMEM;
    if (r < 0)
        return r;
    if (!host->session)
        host->session = tr_link_session(host->link);
    return tell(self);
}

void tr_provide_again(tr_host_t *host) {
    for (tr_hosted_t *d = host->hosted; d; d = d->next)
        for (uint32_t i = 0; i < d->count; i++)
            if (d->agents[i].more && d->agents[i].more->services_n &&
                d->agents[i].more->provided_in != host->session)
                tell(&d->agents[i]);
}
