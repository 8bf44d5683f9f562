/* Who is supervised: children by id, name, process and node of the tree. */
#include "tools/up/supervise_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef tr_supervised_child_t child_t;

#define CHILD_TEXT_MAX (4u << 20) /* bytes of one child's argv, environment and names */

void tr_supervised_child_view(const child_t *self, tr_child_view_t *ret_view) {
    bool says_why = self->state == TR_CHILD_BACKOFF || self->state == TR_CHILD_FAILED;
    *ret_view = (tr_child_view_t){
        .name = self->name,
        .pid = self->pid,
        .state = self->state,
        .restarts = self->restarts,
        .since_ms = self->since_ms,
        .due_ms = self->due_ms,
        .ended = self->ended,
        .exit_code = self->exit_code,
        .exit_signal = self->exit_signal,
        .reason = says_why ? self->reason : "",
    };
}

/* What the codes of troupe-agentd mean that a supervisor meets often. */
static const char *meaning_of(int code) {
    return code == 70 ? " (an agent failed too often)" : code == 71 ? " (a behaviour hung)" : "";
}

void tr_print_exit(const tr_child_view_t *view, char *out, size_t size) {
    const char *signal = view->exit_signal ? sigabbrev_np(view->exit_signal) : NULL;
    if (!view->ended)
        out[0] = '\0';
    else if (view->exit_signal)
        snprintf(out, size, "killed by signal %d (SIG%s)", view->exit_signal, signal ? signal : "?");
    else
        snprintf(out, size, "exited with %d%s", view->exit_code, meaning_of(view->exit_code));
}

void tr_supervised_child_destroy(child_t **self) {
    if (!*self)
        return;
    if ((*self)->ready_fd >= 0)
        close((*self)->ready_fd);
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}

/* A copy of a text in the arena; NULL stays NULL, and clears *ok when memory is out. */
static const char *copied(tr_arena_t *arena, const char *text, bool *ok) {
    if (!text)
        return NULL;
    const char *copy = tr_arena_strn(arena, text, strlen(text));
    *ok = *ok && copy;
    return copy;
}

static const char **copied_argv(tr_arena_t *arena, const char *const *argv, bool *ok) {
    size_t n = 0;
    while (argv[n])
        n++;
    const char **out = tr_arena_alloc(arena, (n + 1) * sizeof *out);
    *ok = *ok && out;
    for (size_t i = 0; out && i < n; i++)
        out[i] = copied(arena, argv[i], ok);
    if (out)
        out[n] = NULL;
    return out;
}

static const char **copied_env(tr_arena_t *arena, const tr_pair_t *env, size_t count, bool *ok) {
    const char **out = tr_arena_alloc(arena, (count + 1) * sizeof *out);
    *ok = *ok && out;
    if (!out)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(env[i].key) + strlen(env[i].value) + 2;
        char *text = tr_arena_alloc(arena, size);
        *ok = *ok && text;
        if (text)
            snprintf(text, size, "%s=%s", env[i].key, env[i].value);
        out[i] = text;
    }
    out[count] = NULL;
    return out;
}

static child_t *child_new(const tr_child_spec_t *spec) {
    child_t *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    bool ok = true;
    tr_arena_init(&c->arena, CHILD_TEXT_MAX);
    c->ready_fd = -1;
    c->name = copied(&c->arena, spec->name, &ok);
    c->argv = copied_argv(&c->arena, spec->argv, &ok);
    c->variables = copied_env(&c->arena, spec->env, spec->env_count, &ok);
    c->directory = copied(&c->arena, spec->directory, &ok);
    c->log = copied(&c->arena, spec->log, &ok);
    c->restart = spec->restart;
    c->stop_order = spec->stop_order;
    c->ready_pipe = spec->ready_pipe;
    c->exit_code = -1;
    if (!ok)
        tr_supervised_child_destroy(&c);
    return c;
}

/* A free id, with room for it. -ENOMEM. */
static int free_id(tr_supervise_t *self, size_t *ret_id) {
    if (self->by_name.count < self->limit) {
        size_t id = 0;
        while (self->children[id])
            id++;
        *ret_id = id;
        return 0;
    }
    if (self->limit == self->cap) {
        size_t cap = self->cap ? 2 * self->cap : 16;
        child_t **children = realloc(self->children, cap * sizeof *children);
        if (!children)
            return -ENOMEM;
        self->children = children;
        self->cap = cap;
    }
    self->children[self->limit] = NULL;
    *ret_id = self->limit;
    return 0;
}

child_t *tr_supervised_child_of(const tr_supervise_t *self, size_t node) {
    const uint64_t *id = tr_map_find(&self->by_node, (const char *)&node, sizeof node);
    return id ? self->children[*id] : NULL;
}

