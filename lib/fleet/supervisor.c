/*
 * Supervisors and children are nodes of one tree, in one array by id; node 0 is the top, whose children are the
 * supervisors without a parent. Whoever is walked is walked in preorder, which is the order of starting.
 *
 * A supervisor that gives up is `failing` until nothing below it lives (`living` counts that, on every level);
 * then resolve() hands its failure to the one above. One below another that is failing decides nothing.
 */
#include "lib/fleet/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

const char *const tr_strategy_words[] = {"one-for-one", "one-for-all", "rest-for-one", NULL};

typedef struct node {
    bool used, child;
    size_t parent, first, last, before, next; /* NONE where there is none */
    tr_restart_history_t history;             /* of a child only the doublings; of a supervisor both */
    int64_t started_ms;

    /* of a supervisor */
    tr_strategy_t strategy;
    tr_restart_t rule;
    size_t living, ending; /* children on all levels */
    bool failing, fresh;   /* fresh: nothing was started since it came (back) */
    bool tell, final;      /* turn is to tell that it gave up */
    size_t culprit;
    uint64_t blocked; /* the turn in which nothing more of it may start */

    /* of a child */
    tr_supervised_t state;
    int when;
    int64_t due_ms;
    bool told; /* ENDING: turn has asked for its end */
} node_t;

struct tr_supervisor {
    node_t *nodes;
    size_t count, cap, used; /* used: of the first `count` */
    size_t *order;           /* room for all of them */
    uint64_t turn;
    bool stirred; /* something ended since the turn began */
    uint32_t random;
};

static uint32_t next_random(tr_supervisor_t *self) {
    uint32_t x = self->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return self->random = x;
}

int tr_supervisor_new(uint32_t seed, tr_supervisor_t **ret_self) {
    tr_supervisor_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->random = seed ? seed : 0x9e3779b9u;
    self->nodes = calloc(8, sizeof *self->nodes);
    self->order = calloc(8, sizeof *self->order);
    if (!self->nodes || !self->order) {
        tr_supervisor_destroy(&self);
        return -ENOMEM;
    }
    self->cap = 8;
    self->count = self->used = 1;
    self->nodes[TR_SUPERVISOR_TOP] =
        (node_t){.used = true, .parent = NONE, .first = NONE, .last = NONE, .before = NONE, .next = NONE};
    *ret_self = self;
    return 0;
}

void tr_supervisor_destroy(tr_supervisor_t **self) {
    if (!self || !*self)
        return;
    for (size_t i = 0; i < (*self)->count; i++)
        tr_restart_finish(&(*self)->nodes[i].history);
    free((*self)->nodes);
    free((*self)->order);
    free(*self);
    *self = NULL;
}

/* ---- the tree ---- */

static node_t *child_at(const tr_supervisor_t *self, size_t id) {
    bool there = id < self->count && self->nodes[id].used && self->nodes[id].child;
    return there ? &self->nodes[id] : NULL;
}

/* The one after `id` in preorder within `top`, `top` being the first. */
static size_t walk(const tr_supervisor_t *self, size_t id, size_t top) {
    if (self->nodes[id].first != NONE)
        return self->nodes[id].first;
    for (; id != top; id = self->nodes[id].parent) {
        if (self->nodes[id].next != NONE)
            return self->nodes[id].next;
    }
    return NONE;
}

static int grow(tr_supervisor_t *self) {
    size_t cap = 2 * self->cap;
    node_t *nodes = realloc(self->nodes, cap * sizeof *nodes);
    if (!nodes)
        return -ENOMEM;
    self->nodes = nodes;
    size_t *order = realloc(self->order, cap * sizeof *order);
    if (!order)
        return -ENOMEM;
    self->order = order;
    self->cap = cap;
    return 0;
}

