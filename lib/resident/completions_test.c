/* What threads have finished comes back, whatever the host's memory is like. The host is played. */
#include "lib/resident/completions.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define THREADS 4
#define EACH    1000

typedef struct stage {
    tr_completions_t completions; /* first */
    pthread_mutex_t lock;         /* of what is below */
    pthread_cond_t news;
    void (*posted)(tr_host_t *host, void *arg);
    void *arg;
    int posts, failures; /* failures: so many posts fail; -1 = all */
} stage_t;

typedef struct job {
    tr_completion_t completion; /* first */
    stage_t *stage;
    int *count, number, *last;
} job_t;

int tr_host_post(tr_host_t *self, void (*fn)(tr_host_t *host, void *arg), void *arg) {
    stage_t *s = (stage_t *)self;
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    s->posts++;
    if (s->failures) {
        s->failures -= s->failures > 0;
        rc = -ENOMEM;
    } else {
        s->posted = fn;
        s->arg = arg;
    }
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->news, NULL);
    tr_completions_init(&s->completions, (tr_host_t *)s);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_completions_finish(&s->completions);
    pthread_cond_destroy(&s->news);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return 0;
}

static void on_done(tr_completion_t *completion) {
    job_t *job = (job_t *)completion;
    assert_int_equal(job->number, ++*job->last); /* in the order in which its thread put them */
    ++*job->count;
    free(job);
}

static void put(stage_t *s, int *count, int *last, int number) {
    job_t *job = malloc(sizeof *job);
    *job = (job_t){{.done = on_done}, s, count, number, last};
    tr_completions_put(&s->completions, &job->completion);
}

/* A turn of the host's, when it was asked to come. */
static void turn(stage_t *s) {
    pthread_mutex_lock(&s->lock);
    while (!s->posted)
        pthread_cond_wait(&s->news, &s->lock);
    void (*fn)(tr_host_t *, void *) = s->posted;
    s->posted = NULL;
    pthread_mutex_unlock(&s->lock);
    fn(NULL, s->arg);
}

typedef struct worker {
    stage_t *stage;
    pthread_t thread;
    int *count, last;
} worker_t;

static void *work(void *arg) {
    worker_t *w = arg;
    for (int i = 1; i <= EACH; i++)
        put(w->stage, w->count, &w->last, i);
    return NULL;
}

static void all_of_many_threads_comes_back(void **state) {
    stage_t *s = *state;
    worker_t workers[THREADS];
    int count = 0;
    s->failures = 3;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.stage = s, .count = &count};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    while (count < THREADS * EACH)
        turn(s);
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

static void the_host_is_asked_once_for_many(void **state) {
    stage_t *s = *state;
    int count = 0, last = 0;
    for (int i = 1; i <= 10; i++)
        put(s, &count, &last, i);
    assert_int_equal(s->posts, 1);
    assert_int_equal(count, 0);
    turn(s);
    assert_int_equal(count, 10);
    put(s, &count, &last, 11);
    assert_int_equal(s->posts, 2);
    turn(s);
    assert_int_equal(count, 11);
}

/* One that cannot tell the host is not left waiting for ever by who waits for it. */
static void a_stop_ends_who_cannot_tell(void **state) {
    stage_t *s = *state;
    int count = 0;
    worker_t w = {.stage = s, .count = &count};
    s->failures = -1;
    assert_int_equal(pthread_create(&w.thread, NULL, work, &w), 0);
    pthread_mutex_lock(&s->lock);
    while (!s->posts)
        pthread_cond_wait(&s->news, &s->lock);
    pthread_mutex_unlock(&s->lock);
    tr_completions_stop(&s->completions);
    pthread_join(w.thread, NULL);
    tr_completions_drain(&s->completions);
    assert_int_equal(count, EACH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_of_many_threads_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_host_is_asked_once_for_many, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_ends_who_cannot_tell, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
