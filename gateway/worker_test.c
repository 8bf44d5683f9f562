#include "gateway/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <pthread.h>
#include <semaphore.h>

#include <cmocka.h>

#define MOST 3

/* Jobs that the test lets go on one by one. */
typedef struct work {
    sem_t begun, may_end, done;
    int order[16], count;
} work_t;

typedef struct numbered {
    tr_job_t job; /* first */
    int number;
    int *dropped;
} numbered_t;

static void run(void *arg, tr_job_t *job) {
    work_t *work = arg;
    numbered_t *n = (numbered_t *)job;
    sem_post(&work->begun);
    sem_wait(&work->may_end);
    work->order[work->count++] = n->number;
    free(n);
    sem_post(&work->done);
}

static void drop(tr_job_t *job) {
    numbered_t *n = (numbered_t *)job;
    ++*n->dropped;
    free(n);
}

static bool give(tr_worker_t *worker, int number, int *dropped) {
    numbered_t *n = calloc(1, sizeof *n);
    *n = (numbered_t){.number = number, .dropped = dropped};
    if (tr_worker_give(worker, &n->job))
        return true;
    free(n);
    return false;
}

static void begin(work_t *work) {
    *work = (work_t){0};
    sem_init(&work->begun, 0, 0);
    sem_init(&work->may_end, 0, 0);
    sem_init(&work->done, 0, 0);
}

static void test_in_their_order_and_no_more_than_may_wait(void **state) {
    (void)state;
    work_t work;
    int dropped = 0;
    begin(&work);
    tr_worker_t *worker = tr_worker_new(MOST, run, drop, &work);
    assert_true(give(worker, 0, &dropped));
    sem_wait(&work.begun); /* it is at that one: it does not wait any more */
    for (int i = 1; i <= MOST; i++)
        assert_true(give(worker, i, &dropped));
    assert_false(give(worker, 9, &dropped));
    for (int i = 0; i <= MOST; i++) {
        sem_post(&work.may_end);
        sem_wait(&work.done);
    }
    assert_true(give(worker, MOST + 1, &dropped));
    sem_post(&work.may_end);
    sem_wait(&work.done);
    tr_worker_destroy(&worker);
    assert_int_equal(work.count, MOST + 2);
    for (int i = 0; i < MOST + 2; i++)
        assert_int_equal(work.order[i], i);
    assert_int_equal(dropped, 0);
}

static void *let_go(void *arg) {
    sem_post(arg);
    return NULL;
}

static void test_those_that_wait_are_dropped_at_the_end(void **state) {
    (void)state;
    work_t work;
    pthread_t thread;
    int dropped = 0;
    begin(&work);
    tr_worker_t *worker = tr_worker_new(MOST, run, drop, &work);
    for (int i = 0; i < MOST; i++)
        assert_true(give(worker, i, &dropped));
    sem_wait(&work.begun);
    assert_int_equal(pthread_create(&thread, NULL, let_go, &work.may_end), 0);
    sem_post(&work.may_end); /* room for a second one that may have begun */
    sem_post(&work.may_end);
    tr_worker_destroy(&worker);
    assert_null(worker);
    tr_worker_destroy(&worker);
    pthread_join(thread, NULL);
    assert_int_equal(work.count + dropped, MOST);
    assert_true(work.count >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_their_order_and_no_more_than_may_wait),
        cmocka_unit_test(test_those_that_wait_are_dropped_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
