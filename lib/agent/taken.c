#include "lib/agent/taken.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tr_taken_parcel_name(const char *agent, char out[TR_RECORD_NAME_MAX]) {
    snprintf(out, TR_RECORD_NAME_MAX, "%s#parcel", agent);
}

void tr_taken_away_name(const char *agent, char out[TR_RECORD_NAME_MAX]) {
    snprintf(out, TR_RECORD_NAME_MAX, "%s#away", agent);
}

/* ---- the list ---- */

static tr_taken_t *find(const tr_host_t *host, const char *name) {
    tr_taken_t *t = host->taken;
    while (t && strcmp(t->name, name) != 0)
        t = t->next;
    return t;
}

bool tr_taken_has(const tr_host_t *host, const char *name) {
    const tr_taken_t *t = find(host, name);
    return t && !t->gone;
}

static tr_taken_t *append(tr_host_t *host, const char *name) {
    size_t size = strlen(name) + 1;
    tr_taken_t *t = calloc(1, sizeof *t + size);
    if (!t)
        return NULL;
    memcpy(t->name, name, size);
    tr_taken_t **end = &host->taken;
    while (*end)
        end = &(*end)->next;
    return *end = t;
}

static void drop(tr_taken_t **place) {
    tr_taken_t *t = *place;
    *place = t->next;
    free(t->parcel);
    free(t);
}

void tr_taken_finish(tr_host_t *host) {
    while (host->taken)
        drop(&host->taken);
}

static void changed(tr_host_t *host) {
    host->taken_changed = host->taken_due = true;
}

void tr_taken_remove(tr_host_t *host, const char *name) {
    tr_taken_t *t = find(host, name);
    if (!t || t->gone)
        return;
    t->gone = true;
    free(t->parcel);
    t->parcel = NULL;
    changed(host);
}

void tr_taken_write(const tr_host_t *host, tr_content_writer_t *out) {
    size_t n = 0;
    for (const tr_taken_t *t = host->taken; t; t = t->next)
        n += !t->gone;
    tr_write_array(out, n);
    for (const tr_taken_t *t = host->taken; t; t = t->next)
        if (!t->gone)
            tr_write_str(out, t->name);
}

void tr_taken_stored(tr_host_t *host) {
    host->taken_changed = false;
    for (tr_taken_t **p = &host->taken; *p;) {
        free((*p)->parcel);
        (*p)->parcel = NULL;
        if ((*p)->gone)
            drop(p);
        else
            p = &(*p)->next;
    }
}

/* ---- the store ---- */

/* One record, decoded; *ret_bytes is to be freed behind it. -ENOENT: there is none. */
static int read_record(
    tr_host_t *host, const char *name, tr_content_t *ret, void **ret_bytes, tr_error_t *error) {
    void *bytes = NULL;
    size_t len = 0;
    int r = host->states->load(host->states, name, &bytes, &len, error);
    if (r == 0 && !bytes)
        return -ENOENT;
    if (r == 0 && (r = tr_content_init(ret, bytes, len)) < 0)
        tr_error_set(error, r, "%s, in the store, cannot be read: %s", name, strerror(-r));
    if (r < 0)
        free(bytes);
    else
        *ret_bytes = bytes;
    return r;
}

static int read_names(tr_host_t *host, tr_value_t list, tr_error_t *error) {
    char name[TR_NAME_MAX + 1];
    for (size_t i = 0; i < tr_value_size(list); i++) {
        if (tr_value_copy(tr_value_at(list, i), name, sizeof name) < 0)
            return tr_error_set(error, -EBADMSG, "%s, in the store, cannot be read", TR_TAKEN_LIST);
        if (!find(host, name) && !append(host, name))
            return tr_error_set(error, -ENOMEM, "out of memory");
    }
    return 0;
}

/* Once. */
static int load_list(tr_host_t *host, tr_error_t *error) {
    tr_content_t c;
    void *bytes;
    if (host->taken_read)
        return 0;
    int r = read_record(host, TR_TAKEN_LIST, &c, &bytes, error);
    if (r == 0) {
        r = read_names(host, &c.root, error);
        tr_content_finish(&c);
        free(bytes);
    }
    host->taken_read = r == 0 || r == -ENOENT;
    return host->taken_read ? 0 : r;
}

/* All but the state, which is in the agent's own record. */
static void write_parcel(tr_host_t *host, tr_value_t packed, tr_content_writer_t *w) {
    static const char *const keys[] = {"behaviour", "args", "services", "description", "subscriptions"};
    tr_write_map(w, sizeof keys / sizeof *keys + 1);
    tr_write_kv_bool(w, "durable", host->durable);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        tr_value_t v = tr_value_get(packed, keys[i]);
        tr_write_str(w, keys[i]);
        if (v)
            tr_write_value(w, v);
        else
            tr_write_nil(w);
    }
}

