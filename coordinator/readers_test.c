/* Looks: when they begin, who takes them, what becomes of them. The database, the broker and the host are played. */
#include "coordinator/events.h"
#include "coordinator/readers.h"

#include "lib/resident/about.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what is played ---- */

struct tr_store {
    int interrupt_fd;
};

struct tr_message {
    int number;
};

static struct played {
    pthread_mutex_t lock;
    pthread_cond_t news;
    int opens, closes, open_says;
    int gathered;
    bool held; /* "hold" is not gathered meanwhile */
    bool slow; /* "slow" is being gathered */
    pthread_t reader;
    void (*posted)(tr_host_t *host, void *arg);
    void *posted_arg;
    int refused, failed, answered, kept, done, released; /* the host's */
    char what[64];
} played = {.lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

int tr_store_open(const tr_store_place_t *place, tr_store_t **ret_store, tr_error_t *error) {
    assert_true(place->patience_ms / 2 >
                place->most_ms); /* else the server would be lost before it has ended a look */
    pthread_mutex_lock(&played.lock);
    played.opens++;
    pthread_cond_broadcast(&played.news);
    int rc = played.open_says;
    pthread_mutex_unlock(&played.lock);
    *ret_store = rc == 0 ? calloc(1, sizeof **ret_store) : NULL;
    if (rc == 0)
        (*ret_store)->interrupt_fd = *place->interrupt_fd;
    return rc < 0 ? tr_error_set(error, rc, "it is away") : 0;
}

const char *tr_store_why(const tr_store_t *self) {
    (void)self;
    return "it was stopped";
}

void tr_store_close(tr_store_t **self) {
    pthread_mutex_lock(&played.lock);
    played.closes += *self != NULL;
    pthread_mutex_unlock(&played.lock);
    free(*self);
    *self = NULL;
}

int tr_host_post(tr_host_t *self, void (*fn)(tr_host_t *host, void *arg), void *arg) {
    (void)self;
    pthread_mutex_lock(&played.lock);
    played.posted_arg = arg;
    played.posted = fn;
    pthread_cond_broadcast(&played.news);
    pthread_mutex_unlock(&played.lock);
    return 0;
}

tr_message_t *tr_message_keep(const tr_message_t *self) {
    tr_message_t *copy = malloc(sizeof *copy);
    *copy = *self;
    played.kept++;
    return copy;
}

void tr_message_done(tr_message_t **self) {
    played.done++;
    free(*self);
    *self = NULL;
}

void tr_message_release(tr_message_t **self) {
    played.released++;
    free(*self);
    *self = NULL;
}

bool tr_about_message(const tr_message_t *message, tr_log_about_t *about) {
    (void)message, (void)about;
    return false;
}

tr_value_t tr_message_value(const tr_message_t *self) {
    (void)self;
    return NULL;
}

void tr_question_refuse(const tr_question_t *q, const char *reason, const char *detail) {
    (void)q, (void)detail;
    played.refused++;
    strcpy(played.what, reason);
}

void tr_question_fail(const tr_question_t *q, int rc) {
    (void)q;
    played.failed = rc;
}

int tr_page_state(const tr_question_t *q, const char *const *words) {
    (void)words;
    if (strcmp(q->id, "wrong") != 0)
        return 3;
    tr_question_refuse(q, "unrecognised-parameter-value", "");
    return -2;
}

void tr_page_begin(const tr_question_t *q, tr_page_t *page) {
    (void)q;
    *page = (tr_page_t){.most = 1};
    tr_content_writer_init(&page->rows);
}

/* ---- a kind of look ---- */

/* "slow" is what a database does that says nothing: it ends when it is interrupted. */
static int gather(tr_look_t *look, tr_store_t *store) {
    assert_non_null(store);
    if (strcmp(look->id, "slow") == 0) {
        struct pollfd fd = {.fd = store->interrupt_fd, .events = POLLIN};
        pthread_mutex_lock(&played.lock);
        played.slow = true;
        pthread_cond_broadcast(&played.news);
        pthread_mutex_unlock(&played.lock);
        assert_int_equal(poll(&fd, 1, -1), 1);
        return -ECANCELED;
    }
    assert_int_equal(look->state, 3);
    pthread_mutex_lock(&played.lock);
    while (strcmp(look->id, "hold") == 0 && played.held)
        pthread_cond_wait(&played.news, &played.lock);
    played.gathered++;
    played.reader = pthread_self();
    pthread_mutex_unlock(&played.lock);
    tr_write_str(&look->page.rows, look->id);
    look->counts[0] = 7;
    return 0;
}

static void tell(tr_look_t *look, const tr_question_t *q) {
    assert_string_equal(q->id, look->id);
    played.answered++;
    played.failed = look->rc;
    if (look->rc == 0)
        assert_int_equal(look->counts[0], 7);
    strcpy(played.what, look->id);
}

static const char *const words[] = {"any", NULL};
static const tr_look_kind_t kind = {words, gather, tell};

/* ---- the stage ---- */

typedef struct stage {
    tr_coordinator_t coordinator;
    tr_store_place_t place;
    tr_message_t message;
} stage_t;

static stage_t *set_stage(void **state, size_t readers) {
    stage_t *s = calloc(1, sizeof *s);
    tr_error_t error = {0};
    tr_log_init(&s->coordinator.resident.log, -1, "test", TR_LOG_READABLE, TR_LOG_ERROR);
    pthread_mutex_lock(&played.lock);
    played.opens = played.closes = played.open_says = played.gathered = 0;
    played.held = played.slow = false;
    played.posted = NULL;
    pthread_mutex_unlock(&played.lock);
    played.refused = played.failed = played.answered = played.kept = played.done = played.released = 0;
    if (readers)
        assert_int_equal(
            tr_readers_new(&s->coordinator, &s->place, readers, &s->coordinator.readers, &error), 0);
    *state = s;
    return s;
}

static int with_none(void **state) {
    set_stage(state, 0);
    return 0;
}

static int with_one(void **state) {
    set_stage(state, 1);
    return 0;
}

static int with_two(void **state) {
    set_stage(state, 2);
    return 0;
}

static void hold(bool held) {
    pthread_mutex_lock(&played.lock);
    played.held = held;
    pthread_cond_broadcast(&played.news);
    pthread_mutex_unlock(&played.lock);
}

static int strike(void **state) {
    stage_t *s = *state;
    hold(false);
    tr_readers_destroy(&s->coordinator.readers);
    assert_int_equal(played.kept, played.done + played.released);
    assert_int_equal(played.opens - (played.open_says < 0), played.closes);
    free(s);
    return 0;
}

static void look(stage_t *s, const char *id) {
    tr_question_t q = {.coordinator = &s->coordinator, .message = &s->message};
    strcpy(q.id, id);
    tr_readers_look(&q, &kind);
}

/* The host's turns, until so many are answered. */
static void until_answered(int count) {
    while (played.answered < count) {
        pthread_mutex_lock(&played.lock);
        while (!played.posted)
            pthread_cond_wait(&played.news, &played.lock);
        void (*fn)(tr_host_t *, void *) = played.posted;
        played.posted = NULL;
        pthread_mutex_unlock(&played.lock);
        fn(NULL, played.posted_arg);
    }
}

static int gathered(void) {
    pthread_mutex_lock(&played.lock);
    int count = played.gathered;
    pthread_mutex_unlock(&played.lock);
    return count;
}

/* ---- tests ---- */

static void a_file_is_looked_into_at_once(void **state) {
    stage_t *s = *state;
    tr_store_t store = {0};
    s->coordinator.store = &store;
    look(s, "a");
    assert_int_equal(played.answered, 1);
    assert_true(pthread_equal(played.reader, pthread_self()));
    look(s, "wrong");
    assert_int_equal(played.refused, 1);
}

static void a_look_begins_after_the_commit(void **state) {
    stage_t *s = *state;
    look(s, "a");
    look(s, "b");
    assert_int_equal(gathered() + played.opens, 0); /* they are with the host: no thread has them */
    tr_readers_go(s->coordinator.readers);
    until_answered(2);
    assert_int_equal(gathered(), 2);
    assert_false(pthread_equal(played.reader, pthread_self()));
    assert_int_equal(played.done, 2);
    assert_string_equal(played.what, "b");
}

static void what_is_wrong_is_refused_at_once(void **state) {
    stage_t *s = *state;
    look(s, "wrong");
    assert_int_equal(played.refused, 1);
    assert_int_equal(played.kept, 0);
}

static void a_long_look_holds_up_no_other(void **state) {
    stage_t *s = *state;
    hold(true);
    look(s, "hold");
    look(s, "b");
    tr_readers_go(s->coordinator.readers);
    until_answered(1);
    assert_string_equal(played.what, "b");
    hold(false);
    until_answered(2);
    assert_string_equal(played.what, "hold");
}

static void too_many_are_refused(void **state) {
    stage_t *s = *state;
    for (unsigned i = 0; i < TR_READERS_WAITING_MAX; i++)
        look(s, "a");
    assert_int_equal(played.refused, 0);
    look(s, "more");
    assert_int_equal(played.refused, 1);
    assert_string_equal(played.what, "busy");
    tr_readers_go(s->coordinator.readers);
    until_answered(TR_READERS_WAITING_MAX);
    look(s, "again");
    tr_readers_go(s->coordinator.readers);
    until_answered(TR_READERS_WAITING_MAX + 1);
    assert_int_equal(played.refused, 1);
}

/* One that will not do is told at once, and the next look tries it anew. */
static void a_database_that_refuses_is_told(void **state) {
    stage_t *s = *state;
    pthread_mutex_lock(&played.lock);
    played.open_says = -EACCES;
    pthread_mutex_unlock(&played.lock);
    look(s, "a");
    tr_readers_go(s->coordinator.readers);
    until_answered(1);
    assert_int_equal(played.failed, -EACCES);
    pthread_mutex_lock(&played.lock);
    played.open_says = 0;
    played.opens = 0;
    pthread_mutex_unlock(&played.lock);
    look(s, "a");
    tr_readers_go(s->coordinator.readers);
    until_answered(2);
    assert_int_equal(played.failed, 0);
}

/* As after its restart: the look waits for it. */
static void a_database_that_is_away_is_waited_for(void **state) {
    stage_t *s = *state;
    pthread_mutex_lock(&played.lock);
    played.open_says = -ENOTCONN;
    pthread_mutex_unlock(&played.lock);
    look(s, "a");
    tr_readers_go(s->coordinator.readers);
    pthread_mutex_lock(&played.lock);
    while (played.opens < 2)
        pthread_cond_wait(&played.news, &played.lock);
    played.open_says = 0;
    played.opens = 0;
    pthread_mutex_unlock(&played.lock);
    until_answered(1);
    assert_int_equal(played.failed, 0);
}

static void a_stop_ends_what_is_being_read(void **state) {
    stage_t *s = *state;
    look(s, "slow");
    tr_readers_go(s->coordinator.readers);
    pthread_mutex_lock(&played.lock);
    while (!played.slow)
        pthread_cond_wait(&played.news, &played.lock);
    pthread_mutex_unlock(&played.lock);
    tr_readers_stop(s->coordinator.readers);
    assert_int_equal(played.answered, 0);
    assert_int_equal(played.released, 1);
}

static void what_was_not_answered_is_given_back(void **state) {
    stage_t *s = *state;
    look(s, "a");
    tr_readers_go(s->coordinator.readers);
    look(s, "b"); /* was not begun */
    tr_readers_stop(s->coordinator.readers);
    assert_int_equal(played.released, 2);
    assert_int_equal(played.answered, 0);
}

#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, strike)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(a_file_is_looked_into_at_once, with_none),
        WITH(a_look_begins_after_the_commit, with_one),
        WITH(what_is_wrong_is_refused_at_once, with_one),
        WITH(a_long_look_holds_up_no_other, with_two),
        WITH(too_many_are_refused, with_two),
        WITH(a_database_that_refuses_is_told, with_one),
        WITH(a_database_that_is_away_is_waited_for, with_one),
        WITH(a_stop_ends_what_is_being_read, with_two),
        WITH(what_was_not_answered_is_given_back, with_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
