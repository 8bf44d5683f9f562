/* Adding agents to a host and taking them away. */
#include "lib/agent/taken.h"

#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REGISTER_MS  10000
#define DUPLICATE_MS 4000 /* longer than a lease: the name of a process that was killed is free by then */
#define RETRY_MS     100

/* Decimal digits without printf: names are made for every message that is sent. */
static size_t put_number(char *out, uint32_t v) {
    char digits[10];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

size_t tr_agent_name(const tr_agent_t *agent, char *out) {
    const tr_hosted_t *d = agent->hosted;
    size_t n = d->name_len;
    memcpy(out, d->name, n);
    if (d->range) {
        out[n++] = '-';
        n += put_number(out + n, agent->index);
    }
    out[n] = 0;
    return n;
}

const char *tr_agent_aid(const tr_agent_t *self, char out[TR_AID_MAX + 1]) {
    const char *platform = tr_link_platform(self->hosted->host->link);
    size_t n = tr_agent_name(self, out);
    out[n++] = '@';
    memcpy(out + n, platform, strlen(platform) + 1);
    return out;
}

void *tr_agent_state(const tr_agent_t *self) {
    const tr_hosted_t *d = self->hosted;
    return d->states ? d->states + (size_t)self->index * d->behaviour->state_size : NULL;
}

void tr_agent_warn_about(const tr_agent_t *self, const tr_message_t *message, const char *detail) {
    char name[TR_NAME_MAX + 1];
    tr_host_t *host = self->hosted->host;
    const tr_message_t *before = host->told_of;
    tr_agent_name(self, name);
    host->told_of = message;
    tr_host_say(host, TR_HOST_WARNED, "%s: %.400s", name, detail);
    host->told_of = before;
}

void tr_agent_warn(const tr_agent_t *self, const char *detail) {
    tr_agent_warn_about(self, NULL, detail);
}

struct tr_host *tr_agent_host(const tr_agent_t *self) {
    return self->hosted->host;
}

tr_agent_more_t *tr_agent_more(tr_agent_t *agent) {
    if (!agent->more) {
        agent->more = calloc(1, sizeof *agent->more);
        if (agent->more)
            agent->more->waiting_end = &agent->more->waiting;
    }
    return agent->more;
}

static void hosted_free(tr_hosted_t *d) {
    if (d->args_bytes) {
        tr_content_finish(&d->args);
        free(d->args_bytes);
    }
    free(d->agents);
    free(d->states);
    free(d->name);
    free(d);
}

int tr_hosted_set_args(tr_hosted_t *d, const void *bytes, size_t len) {
    void *copy = malloc(len ? len : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, bytes, len);
    int r = tr_content_init(&d->args, copy, len);
    if (r < 0) {
        free(copy);
        return r;
    }
    d->args_bytes = copy;
    d->args_len = len;
    return 0;
}

/* The fleet file's map travels as JSON on the command line and reaches the behaviour as a decoded value. */
static int read_args(tr_hosted_t *d, const char *json, tr_error_t *error) {
    if (!json || !*json)
        return 0;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    const void *bytes;
    size_t len;
    int r = tr_json_to_content(json, strlen(json), &w, error);
    if (r == 0)
        r = tr_content_writer_take(&w, &bytes, &len);
    if (r == 0)
        r = tr_hosted_set_args(d, bytes, len);
    tr_content_writer_finish(&w);
    if (r < 0)
        tr_error_prefix(error, "args");
    return r;
}

static tr_hosted_t *hosted_new(tr_host_t *host, const tr_addition_t *what) {
    const tr_behaviour_t *behaviour = what->behaviour;
    uint32_t count = what->count;
    tr_hosted_t *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->host = host;
    d->behaviour = behaviour;
    d->moves = behaviour->save && behaviour->restore;
    d->saves = d->stored = host->states && d->moves;
    d->count = count;
    d->range = what->range;
    d->name = strdup(what->name);
    d->name_len = strlen(what->name);
    d->agents = calloc(count, sizeof *d->agents);
    d->states = behaviour->state_size ? calloc(count, behaviour->state_size) : NULL;
    if (!d->name || !d->agents || (behaviour->state_size && !d->states)) {
        hosted_free(d);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        d->agents[i].hosted = d;
        d->agents[i].index = i;
    }
    return d;
}

static int ask_name(tr_hosted_t *d, const tr_addition_t *what, tr_error_t *error) {
    tr_link_t *link = d->host->link;
    if (d->registration)
        tr_link_forget(link, d->registration);
    uint64_t move = what->parcel ? tr_parcel_move(what->parcel) : 0;
    d->registration = move ? tr_link_claim(link, d->name, d->behaviour->name, move)
                           : tr_link_register(link, d->name, d->range ? d->count : 1, d->behaviour->name);
    if (!d->registration)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_registration_set_owner(d->registration, d);
    return 0;
}

/* Asks for the name and waits for the broker's answer. A name that is taken is asked for again for a while:
 * its last owner may just have been killed. Other agents of the host go on meanwhile. */
static int get_name(tr_hosted_t *d, const tr_addition_t *what, tr_error_t *error) {
    tr_host_t *host = d->host;
    int64_t begun = tr_clock_ms(), asked = begun;
    int r = ask_name(d, what, error);
    while (r == 0) {
        tr_registration_status_t status = tr_link_status(host->link, d->registration, error);
        int64_t now = tr_clock_ms();
        if (status == TR_REGISTRATION_DONE)
            return 0;
        if (status == TR_REGISTRATION_REFUSED && (error->code != -EEXIST || now - begun > DUPLICATE_MS))
            return error->code;
        if (now - begun > REGISTER_MS)
            return tr_error_set(error, -ETIMEDOUT, "%s: the broker does not answer", d->name);
        if (tr_host_stopping(host))
            return tr_error_set(error, -EINTR, "%s: stopped while registering", d->name);
        if (status == TR_REGISTRATION_REFUSED && now - asked >= RETRY_MS) {
            r = ask_name(d, what, error);
            asked = now;
        } else {
            tr_host_step(host, RETRY_MS);
        }
    }
    return r;
}

static void unlink_hosted(tr_host_t *host, tr_hosted_t *d) {
    for (tr_hosted_t **p = &host->hosted; *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    host->last_hosted = NULL;
    pthread_mutex_lock(&host->keeper_lock); /* the keeper may be about to name an agent of it */
    atomic_store(&host->running, NULL);
    pthread_mutex_unlock(&host->keeper_lock);
}

static void abandon(tr_host_t *host, tr_hosted_t *d) {
    tr_leave_forget(host, d->agents); /* of a range none is ever moved */
    unlink_hosted(host, d);
    if (d->registration) {
        tr_link_deregister(host->link, d->registration);
        tr_link_forget(host->link, d->registration);
    }
    hosted_free(d);
}

static int begin_all(tr_hosted_t *d, const tr_addition_t *what, tr_error_t *error) {
    for (uint32_t i = 0; i < d->count; i++) {
        int r = what->parcel ? tr_parcel_unpack(&d->agents[i], what->parcel) : tr_agent_begin(&d->agents[i]);
        if (r < 0)
            return tr_error_set(
                error, r, "%s: behaviour %s cannot start: %s", d->name, d->behaviour->name, strerror(-r));
        tr_agent_catch_up(&d->agents[i]);
    }
    tr_saved_commit(d->host);
    tr_link_flush(d->host->link);
    return 0;
}

tr_hosted_t *tr_hosted_find(tr_host_t *host, const char *name) {
    for (tr_hosted_t *d = host->hosted; d; d = d->next)
        if (!strcmp(d->name, name))
            return d;
    return NULL;
}

static int check_addition(tr_host_t *host, const tr_addition_t *what, tr_error_t *error) {
    const tr_behaviour_t *behaviour = what->behaviour;
    const char *name = what->name;
    if (host->calling)
        return tr_error_set(
            error, -EDEADLK, "%s: not from within an agent's callback: post a function that adds it", name);
    if (behaviour->abi != TR_BEHAVIOUR_ABI)
        return tr_error_set(error, -EINVAL,
            "behaviour %s is built for ABI %u, this library has %u: build it again", behaviour->name,
            behaviour->abi, TR_BEHAVIOUR_ABI);
    if (!tr_name_valid(name, strlen(name)) || (what->range && strlen(name) > TR_NAME_MAX - 9))
        return tr_error_set(
            error, -EINVAL, "%s: a name is 1 to %d of A-Z a-z 0-9 . _ - + ~", name, TR_NAME_MAX);
    if (tr_hosted_find(host, name))
        return tr_error_set(error, -EEXIST, "%s: this host has it already", name);
    return 0;
}

int tr_hosted_add(tr_host_t *host, const tr_addition_t *what, tr_hosted_t **ret, tr_error_t *error) {
    tr_error_t own = {0};
    error = error ? error : &own;
    int r = check_addition(host, what, error);
    if (r < 0)
        return r;
    tr_hosted_t *d = hosted_new(host, what);
    if (!d)
        return tr_error_set(error, -ENOMEM, "out of memory for %u agents", what->count);
    r = what->parcel ? tr_parcel_args(d, what->parcel) : read_args(d, what->args, error);
    if (r == 0 && d->saves && !d->range && !what->parcel)
        r = tr_taken_check_away(host, d->name, error);
    if (r < 0) {
        hosted_free(d);
        return r;
    }
    d->next = host->hosted;
    host->hosted = d;
    r = get_name(d, what, error);
    if (r == 0)
        r = begin_all(d, what, error);
    if (r < 0) {
        for (uint32_t i = 0; i < d->count; i++)
            tr_agent_end(&d->agents[i]);
        abandon(host, d);
        return r;
    }
    *ret = d;
    return 0;
}

int tr_host_add(tr_host_t *self, const char *name, const tr_behaviour_t *behaviour, const char *args,
    tr_agent_t **ret_agent, tr_error_t *error) {
    tr_hosted_t *d;
    int r = tr_hosted_add(
        self, &(tr_addition_t){.name = name, .count = 1, .behaviour = behaviour, .args = args}, &d, error);
    if (r == 0 && ret_agent)
        *ret_agent = d->agents;
    return r;
}

int tr_host_add_range(tr_host_t *self, const char *name, uint32_t count, const tr_behaviour_t *behaviour,
    const char *args, tr_error_t *error) {
    tr_hosted_t *d;
    if (count < 2 || count > TR_ROUTE_AGENTS_MAX)
        return tr_error_set(error, -EINVAL, "%s: a range has 2 to %u agents", name, TR_ROUTE_AGENTS_MAX);
    tr_addition_t what = {.name = name, .count = count, .range = true, .behaviour = behaviour, .args = args};
    return tr_hosted_add(self, &what, &d, error);
}

tr_agent_t *tr_host_agent(tr_host_t *self, const char *name, uint32_t index) {
    tr_hosted_t *d = tr_hosted_find(self, name);
    return d && index < d->count ? &d->agents[index] : NULL;
}

int tr_host_remove(tr_host_t *self, const char *name) {
    if (self->calling)
        return -EDEADLK;
    tr_hosted_t *d = tr_hosted_find(self, name);
    if (!d)
        return -ENOENT;
    tr_saved_commit(self);
    for (uint32_t i = 0; i < d->count; i++)
        tr_agent_end(&d->agents[i]);
    abandon(self, d);
    return 0;
}
