#include "coordinator/readers.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

typedef struct looks {
    tr_look_t *first, **last;
} looks_t;

struct tr_readers {
    tr_coordinator_t *coordinator;
    tr_store_place_t place;
    pthread_t threads[TR_READERS_MAX];
    size_t thread_count;
    looks_t asked;        /* since the last commit; the host's, as is the next one */
    size_t count;         /* of all that are not answered */
    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t news;
    looks_t waiting, ready;
    bool stop, told; /* told: the host's thread has been asked to come */
};

static void put(looks_t *list, tr_look_t *look) {
    look->next = NULL;
    *list->last = look;
    list->last = &look->next;
}

static tr_look_t *take_all(looks_t *list) {
    tr_look_t *first = list->first;
    *list = (looks_t){NULL, &list->first};
    return first;
}

/* ---- a look ---- */

/* false: it was refused. */
static bool ask(tr_look_t *look, tr_question_t *q, const tr_look_kind_t *kind) {
    *look = (tr_look_t){.kind = kind, .state = kind->states ? tr_page_state(q, kind->states) : -1};
    if (look->state < -1)
        return false;
    memcpy(look->id, q->id, sizeof look->id);
    tr_page_begin(q, &look->page);
    return true;
}

static void gather(tr_look_t *look, tr_store_t *store) {
    look->rc = look->kind->gather(look, store);
}

static void finish(tr_look_t *look) {
    tr_content_writer_finish(&look->page.rows);
    tr_task_destroy(&look->task);
    tr_motion_destroy(&look->decision);
}

static void look_here(tr_question_t *q, const tr_look_kind_t *kind) {
    tr_look_t look;
    if (!ask(&look, q, kind))
        return;
    gather(&look, q->coordinator->store);
    kind->tell(&look, q);
    finish(&look);
}

void tr_readers_look(tr_question_t *q, const tr_look_kind_t *kind) {
    tr_readers_t *self = q->coordinator->readers;
    if (!self) {
        look_here(q, kind);
        return;
    }
    if (self->count >= TR_READERS_WAITING_MAX) {
        tr_question_refuse(q, "busy", "too many look into the database at this moment: ask again");
        return;
    }
    tr_look_t *look = malloc(sizeof *look);
    if (!look || !ask(look, q, kind)) {
        if (!look)
            tr_question_fail(q, -ENOMEM);
        free(look);
        return;
    }
    look->message = tr_message_keep(q->message);
    if (look->message) {
        put(&self->asked, look);
        self->count++;
        return;
    }
    tr_question_fail(q, -ENOMEM);
    finish(look);
    free(look);
}

/* ---- back to the host's thread ---- */

static void answer(tr_readers_t *self, tr_look_t *look) {
    tr_question_t q = {
        self->coordinator, look->message, tr_message_value(look->message), tr_clock_wall_ms(), ""};
    memcpy(q.id, look->id, sizeof q.id);
    look->kind->tell(look, &q);
    tr_message_done(&look->message);
    finish(look);
    free(look);
    self->count--;
}

static void come_back(tr_host_t *host, void *arg) {
    tr_readers_t *self = arg;
    (void)host;
    pthread_mutex_lock(&self->lock);
    tr_look_t *look = take_all(&self->ready);
    self->told = false;
    pthread_mutex_unlock(&self->lock);
    while (look) {
        tr_look_t *next = look->next;
        answer(self, look);
        look = next;
    }
}

static void give_back(tr_readers_t *self, tr_look_t *look) {
    pthread_mutex_lock(&self->lock);
    put(&self->ready, look);
    bool first = !self->told;
    self->told = true;
    pthread_mutex_unlock(&self->lock);
    while (first && tr_host_post(self->coordinator->host, come_back, self) < 0)
        sched_yield(); /* out of memory: whoever frees some runs meanwhile */
}

/* ---- the threads ---- */

static tr_look_t *next_look(tr_readers_t *self) {
    pthread_mutex_lock(&self->lock);
    while (!self->waiting.first && !self->stop)
        pthread_cond_wait(&self->news, &self->lock);
    tr_look_t *look = self->stop ? NULL : self->waiting.first;
    if (look && !(self->waiting.first = look->next))
        self->waiting.last = &self->waiting.first;
    pthread_mutex_unlock(&self->lock);
    return look;
}

static void *run(void *arg) {
    tr_readers_t *self = arg;
    tr_store_t *store = NULL;
    for (tr_look_t *look; (look = next_look(self)); give_back(self, look)) {
        int rc = store ? 0 : tr_store_open(&self->place, &store, &look->error);
        if (rc < 0)
            look->rc = rc;
        else
            gather(look, store);
    }
    tr_store_close(&store);
    return NULL;
}

/* ---- life ---- */

int tr_readers_new(tr_coordinator_t *coordinator, const tr_store_place_t *place, size_t count,
    tr_readers_t **ret_self, tr_error_t *error) {
    tr_readers_t *self = calloc(1, sizeof *self);
    int rc = 0;
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->coordinator = coordinator;
    self->place = *place;
    self->place.patience_ms = TR_READERS_PATIENCE_MS;
    take_all(&self->asked);
    take_all(&self->waiting);
    take_all(&self->ready);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->news, NULL);
    for (; self->thread_count < count && rc == 0; self->thread_count += rc == 0)
        rc = -pthread_create(&self->threads[self->thread_count], NULL, run, self);
    if (rc == 0) {
        *ret_self = self;
        return 0;
    }
    tr_readers_destroy(&self);
    return tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc));
}

void tr_readers_go(tr_readers_t *self) {
    tr_look_t *look = self ? take_all(&self->asked) : NULL;
    if (!look)
        return;
    pthread_mutex_lock(&self->lock);
    while (look) {
        tr_look_t *next = look->next;
        put(&self->waiting, look);
        look = next;
    }
    pthread_cond_broadcast(&self->news);
    pthread_mutex_unlock(&self->lock);
}

static void release_all(tr_readers_t *self, looks_t *list) {
    for (tr_look_t *look = take_all(list), *next; look; look = next) {
        next = look->next;
        tr_message_release(&look->message);
        finish(look);
        free(look);
        self->count--;
    }
}

void tr_readers_stop(tr_readers_t *self) {
    if (!self || self->stop)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->news);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
    release_all(self, &self->asked);
    release_all(self, &self->waiting);
    release_all(self, &self->ready);
}

void tr_readers_destroy(tr_readers_t **self_p) {
    tr_readers_t *self = *self_p;
    if (!self)
        return;
    tr_readers_stop(self);
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
