/* Services that an agent offers: told to the DF, and told again after a new session of the link. */
#include "lib/agent/host_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DF_MS            10000
#define AGAIN_SOON_MS    20   /* the link is down, or its agents are not registered again yet */
#define AGAIN_LATER_MS   1000 /* the DF did not answer */
#define CAPACITY_DEFAULT 16
#define DESCRIPTION_MAX  32768 /* the DF takes twice that, with the services */

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

/* Those are said by tr_provide and by the host. */
static bool is_own(const msgpack_object *key) {
    static const char *const own[] = {"name", "capacity", "durable"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (tr_value_equals(key, own[i]))
            return true;
    return false;
}

static size_t count_more(tr_value_t service) {
    size_t n = 0;
    for (uint32_t i = 0; tr_value_is_map(service) && i < service->via.map.size; i++)
        n += !is_own(&service->via.map.ptr[i].key);
    return n;
}

/* What tr_describe has said of this service; NULL = nothing. */
static tr_value_t described_service(tr_value_t description, const char *name) {
    tr_value_t services = tr_value_get(description, "services");
    for (size_t i = 0; i < tr_value_size(services); i++)
        if (tr_value_equals(tr_value_get(tr_value_at(services, i), "name"), name))
            return tr_value_at(services, i);
    return NULL;
}

static void write_service(
    tr_content_writer_t *w, const char *name, uint32_t capacity, bool durable, tr_value_t more) {
    tr_write_map(w, 2u + durable + count_more(more));
    tr_write_kv(w, "name", name);
    tr_write_kv_uint(w, "capacity", capacity);
    if (durable)
        tr_write_kv_bool(w, "durable", true);
    for (uint32_t i = 0; tr_value_is_map(more) && i < more->via.map.size; i++) {
        if (is_own(&more->via.map.ptr[i].key))
            continue;
        tr_write_value(w, &more->via.map.ptr[i].key);
        tr_write_value(w, &more->via.map.ptr[i].val);
    }
}

/* `description`: of tr_describe; NULL = none. */
static void write_description(
    tr_content_writer_t *w, const tr_agent_more_t *more, const tr_hosted_t *hosted, tr_value_t description) {
    bool again = more->provided_in == hosted->host->session;
    size_t keys = tr_value_size(description), services = tr_value_get(description, "services") != NULL;
    tr_write_map(w, 3 + keys - services);
    tr_write_kv(w, "action", again ? "modify" : "register");
    tr_write_kv(w, "behaviour", hosted->behaviour->name);
    tr_write_str(w, "services");
    tr_write_array(w, more->services_n);
    for (size_t i = 0; i < more->services_n; i++)
        write_service(w, more->services[i], more->capacities[i], hosted->host->durable,
            described_service(description, more->services[i]));
    for (size_t i = 0; i < keys; i++) {
        const msgpack_object_kv *kv = &description->via.map.ptr[i];
        if (tr_value_equals(&kv->key, "services"))
            continue;
        tr_write_value(w, &kv->key);
        tr_write_value(w, &kv->val);
    }
}

/* 0, -ENOMEM. */
static int write_all(tr_content_writer_t *w, const tr_agent_t *self) {
    const tr_agent_more_t *more = self->more;
    tr_content_t c;
    if (!more->described) {
        write_description(w, more, self->hosted, NULL);
        return 0;
    }
    int r = tr_content_init(&c, more->described, more->described_len);
    if (r < 0)
        return r;
    write_description(w, more, self->hosted, &c.root);
    tr_content_finish(&c);
    return 0;
}

static int tell(tr_agent_t *self) {
    tr_host_t *host = self->hosted->host;
    tr_agent_more_t *more = self->more;
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    int r = write_all(&w, self);
    if (r == 0)
        r = tr_content_writer_take(&w, &bytes, &len);
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

/* Only of one that wakes, and says all of it again: others may have told the DF something else by messages of their own meanwhile. */
static bool is_told(const tr_host_t *host, const tr_agent_more_t *more) {
    return host->waking && more->provided_in && more->provided_in == host->session;
}

static bool offers(const tr_agent_more_t *more, const char *service, uint32_t capacity) {
    for (size_t i = 0; i < more->services_n; i++)
        if (!strcmp(more->services[i], service))
            return more->capacities[i] == capacity;
    return false;
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
    capacity = capacity ? capacity : own ? own : CAPACITY_DEFAULT;
    if (more && is_told(host, more) && offers(more, service, capacity))
        return 0;
    int r = more ? add(more, service, capacity) : -ENOMEM;
    if (r < 0)
        return r;
    if (!host->session)
        host->session = tr_link_session(host->link);
    return tell(self);
}

/* It says nothing that the library says itself. */
static int check_description(const void *description, size_t len) {
    static const char *const own[] = {"action", "name", "behaviour", "lease-ms"};
    tr_content_t c;
    int r = len <= DESCRIPTION_MAX ? tr_content_init(&c, description, len) : -E2BIG;
    if (r < 0)
        return r == -ENOMEM || r == -E2BIG ? r : -EINVAL;
    r = tr_value_is_map(&c.root) ? 0 : -EINVAL;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (tr_value_get(&c.root, own[i]))
            r = -EINVAL;
    tr_content_finish(&c);
    return r;
}

int tr_describe(tr_agent_t *self, const void *description, size_t len) {
    tr_host_t *host = self->hosted->host;
    int r = check_description(description, len);
    tr_agent_more_t *more = r == 0 ? tr_agent_more(self) : NULL;
    if (more && is_told(host, more) && more->described_len == len &&
        !memcmp(more->described, description, len))
        return 0;
    void *copy = more ? malloc(len) : NULL;
    if (!copy)
        return r < 0 ? r : -ENOMEM;
    memcpy(copy, description, len);
    free(more->described);
    more->described = copy;
    more->described_len = len;
    if (!host->session)
        host->session = tr_link_session(host->link);
    return tell(self);
}

void tr_provide_again(tr_host_t *host) {
    for (tr_hosted_t *d = host->hosted; d; d = d->next)
        for (uint32_t i = 0; i < d->count; i++)
            if (d->agents[i].more && (d->agents[i].more->services_n || d->agents[i].more->described) &&
                d->agents[i].more->provided_in != host->session)
                tell(&d->agents[i]);
}
