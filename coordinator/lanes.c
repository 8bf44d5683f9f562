/* Who does what: lanes of tasks that want the same, agents that have room, and the choice between them. */
#include "coordinator/board_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lanes ---- */

static bool comes_first(const tr_task_t *a, const tr_task_t *b) {
    return a->order != b->order ? a->order < b->order : a->sequence < b->sequence;
}

/* Texts one behind the other, each ended by 0. */
static char *join(const char *const *texts, size_t count, size_t *ret_len) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += strlen(texts[i]) + 1;
    char *joined = malloc(len + 1), *at = joined;
    for (size_t i = 0; joined && i < count; i++)
        at = stpcpy(at, texts[i]) + 1;
    *ret_len = len;
    return joined;
}

static void point_into(const char *joined, size_t count, const char **texts) {
    for (size_t i = 0; i < count; i++, joined += strlen(joined) + 1)
        texts[i] = joined;
}

static void free_lane(tr_lane_t *lane) {
    tr_heap_finish(&lane->ready);
    free(lane->skills);
    free(lane->owned);
    free(lane);
}

static tr_lane_t *new_lane(const tr_task_t *task, char *key, size_t len) {
    tr_lane_t *lane = calloc(1, sizeof *lane);
    const char **skills = calloc(task->skill_count + 1, sizeof *skills);
    if (!lane || !skills) {
        free(lane);
        free(skills);
        free(key);
        return NULL;
    }
    point_into(key, task->skill_count, skills);
    *lane = (tr_lane_t){.ready = {.before = comes_first, .place = offsetof(tr_task_t, place)},
        .skills = skills,
        .skill_count = task->skill_count,
        .owned = key,
        .owned_len = len,
        .tasks = 1};
    return lane;
}

static bool add_lane(tr_board_t *self, tr_lane_t *lane) {
    if (self->lane_count == self->lane_room) {
        size_t room = self->lane_room ? 2 * self->lane_room : 8;
        tr_lane_t **grown = realloc(self->lanes, room * sizeof(tr_lane_t *));
        if (!grown)
            return false;
        self->lanes = grown;
        self->lane_room = room;
    }
    if (tr_map_put(&self->lane_of, lane->owned, lane->owned_len, (uint64_t)(uintptr_t)lane) < 0)
        return false;
    lane->index = self->lane_count++;
    self->lanes[lane->index] = lane;
    return true;
}

tr_lane_t *tr_lane_of(tr_board_t *self, const tr_task_t *task) {
    size_t len;
    char *key = join(task->skills, task->skill_count, &len);
    tr_lane_t *lane = key ? tr_map_find_ptr(&self->lane_of, key, len) : NULL;
    if (lane)
        lane->tasks++;
    if (!key || lane) {
        free(key);
        return lane;
    }
    lane = new_lane(task, key, len);
    if (lane && !add_lane(self, lane)) {
        free_lane(lane);
        lane = NULL;
    }
    return lane;
}

void tr_lane_leave(tr_board_t *self, tr_lane_t *lane) {
    if (--lane->tasks)
        return;
    tr_lane_t *last = self->lanes[--self->lane_count];
    self->lanes[lane->index] = last;
    last->index = lane->index;
    tr_map_delete(&self->lane_of, lane->owned, lane->owned_len);
    free_lane(lane);
}

void tr_lanes_finish(tr_board_t *self) {
    for (size_t i = 0; i < self->lane_count; i++)
        free_lane(self->lanes[i]);
    free(self->lanes);
    tr_map_finish(&self->lane_of);
}

/* ---- agents ---- */

static void free_worker(tr_worker_t *w) {
    free(w->skills);
    free(w->owned);
    free(w);
}

void tr_workers_finish(tr_board_t *self) {
    for (size_t i = 0; i < self->worker_count; i++)
        free_worker(self->workers[i]);
    free(self->workers);
    tr_map_finish(&self->worker_of);
}