/* An unused id, not linked yet. */
static int free_id(tr_supervisor_t *self, size_t *ret_id) {
    size_t id = self->used < self->count ? 1 : self->count;
    while (id < self->count && self->nodes[id].used)
        id++;
    if (id == self->cap && grow(self) < 0)
        return -ENOMEM;
    if (id == self->count)
        self->count++;
    *ret_id = id;
    return 0;
}

/* As a child of `parent`, behind `after`, NONE being before all. */
static void link_behind(tr_supervisor_t *self, size_t id, size_t parent, size_t after) {
    node_t *node = &self->nodes[id], *above = &self->nodes[parent];
    node->parent = parent;
    node->before = after;
    size_t *from = after != NONE ? &self->nodes[after].next : &above->first;
    node->next = *from;
    *from = id;
    *(node->next != NONE ? &self->nodes[node->next].before : &above->last) = id;
}

static int add(tr_supervisor_t *self, size_t parent, size_t after, node_t node, size_t *ret_id) {
    size_t id = 0;
    bool possible = parent < self->count && self->nodes[parent].used && !self->nodes[parent].child;
    if (!possible || (node.child && parent == TR_SUPERVISOR_TOP))
        return -EINVAL;
    if (after != TR_SUPERVISOR_TOP && tr_supervisor_parent(self, after) != parent)
        return -EINVAL;
    if (free_id(self, &id) < 0)
        return -ENOMEM;
    node.used = true;
    node.first = node.last = node.before = node.next = NONE;
    self->nodes[id] = node;
    self->used++;
    link_behind(self, id, parent, after == TR_SUPERVISOR_TOP ? self->nodes[parent].last : after);
    *ret_id = id;
    return 0;
}

int tr_supervisor_add(
    tr_supervisor_t *self, size_t parent, tr_strategy_t strategy, const tr_restart_t *rule, size_t *ret_id) {
    node_t node = {.strategy = strategy, .rule = *rule, .fresh = true};
    node.rule.when = TR_RESTART_ALWAYS;
    int rc = tr_restart_prepare(rule, &node.history);
    if (rc == 0)
        rc = add(self, parent, TR_SUPERVISOR_TOP, node, ret_id);
    if (rc < 0)
        tr_restart_finish(&node.history);
    return rc;
}

static bool lives(const node_t *child) {
    return child->state == TR_SUPERVISED_UP || child->state == TR_SUPERVISED_ENDING ||
           child->state == TR_SUPERVISED_LEAVING;
}

int tr_supervisor_remove(tr_supervisor_t *self, size_t id) {
    if (id == TR_SUPERVISOR_TOP || id >= self->count || !self->nodes[id].used)
        return -ENOENT;
    node_t *node = &self->nodes[id];
    if (node->first != NONE || (node->child && lives(node)))
        return -EBUSY;
    *(node->before != NONE ? &self->nodes[node->before].next : &self->nodes[node->parent].first) = node->next;
    *(node->next != NONE ? &self->nodes[node->next].before : &self->nodes[node->parent].last) = node->before;
    tr_restart_finish(&node->history);
    *node = (node_t){0};
    self->used--;
    return 0;
}

/* ---- what changes a child ---- */

/* Another state, counted on every level. */
static void enter(tr_supervisor_t *self, node_t *child, tr_supervised_t state) {
    size_t lived = lives(child), ended = child->state == TR_SUPERVISED_ENDING;
    child->state = state;
    for (size_t id = child->parent; id != NONE; id = self->nodes[id].parent) {
        self->nodes[id].living += (size_t)lives(child) - lived;
        self->nodes[id].ending += (size_t)(state == TR_SUPERVISED_ENDING) - ended;
    }
}

static bool is_failing(const tr_supervisor_t *self, size_t id) {
    for (; id != NONE; id = self->nodes[id].parent) {
        if (self->nodes[id].failing)
            return true;
    }
    return false;
}

int tr_supervisor_add_child(tr_supervisor_t *self, size_t parent, size_t after, int when, size_t *ret_id) {
    node_t node = {.child = true, .when = when, .state = TR_SUPERVISED_WAITING};
    if (parent < self->count && is_failing(self, parent))
        node.state = TR_SUPERVISED_HELD;
    return add(self, parent, after, node, ret_id);
}

