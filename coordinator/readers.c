#include "coordinator/readers.h"
#include "coordinator/council/motion.h"
#include "coordinator/events.h"
#include "lib/base/clock.h"
#include "lib/resident/about.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A server that says nothing for half of it is lost (lib/store): longer than a look may take. */
#define PATIENCE_MS (2 * TR_READERS_MOST_MS + 4000)
#define AGAIN_MS    100 /* between two tries of a first connection */

typedef struct looks {
    tr_look_t *first, **last;
} looks_t;

struct tr_readers {
    tr_coordinator_t *coordinator;
    tr_store_place_t place;
    tr_completions_t completions;
    pthread_t threads[TR_READERS_MAX];
    size_t thread_count;
    looks_t asked;        /* since the last commit; the host's, as is the next one */
    size_t count;         /* of all that are not answered */
    int interrupt;        /* an eventfd: what is being read ends */
    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t news;
    looks_t waiting;
    bool stop;
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
    *look = (tr_look_t){
        .kind = kind, .state = kind->states ? tr_page_state(q, kind->states) : -1, .asked_ms = tr_clock_ms()};
    if (look->state < -1)
        return false;
    memcpy(look->id, q->id, sizeof look->id);
    int64_t from = tr_value_int(tr_value_get(q->content, "history-from"), 0);
    look->from = from > 0 ? (size_t)from : 0;
    tr_page_begin(q, &look->page);
    return true;
}

static void gather(tr_look_t *look, tr_store_t *store) {
    look->rc = look->kind->gather(look, store);
    if (look->rc < 0 && !*look->error.text)
        tr_error_set(&look->error, look->rc, "%s", tr_store_why(store));
}

/* What is only not there is no failure. */
static void answer(tr_look_t *look, const tr_question_t *q) {
    tr_log_about_t about = {0};
    tr_about_message(q->message, &about);
    if (look->rc < 0 && look->rc != -ENOENT)
        tr_log(&q->coordinator->resident.log, &tr_coordinator_events[TR_C_LOOK_FAILED],
            "about=%s error=%s: %s trace=%s conversation=%s", *look->id ? look->id : "all",
            strerror(-look->rc), look->error.text, about.trace, about.conversation);
    look->kind->tell(look, q);
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
    answer(&look, q);
    finish(&look);
}

static void give_back(tr_look_t *look) {
    look->readers->count--;
    tr_message_release(&look->message);
    finish(look);
    free(look);
}

/* In the host's thread. Once it stops nobody can be answered any more. */
static void come_back(tr_completion_t *back) {
    tr_look_t *look = (tr_look_t *)back;
    tr_readers_t *self = look->readers;
    if (self->stop) {
        give_back(look);
        return;
    }
    tr_question_t q = {
        self->coordinator, look->message, tr_message_value(look->message), tr_clock_wall_ms(), ""};
    memcpy(q.id, look->id, sizeof q.id);
    answer(look, &q);
    tr_message_done(&look->message);
    finish(look);
    free(look);
    self->count--;
}

/* NULL: it was refused, or it is told that there is no memory. */
static tr_look_t *new_look(tr_question_t *q, const tr_look_kind_t *kind) {
    tr_look_t *look = malloc(sizeof *look);
    if (!look) {
        tr_question_fail(q, -ENOMEM);
        return NULL;
    }
    if (!ask(look, q, kind)) {
        free(look);
        return NULL;
    }
    look->message = tr_message_keep(q->message);
    if (look->message)
        return look;
    tr_question_fail(q, -ENOMEM);
    finish(look);
    free(look);
    return NULL;
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
    tr_look_t *look = new_look(q, kind);
    if (!look)
        return;
    look->readers = self;
    look->back.done = come_back;
    put(&self->asked, look);
    self->count++;
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

/* The first connection: later ones the store makes by itself. Whether there is time for another try. */
static bool waits_for_another(const tr_readers_t *self, int rc, int64_t until_ms) {
    struct pollfd stop = {.fd = self->interrupt, .events = POLLIN};
    return rc == -ENOTCONN && tr_clock_ms() + AGAIN_MS < until_ms && poll(&stop, 1, AGAIN_MS) == 0;
}

static void look_into(const tr_readers_t *self, tr_store_t **store, tr_look_t *look) {
    int64_t until_ms = tr_clock_ms() + PATIENCE_MS;
    if (tr_clock_ms() - look->asked_ms > TR_READERS_STALE_MS) {
        look->rc = tr_error_set(&look->error, -ETIMEDOUT, "others before it took too long");
        return;
    }
    look->rc = 0;
    while (!*store && (look->rc = tr_store_open(&self->place, store, &look->error)) < 0)
        if (!waits_for_another(self, look->rc, until_ms))
            return;
    look->error = (tr_error_t){0};
    gather(look, *store);
}

static void *run(void *arg) {
    tr_readers_t *self = arg;
    tr_store_t *store = NULL;
    for (tr_look_t *look; (look = next_look(self)); tr_completions_put(&self->completions, &look->back))
        look_into(self, &store, look);
    tr_store_close(&store);
    return NULL;
}

/* ---- life ---- */

int tr_readers_new(tr_coordinator_t *coordinator, const tr_store_place_t *place, size_t count,
    tr_readers_t **ret_self, tr_error_t *error) {
    tr_readers_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->coordinator = coordinator;
    self->place = *place;
    self->place.patience_ms = PATIENCE_MS;
    self->place.most_ms = TR_READERS_MOST_MS;
    self->place.interrupt_fd = &self->interrupt;
    take_all(&self->asked);
    take_all(&self->waiting);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->news, NULL);
    tr_completions_init(&self->completions, coordinator->host);
    self->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = self->interrupt < 0 ? tr_error_set(error, -errno, "eventfd: %s", strerror(errno)) : 0;
    for (; self->thread_count < count && rc == 0; self->thread_count += rc == 0)
        if ((rc = -pthread_create(&self->threads[self->thread_count], NULL, run, self)) < 0)
            tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc));
    if (rc < 0)
        tr_readers_destroy(&self);
    else
        *ret_self = self;
    return rc;
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

static void end_threads(tr_readers_t *self) {
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->news);
    pthread_mutex_unlock(&self->lock);
    tr_completions_stop(&self->completions);
    if (self->interrupt >= 0)
        eventfd_write(self->interrupt, 1); /* the first one: it cannot be full */
    for (size_t i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
}

static void give_all_back(looks_t *list) {
    for (tr_look_t *look = take_all(list), *next; look; look = next) {
        next = look->next;
        give_back(look);
    }
}

void tr_readers_stop(tr_readers_t *self) {
    if (!self || self->stop)
        return;
    end_threads(self);
    give_all_back(&self->asked);
    give_all_back(&self->waiting);
    tr_completions_drain(&self->completions);
}

void tr_readers_destroy(tr_readers_t **self_p) {
    tr_readers_t *self = *self_p;
    if (!self)
        return;
    tr_readers_stop(self);
    tr_completions_finish(&self->completions);
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    if (self->interrupt >= 0)
        close(self->interrupt);
    free(self);
    *self_p = NULL;
}