static tr_worker_t *add_worker(tr_board_t *self, const char *name) {
    if (self->worker_count == self->worker_room) {
        size_t room = self->worker_room ? 2 * self->worker_room : 16;
        tr_worker_t **grown = realloc(self->workers, room * sizeof(tr_worker_t *));
        if (!grown)
            return NULL;
        self->workers = grown;
        self->worker_room = room;
    }
    tr_worker_t *w = calloc(1, sizeof *w);
    if (!w || tr_map_put(&self->worker_of, name, strlen(name), (uint64_t)(uintptr_t)w) < 0) {
        free(w);
        return NULL;
    }
    snprintf(w->name, sizeof w->name, "%s", name);
    w->fresh = true;
    self->workers[self->worker_count++] = w;
    return w;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int tr_board_list_worker(
    tr_board_t *self, const char *name, const char *const *skills, size_t skill_count, uint32_t capacity) {
    size_t len;
    tr_worker_t *w = tr_map_find_ptr(&self->worker_of, name, strlen(name));
    if (strlen(name) >= sizeof w->name)
        return -EINVAL;
    char *owned = join(skills, skill_count, &len);
    const char **list = calloc(skill_count + 1, sizeof *list);
    if (!owned || !list || !(w || (w = add_worker(self, name)))) {
        free(owned);
        free(list);
        return -ENOMEM;
    }
    point_into(owned, skill_count, list);
    qsort(list, skill_count, sizeof *list, by_text);
    free(w->skills);
    free(w->owned);
    w->skills = list;
    w->owned = owned;
    w->skill_count = skill_count;
    w->capacity = capacity ? capacity : 1;
    w->listed = true;
    w->listing = self->listing;
    return 0;
}

void tr_board_begin_listing(tr_board_t *self) {
    self->listing++;
}

/* Those that are not in this list are not listed any more; such as have nothing in hand are gone. */
void tr_board_end_listing(tr_board_t *self) {
    size_t kept = 0;
    for (size_t i = 0; i < self->worker_count; i++) {
        tr_worker_t *w = self->workers[i];
        w->listed = w->listing == self->listing;
        if (w->listed || w->in_hand) {
            self->workers[kept++] = w;
            continue;
        }
        tr_map_delete(&self->worker_of, w->name, strlen(w->name));
        free_worker(w);
    }
    self->worker_count = kept;
}

void tr_board_forget_elsewhere(tr_board_t *self) {
    for (size_t i = 0; i < self->worker_count; i++)
        self->workers[i]->elsewhere = 0;
}

void tr_board_note_elsewhere(tr_board_t *self, const char *name, uint32_t count) {
    tr_worker_t *w = tr_map_find_ptr(&self->worker_of, name, strlen(name));
    if (w)
        w->elsewhere = count;
}

size_t tr_board_workers(const tr_board_t *self) {
    size_t n = 0;
    for (size_t i = 0; i < self->worker_count; i++)
        n += self->workers[i]->listed;
    return n;
}

bool tr_worker_offers(const tr_worker_t *worker, const char *skill) {
    return worker->skill_count &&
           bsearch(&skill, worker->skills, worker->skill_count, sizeof *worker->skills, by_text);
}

void tr_board_each_worker(const tr_board_t *self, const char *skill,
    void (*each)(void *arg, const tr_worker_t *worker), void *arg) {
    for (size_t i = 0; i < self->worker_count; i++)
        if (self->workers[i]->listed && (!skill || tr_worker_offers(self->workers[i], skill)))
            each(arg, self->workers[i]);
}

/* ---- the choice ---- */

/* Both are sorted. */
static bool offers(const tr_worker_t *w, const tr_lane_t *lane) {
    size_t at = 0;
    for (size_t i = 0; i < lane->skill_count; i++) {
        while (at < w->skill_count && strcmp(w->skills[at], lane->skills[i]) < 0)
            at++;
        if (at == w->skill_count || strcmp(w->skills[at], lane->skills[i]) != 0)
            return false;
    }
    return true;
}

/* The mean of how alike the best of what it offers is to each that is wanted. */
static double fit_of(const tr_board_t *self, const tr_worker_t *w, const tr_lane_t *lane) {
    double sum = 0;
    for (size_t i = 0; i < lane->skill_count; i++) {
        double best = tr_worker_offers(w, lane->skills[i]) ? 1 : 0;
        for (size_t k = 0; k < w->skill_count && best < 1; k++) {
            double alike = self->hooks.alike(self->hooks.arg, lane->skills[i], w->skills[k]);
            best = alike > best ? alike : best;
        }
        sum += best >= TR_BOARD_FIT ? best : 0;
    }
    return lane->skill_count ? sum / (double)lane->skill_count : 1;
}

static bool can_do(const tr_board_t *self, const tr_worker_t *w, const tr_lane_t *lane) {
    return lane->orphan ? fit_of(self, w, lane) >= TR_BOARD_FIT : offers(w, lane);
}

static void find_orphans(tr_board_t *self) {
    for (size_t i = 0; i < self->lane_count && self->hooks.alike; i++) {
        tr_lane_t *lane = self->lanes[i];
        lane->orphan = true;
        for (size_t k = 0; k < self->worker_count && lane->orphan; k++)
            lane->orphan = !(self->workers[k]->listed && offers(self->workers[k], lane));
    }
}

static uint32_t taken(const tr_worker_t *w) {
    return w->in_hand + w->elsewhere;
}

static bool has_room(const tr_worker_t *w) {
    return w->listed && taken(w) < w->capacity;
}

/* The smaller part of its room taken; then the one that was asked less recently. */
static bool is_better(const tr_worker_t *a, const tr_worker_t *b) {
    uint64_t x = (uint64_t)taken(a) * b->capacity, y = (uint64_t)taken(b) * a->capacity;
    return x != y ? x < y : a->asked < b->asked;
}

/* Of a lane's agents who fits better; of those that fit alike who has more room. */
static bool is_fitter(
    const tr_board_t *self, const tr_lane_t *lane, const tr_worker_t *a, const tr_worker_t *b) {
    double x = lane->orphan ? fit_of(self, a, lane) : 1, y = lane->orphan ? fit_of(self, b, lane) : 1;
    return x > y || (x >= y && is_better(a, b));
}

static tr_worker_t *choose(const tr_board_t *self, const tr_lane_t *lane, const tr_task_t *task) {
    tr_worker_t *best = NULL, *last = NULL;
    for (size_t i = 0; i < self->worker_count; i++) {
        tr_worker_t *w = self->workers[i];
        if (!has_room(w) || !can_do(self, w, lane))
            continue;
        if (strcmp(w->name, task->agent) == 0)
            last = w; /* another one may do what he did not */
        else if (!best || is_fitter(self, lane, w, best))
            best = w;
    }
    return best && !(last && task->comes_back) ? best : last;
}

size_t tr_board_candidates(
    const tr_board_t *self, const tr_task_t *task, const tr_worker_t **ret, size_t most) {
    size_t n = 0;
    for (size_t i = 0; i < self->worker_count; i++) {
        const tr_worker_t *w = self->workers[i];
        if (!has_room(w) || !can_do(self, w, task->lane))
            continue;
        if (n == most && !is_better(w, ret[n - 1]))
            continue;
        size_t at = n < most ? n++ : n - 1;
        for (; at && is_better(w, ret[at - 1]); at--)
            ret[at] = ret[at - 1];
        ret[at] = w;
    }
    return n;
}

static void assign(tr_board_t *self, tr_task_t *task, tr_worker_t *w, int64_t now_ms) {
    task->granted = tr_task_share(task);
    task->begun_ms = task->assigned_ms = now_ms;
    task->told = 0;
    task->came_back = task->comes_back && strcmp(w->name, task->agent) == 0;
    task->comes_back = false;
    task->tries++;
    task->token++;
    task->bidless = false;
    task->worker = w;
    snprintf(task->agent, sizeof task->agent, "%s", w->name);
    w->in_hand++;
    w->asked = ++self->asked;
    tr_board_move(self, task, TR_TASK_ASSIGNED, now_ms);
    self->hooks.assign(self->hooks.arg, task);
}

static int64_t when(const tr_board_t *self, const tr_lane_t *lane, int64_t now_ms) {
    return tr_rates_when(&self->rates, lane->skills, lane->skill_count, now_ms);
}

int64_t tr_lanes_when(const tr_board_t *self, int64_t now_ms) {
    int64_t first = TR_BOARD_NEVER;
    for (size_t i = 0; i < self->lane_count && self->rates.count; i++) {
        int64_t at = self->lanes[i]->ready.count ? when(self, self->lanes[i], now_ms) : now_ms;
        if (at > now_ms && at < first)
            first = at;
    }
    return first;
}

/* ---- who joins ---- */

/* The task that is taken for `w`: the youngest of whoever has most, and two more than it; NULL. */
static tr_task_t *find_spare(const tr_board_t *self, const tr_worker_t *w, size_t coming) {
    tr_task_t *found = NULL;
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->tasks, &cursor));) {
        tr_task_t *task = (tr_task_t *)(uintptr_t)slot->value;
        const tr_worker_t *has = task->state == TR_TASK_ASSIGNED ? task->worker : NULL;
        if (!has || has == w || task->came_back || has->in_hand < taken(w) + coming + 2 ||
            !offers(w, task->lane))
            continue;
        if (!found || has->in_hand > found->worker->in_hand ||
            (has == found->worker && task->sequence > found->sequence))
            found = task;
    }
    return found;
}