/* Comes back at that time, after having ended where it lives. */
static void again(tr_supervisor_t *self, node_t *child, int64_t due_ms) {
    switch (child->state) {
    case TR_SUPERVISED_UP:
        child->told = false;
        child->due_ms = due_ms;
        enter(self, child, child->when == TR_RESTART_NEVER ? TR_SUPERVISED_LEAVING : TR_SUPERVISED_ENDING);
        break;
    case TR_SUPERVISED_RESTED:
        if (child->when == TR_RESTART_NEVER)
            break;
        /* fallthrough */
    case TR_SUPERVISED_WAITING:
    case TR_SUPERVISED_HELD:
        child->due_ms = due_ms;
        enter(self, child, TR_SUPERVISED_WAITING);
        break;
    case TR_SUPERVISED_ENDING: child->due_ms = due_ms; break;
    default: break; /* it is to stay down */
    }
}

static void forget(node_t *supervisor) {
    tr_restart_forget(&supervisor->history);
    supervisor->failing = false;
    supervisor->fresh = true;
}

/* A child or a supervisor, with all below it, comes back. A supervisor's doublings are its own failures': they
 * stay where it is itself the one that failed. */
static void all_again(tr_supervisor_t *self, size_t top, int64_t due_ms) {
    for (size_t id = top; id != NONE; id = walk(self, id, top)) {
        node_t *node = &self->nodes[id];
        unsigned doublings = node->history.doublings;
        if (node->child)
            again(self, node, due_ms);
        else
            forget(node);
        node->history.doublings = id == top ? doublings : 0;
    }
}

/* One of its children has failed and comes back: with whom, the strategy says. */
static void apply(tr_supervisor_t *self, size_t supervisor, size_t cause, int64_t due_ms) {
    tr_strategy_t strategy = self->nodes[supervisor].strategy;
    size_t id = strategy == TR_ONE_FOR_ALL ? self->nodes[supervisor].first : cause;
    for (; id != NONE; id = strategy == TR_ONE_FOR_ONE ? NONE : self->nodes[id].next)
        all_again(self, id, due_ms);
}

/* ---- failures ---- */

static void resolve(tr_supervisor_t *self, size_t supervisor, int64_t now_ms);

static void give_up(tr_supervisor_t *self, size_t supervisor, size_t culprit, int64_t now_ms) {
    node_t *node = &self->nodes[supervisor];
    node->failing = node->tell = true;
    node->culprit = culprit;
    node->final = node->parent == TR_SUPERVISOR_TOP;
    for (size_t id = supervisor; id != NONE; id = walk(self, id, supervisor)) {
        node_t *child = &self->nodes[id];
        if (child->child && child->state == TR_SUPERVISED_UP)
            again(self, child, TR_SUPERVISOR_NEVER);
        else if (child->child && child->state == TR_SUPERVISED_WAITING)
            enter(self, child, TR_SUPERVISED_HELD);
    }
    resolve(self, supervisor, now_ms);
}

/* The counting of one supervisor, with the waits of the one that failed. */
static tr_restart_decision_t count(
    tr_supervisor_t *self, node_t *supervisor, node_t *cause, int when, bool failed, int64_t now_ms) {
    tr_restart_t rule = supervisor->rule;
    tr_restart_history_t history = supervisor->history;
    tr_restart_decision_t decision = {.action = TR_RESTART_FAILED};
    rule.when = when;
    history.doublings = cause->history.doublings;
    tr_restart_decide(
        &rule, &history, failed, cause->started_ms, now_ms, next_random(self), &decision); /* is prepared */
    cause->history.doublings = history.doublings;
    history.doublings = supervisor->history.doublings;
    supervisor->history = history;
    return decision;
}