/* Its place in the tree: below the supervisor that is said, or one for itself alone. */
static int put_in_tree(tr_supervise_t *self, const tr_child_spec_t *spec, child_t *c) {
    size_t supervisor = spec->supervisor, other;
    size_t after = spec->after && tr_supervise_find(self, spec->after, &other) == 0
                       ? self->children[other]->node
                       : TR_SUPERVISOR_TOP;
    int rc = 0;
    if (!supervisor)
        rc = tr_supervisor_add(self->tree, TR_SUPERVISOR_TOP, TR_ONE_FOR_ONE, &spec->restart, &c->alone);
    if (rc == 0)
        rc = tr_supervisor_add_child(
            self->tree, supervisor ? supervisor : c->alone, after, spec->restart.when, &c->node);
    if (rc == 0)
        rc = tr_map_put(&self->by_node, (const char *)&c->node, sizeof c->node, c->id);
    return rc;
}

static void take_from_tree(tr_supervise_t *self, const child_t *c) {
    if (!c->node)
        return;
    tr_map_delete(&self->by_node, (const char *)&c->node, sizeof c->node);
    tr_supervisor_leave(self->tree, c->node);
    tr_supervisor_remove(self->tree, c->node);
    if (c->alone)
        tr_supervisor_remove(self->tree, c->alone);
}

static int put(tr_supervise_t *self, const tr_child_spec_t *spec, child_t *c) {
    int rc = put_in_tree(self, spec, c);
    if (rc == 0)
        rc = tr_map_put(&self->by_name, c->name, strlen(c->name), c->id);
    if (rc < 0)
        take_from_tree(self, c);
    return rc;
}

int tr_supervise_add(tr_supervise_t *self, const tr_child_spec_t *spec, size_t *ret_id, tr_error_t *error) {
    if (!spec->name || !*spec->name || !spec->argv || !spec->argv[0])
        return tr_error_set(error, -EINVAL, "a child process needs a name and a program");
    if (tr_map_find(&self->by_name, spec->name, strlen(spec->name)))
        return tr_error_set(error, -EEXIST, "\"%s\" is there already", spec->name);
    size_t id = 0;
    child_t *c = free_id(self, &id) == 0 ? child_new(spec) : NULL;
    if (c)
        c->id = id;
    int rc = c ? put(self, spec, c) : -ENOMEM;
    if (rc < 0) {
        if (c)
            tr_supervised_child_destroy(&c);
        return tr_error_set(error, rc, "%s: %s", spec->name, strerror(-rc));
    }
    self->children[id] = c;
    if (id == self->limit)
        self->limit++;
    *ret_id = id;
    return 0;
}

int tr_supervise_add_supervisor(
    tr_supervise_t *self, size_t parent, tr_strategy_t strategy, const tr_restart_t *rule, size_t *ret_id) {
    return tr_supervisor_add(self->tree, parent, strategy, rule, ret_id);
}

int tr_supervise_set_argv(tr_supervise_t *self, size_t id, const char *const *argv) {
    child_t *c = tr_supervised_child_at(self, id);
    if (!c)
        return -ENOENT;
    bool ok = true;
    const char **copy = copied_argv(&c->arena, argv, &ok);
    if (!ok)
        return -ENOMEM;
    c->argv = copy;
    return 0;
}

int tr_supervise_remove(tr_supervise_t *self, size_t id) {
    child_t *c = tr_supervised_child_at(self, id);
    if (!c)
        return -ENOENT;
    if (c->pid > 0)
        return -EBUSY;
    tr_map_delete(&self->by_name, c->name, strlen(c->name));
    take_from_tree(self, c);
    tr_supervised_child_destroy(&self->children[id]);
    return 0;
}

size_t tr_supervise_limit(const tr_supervise_t *self) {
    return self->limit;
}

int tr_supervise_view(const tr_supervise_t *self, size_t id, tr_child_view_t *ret_view) {
    const child_t *c = tr_supervised_child_at(self, id);
    if (!c)
        return -ENOENT;
    tr_supervised_child_view(c, ret_view);
    return 0;
}

int tr_supervise_find(const tr_supervise_t *self, const char *name, size_t *ret_id) {
    const uint64_t *id = tr_map_find(&self->by_name, name, strlen(name));
    if (!id)
        return -ENOENT;
    *ret_id = (size_t)*id;
    return 0;
}

int tr_supervise_ready_fd(const tr_supervise_t *self, size_t id) {
    const child_t *c = tr_supervised_child_at(self, id);
    return c ? c->ready_fd : -1;
}

void tr_supervise_close_ready(tr_supervise_t *self, size_t id) {
    child_t *c = tr_supervised_child_at(self, id);
    if (!c || c->ready_fd < 0)
        return;
    close(c->ready_fd);
    c->ready_fd = -1;
}