static void take_back(tr_board_t *self, tr_task_t *task, int64_t now_ms) {
    self->hooks.withdraw(self->hooks.arg, task);
    tr_task_set_reason(task, "an agent with room has joined"); /* ignoring */
    tr_board_unspend(self, task);
    task->tries_max++;
    task->due_ms = now_ms;
    tr_board_move(self, task, TR_TASK_PENDING, now_ms);
}

void tr_board_spread(tr_board_t *self, int64_t now_ms) {
    for (size_t i = 0; i < self->worker_count; i++) {
        tr_worker_t *w = self->workers[i];
        size_t coming = 0;
        if (!w->fresh || !w->listed)
            continue;
        w->fresh = false;
        for (tr_task_t *task; taken(w) + coming < w->capacity && (task = find_spare(self, w, coming));
             coming++)
            take_back(self, task, now_ms);
    }
}

/* The first task of all lanes that somebody can take now. Room only becomes less in a round: a lane that nobody can take from is not
 * looked at again in it, however many lanes wait. */
static tr_task_t *next_task(const tr_board_t *self, int64_t now_ms, tr_worker_t **ret_worker) {
    tr_task_t *found = NULL;
    for (size_t i = 0; i < self->lane_count; i++) {
        tr_lane_t *lane = self->lanes[i];
        tr_task_t *task = lane->stuck == self->round ? NULL : tr_heap_first(&lane->ready);
        if (!task || (found && !comes_first(task, found)) || when(self, lane, now_ms) > now_ms)
            continue;
        tr_worker_t *w = choose(self, lane, task);
        if (w) {
            found = task;
            *ret_worker = w;
        } else {
            lane->stuck = self->round;
        }
    }
    return found;
}