static void stay_down(tr_supervisor_t *self, size_t top) {
    for (size_t id = top; id != NONE; id = walk(self, id, top)) {
        node_t *node = &self->nodes[id];
        if (node->child && node->state == TR_SUPERVISED_HELD)
            enter(self, node, TR_SUPERVISED_FAILED);
    }
}

/* One that gave up has failed itself, once nothing below it lives. */
static void resolve(tr_supervisor_t *self, size_t supervisor, int64_t now_ms) {
    node_t *node = &self->nodes[supervisor];
    if (!node->failing || node->living > 0 || is_failing(self, node->parent))
        return;
    node->failing = false;
    if (node->parent == TR_SUPERVISOR_TOP) {
        stay_down(self, supervisor);
        return;
    }
    node_t *above = &self->nodes[node->parent];
    tr_restart_decision_t d = count(self, above, node, TR_RESTART_ALWAYS, true, now_ms);
    if (d.action == TR_RESTART_AGAIN)
        apply(self, node->parent, supervisor, d.due_ms);
    else
        give_up(self, node->parent, node->culprit, now_ms);
}

static void resolve_above(tr_supervisor_t *self, size_t id, int64_t now_ms) {
    for (id = self->nodes[id].parent; id != TR_SUPERVISOR_TOP; id = self->nodes[id].parent)
        resolve(self, id, now_ms);
}

/* It ended by itself. */
static void decide(tr_supervisor_t *self, size_t id, bool failed, int64_t now_ms) {
    node_t *child = &self->nodes[id];
    tr_restart_decision_t d = count(self, &self->nodes[child->parent], child, child->when, failed, now_ms);
    if (d.action == TR_RESTART_DONE) {
        enter(self, child, TR_SUPERVISED_RESTED);
    } else if (d.action == TR_RESTART_FAILED && !d.intense) {
        enter(self, child, TR_SUPERVISED_FAILED);
    } else {
        enter(self, child, TR_SUPERVISED_HELD);
        if (d.intense)
            give_up(self, child->parent, id, now_ms);
        else
            apply(self, child->parent, id, d.due_ms);
    }
}

int tr_supervisor_ended(tr_supervisor_t *self, size_t id, bool failed, int64_t now_ms) {
    node_t *child = child_at(self, id);
    if (!child || !lives(child))
        return -EINVAL;
    bool failing = is_failing(self, child->parent);
    self->stirred = true;
    switch (child->state) {
    case TR_SUPERVISED_LEAVING: enter(self, child, TR_SUPERVISED_OUT); break;
    case TR_SUPERVISED_ENDING:
        enter(self, child, failing ? TR_SUPERVISED_HELD : TR_SUPERVISED_WAITING);
        break;
    default: decide(self, id, failed, now_ms); break;
    }
    resolve_above(self, id, now_ms);
    return 0;
}

int tr_supervisor_leave(tr_supervisor_t *self, size_t id) {
    node_t *child = child_at(self, id);
    if (!child)
        return -ENOENT;
    child->told = true; /* whoever asks for it ends it */
    enter(self, child, lives(child) ? TR_SUPERVISED_LEAVING : TR_SUPERVISED_OUT);
    return 0;
}

int tr_supervisor_bring(tr_supervisor_t *self, size_t id) {
    node_t *child = child_at(self, id);
    if (!child)
        return -ENOENT;
    bool down = child->state == TR_SUPERVISED_OUT || child->state == TR_SUPERVISED_RESTED ||
                child->state == TR_SUPERVISED_FAILED;
    if (!down || is_failing(self, child->parent))
        return -EBUSY;
    tr_restart_forget(&child->history);
    forget(&self->nodes[child->parent]);
    child->due_ms = 0;
    enter(self, child, TR_SUPERVISED_WAITING);
    return 0;
}

/* ---- the turn ---- */