static int keep_parcel(tr_host_t *host, tr_taken_t *t, tr_value_t packed) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    write_parcel(host, packed, &w);
    int r = tr_content_writer_take(&w, &bytes, &len);
    void *own = r == 0 ? malloc(len) : NULL;
    if (own) {
        memcpy(own, bytes, len);
        free(t->parcel);
        t->parcel = own;
        t->len = len;
        t->gone = false;
    }
    tr_content_writer_finish(&w);
    return own ? 0 : -ENOMEM;
}

int tr_taken_add(tr_host_t *host, const char *name, tr_value_t packed, tr_error_t *error) {
    int r = load_list(host, error);
    if (r < 0)
        return r;
    tr_taken_t *t = find(host, name);
    if (!t && !(t = append(host, name)))
        return tr_error_set(error, -ENOMEM, "out of memory");
    if (keep_parcel(host, t, packed) < 0) {
        tr_taken_remove(host, name);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    host->taken_changed = true; /* with the agent's first commit */
    return 0;
}

int tr_taken_check_away(tr_host_t *host, const char *name, tr_error_t *error) {
    char record[TR_RECORD_NAME_MAX], to[TR_AID_MAX + 1] = "another process";
    tr_content_t c;
    void *bytes;
    tr_taken_away_name(name, record);
    int r = read_record(host, record, &c, &bytes, error);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    tr_value_copy(tr_value_get(&c.root, "to"), to, sizeof to); /* none: as above */
    tr_content_finish(&c);
    free(bytes);
    return tr_error_set(error, -EREMOTE,
        "%s was moved to %s, which has its state and takes it again when it is started; to begin it here "
        "anew, "
        "take this store away",
        name, to);
}

/* ---- again ---- */

static int take_again(
    tr_host_t *host, const char *name, tr_find_behaviour_fn find_behaviour, void *arg, tr_error_t *error) {
    char record[TR_RECORD_NAME_MAX], behaviour[TR_NAME_MAX + 1] = "";
    tr_content_t c;
    void *bytes;
    tr_taken_parcel_name(name, record);
    int r = read_record(host, record, &c, &bytes, error);
    if (r < 0)
        return r == -ENOENT ? tr_error_set(error, r, "%s, in the store, is not there", record) : r;
    tr_value_copy(tr_value_get(&c.root, "behaviour"), behaviour, sizeof behaviour); /* none: "" is unknown */
    const tr_behaviour_t *b = find_behaviour(arg, behaviour);
    if (!b || !b->save || !b->restore)
        r = tr_error_set(error, -ENOENT, "there is no behaviour %s that restores its state", behaviour);
    else if (tr_value_bool(tr_value_get(&c.root, "durable"), false) != host->durable)
        r = tr_error_set(error, -ENOTSUP, "its mailbox is %s, and those of this process are %s (--durable)",
            host->durable ? "not durable" : "durable", host->durable ? "durable" : "not");
    else
        r = tr_parcel_take_again(host, name, &c.root, b, error);
    tr_content_finish(&c);
    free(bytes);
    return r;
}

static void take_one_again(
    tr_host_t *host, const char *name, tr_find_behaviour_fn find_behaviour, void *arg) {
    tr_error_t error = {0};
    const tr_taken_t *t = find(host, name);
    if (!t || t->gone || tr_hosted_find(host, name))
        return; /* it left, or came, while others were taken */
    int r = take_again(host, name, find_behaviour, arg, &error);
    if (r == 0) {
        tr_host_say(host, TR_HOST_TAKEN_AGAIN, "%s", name);
        return;
    }
    if (r == -EEXIST)
        tr_taken_remove(host, name); /* whoever has the name is the agent now */
    if (r != -EINTR)
        tr_host_say(host, TR_HOST_NOT_TAKEN, "%s: %s", name, error.text);
}

/* While one is taken others come and go: so the names are copied. */
static char **copy_names(const tr_host_t *host, size_t *ret_n) {
    size_t n = 0;
    for (const tr_taken_t *t = host->taken; t; t = t->next)
        n++;
    char **names = calloc(n + 1, sizeof *names);
    *ret_n = 0;
    for (const tr_taken_t *t = host->taken; names && t; t = t->next)
        if ((names[*ret_n] = strdup(t->name)))
            ++*ret_n;
    return names;
}

int tr_host_take_again(tr_host_t *self, tr_find_behaviour_fn find_behaviour, void *arg) {
    size_t n;
    tr_error_t error = {0};
    if (self->calling)
        return -EDEADLK;
    if (!self->states)
        return 0;
    int r = load_list(self, &error);
    if (r < 0) {
        tr_host_say(self, TR_HOST_NOT_TAKEN, "%s", error.text);
        return r;
    }
    char **names = copy_names(self, &n);
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!tr_host_stopping(self))
            take_one_again(self, names[i], find_behaviour, arg);
        free(names[i]);
    }
    free(names);
    return 0;
}