static void call_for_bids(tr_board_t *self, tr_task_t *task) {
    tr_heap_remove(&task->lane->ready, task);
    task->called = self->hooks.call(self->hooks.arg, task);
    if (task->called)
        return;
    tr_rates_return(&self->rates, task->lane->skills, task->lane->skill_count);
    task->bidless = true;
    tr_heap_add(&task->lane->ready, task); /* where it was just now */
}

double tr_board_fit(const tr_board_t *self, const char *id, const char *worker) {
    const tr_task_t *task = tr_board_find(self, id);
    const tr_worker_t *w = tr_map_find_ptr(&self->worker_of, worker, strlen(worker));
    if (!task || !w)
        return 0;
    return task->lane->orphan ? fit_of(self, w, task->lane) : offers(w, task->lane);
}

int tr_board_award(
    tr_board_t *self, const char *id, uint32_t try, const char *worker, const char *why, int64_t now_ms) {
    tr_task_t *task = tr_board_called(self, id, try);
    tr_worker_t *w = tr_map_find_ptr(&self->worker_of, worker, strlen(worker));
    if (!task)
        return -ESTALE;
    if (!w || !has_room(w))
        return -ENOENT;
    tr_task_set_reason(task, why); /* where there is no memory the state says enough, ignoring */
    assign(self, task, w, now_ms);
    return 0;
}

void tr_lanes_assign(tr_board_t *self, int64_t now_ms) {
    tr_worker_t *w = NULL;
    find_orphans(self);
    self->round++;
    for (tr_task_t *task; (task = next_task(self, now_ms, &w));) {
        tr_rates_take(&self->rates, task->lane->skills, task->lane->skill_count, now_ms);
        bool goes_back = task->comes_back && strcmp(w->name, task->agent) == 0;
        if (task->way != TR_TASK_DIRECT && !task->bidless && !goes_back)
            call_for_bids(self, task);
        else
            assign(self, task, w, now_ms);
    }
}