static size_t list_children(tr_supervisor_t *self) {
    size_t n = 0;
    for (size_t id = TR_SUPERVISOR_TOP; id != NONE; id = walk(self, id, TR_SUPERVISOR_TOP)) {
        if (self->nodes[id].child)
            self->order[n++] = id;
    }
    return n;
}

/* Supervisors that gave up; the lower ones, which were added later, first. */
static void tell(tr_supervisor_t *self, const tr_supervisor_ops_t *ops, void *context) {
    for (size_t id = self->count; id-- > 1;) {
        node_t *node = &self->nodes[id];
        if (!node->tell)
            continue;
        node->tell = false;
        ops->gave_up(context, id, node->culprit, node->final);
    }
}

static void stop_from_last(tr_supervisor_t *self, size_t n, const tr_supervisor_ops_t *ops, void *context) {
    while (n-- > 0) {
        node_t *child = &self->nodes[self->order[n]];
        bool ends = child->state == TR_SUPERVISED_ENDING || child->state == TR_SUPERVISED_LEAVING;
        if (!ends || child->told)
            continue;
        child->told = true;
        ops->stop(context, self->order[n]);
    }
}

/* Those of one supervisor that come back together come in their order, and after all have ended. */
static bool must_wait(const tr_supervisor_t *self, const node_t *child) {
    for (size_t id = child->parent; id != NONE; id = self->nodes[id].parent) {
        const node_t *s = &self->nodes[id];
        if (s->strategy != TR_ONE_FOR_ONE && (s->ending > 0 || s->blocked == self->turn))
            return true;
    }
    return false;
}

static void block(tr_supervisor_t *self, const node_t *child) {
    for (size_t id = child->parent; id != NONE; id = self->nodes[id].parent)
        self->nodes[id].blocked = self->turn;
}

static void begin(tr_supervisor_t *self, node_t *child, int64_t now_ms) {
    child->started_ms = now_ms;
    enter(self, child, TR_SUPERVISED_UP);
    for (size_t id = child->parent; id != NONE && self->nodes[id].fresh; id = self->nodes[id].parent) {
        self->nodes[id].fresh = false;
        self->nodes[id].started_ms = now_ms;
    }
}

int64_t tr_supervisor_turn(
    tr_supervisor_t *self, int64_t now_ms, size_t starts, const tr_supervisor_ops_t *ops, void *context) {
    int64_t next_ms = TR_SUPERVISOR_NEVER;
    size_t n = list_children(self);
    self->turn++;
    self->stirred = false;
    for (size_t i = 0; i < n; i++) {
        node_t *child = &self->nodes[self->order[i]];
        if (child->state != TR_SUPERVISED_WAITING || must_wait(self, child))
            continue;
        int64_t due_ms = child->due_ms > now_ms ? child->due_ms : now_ms;
        if (due_ms > now_ms || starts == 0) {
            next_ms = due_ms < next_ms ? due_ms : next_ms;
            block(self, child);
            continue;
        }
        starts--;
        begin(self, child, now_ms);
        ops->start(context, self->order[i]);
    }
    stop_from_last(self, n, ops, context); /* also for what starts that failed brought about */
    tell(self, ops, context);
    return self->stirred ? now_ms : next_ms;
}

/* ---- looking ---- */

tr_supervised_t tr_supervisor_state(const tr_supervisor_t *self, size_t id, int64_t *ret_due_ms) {
    const node_t *child = child_at(self, id);
    if (child && child->state == TR_SUPERVISED_WAITING)
        *ret_due_ms = child->due_ms;
    return child ? child->state : TR_SUPERVISED_OUT;
}

size_t tr_supervisor_parent(const tr_supervisor_t *self, size_t id) {
    return id < self->count && self->nodes[id].used && id != TR_SUPERVISOR_TOP ? self->nodes[id].parent
                                                                               : TR_SUPERVISOR_TOP;
}

size_t tr_supervisor_living(const tr_supervisor_t *self, size_t id) {
    return id < self->count && self->nodes[id].used ? self->nodes[id].living : 0;
}
