/* An agent's life in its host: failures, restarts, hanging; timers, descriptors, requests. */
#include "lib/base/clock.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

#define NOTES_MAX 256

/* What a behaviour writes down for the test. It outlives the restarts. */
typedef struct notes {
    unsigned begun, ended, timers, ticks, watched;
    uint64_t numbers[NOTES_MAX];
    size_t n;
    int64_t busy_ms; /* how long the next message takes */
} notes_t;

typedef struct fragile {
    notes_t *notes;
} fragile_t;

/* The notes come as a number in the arguments. */
static int fragile_init(tr_agent_t *self, void *state, tr_value_t args) {
    fragile_t *f = state;
    (void)self;
    f->notes = (notes_t *)(uintptr_t)tr_value_int(tr_value_get(args, "notes"), 0);
    f->notes->begun++;
    return 0;
}

static void work_for(int64_t ms) {
    struct timespec pause = {.tv_nsec = 1000000};
    for (int64_t end = tr_clock_ms() + ms; tr_clock_ms() < end;)
        nanosleep(&pause, NULL);
}

/* Number 13 is too much for it. */
static int fragile_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    fragile_t *f = state;
    uint64_t number;
    size_t len;
    const void *bytes = tr_message_content(m, &len);
    if (tr_message_type(m) != TR_MESSAGE_DIRECT || !content_check(bytes, len, &number))
        return 0;
    if (number == 13)
        return -EIO;
    work_for(f->notes->busy_ms);
    assert_true(f->notes->n < NOTES_MAX);
    f->notes->numbers[f->notes->n++] = number;
    if (tr_message_performative(m) == TR_REQUEST)
        tr_reply(self, m, TR_INFORM, bytes, len);
    return 0;
}

static void fragile_fini(tr_agent_t *self, void *state) {
    (void)self;
    ((fragile_t *)state)->notes->ended++;
}

static void fragile_tick(tr_agent_t *self, void *state) {
    (void)self;
    ((fragile_t *)state)->notes->ticks++;
}

static const tr_behaviour_t fragile = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "fragile",
    .state_size = sizeof(fragile_t),
    .init = fragile_init,
    .receive = fragile_receive,
    .fini = fragile_fini,
    .tick = fragile_tick,
};

static member_t *join_fragile(
    crowd_t *c, const char *name, notes_t *notes, const tr_host_options_t *options) {
    member_t *m = crowd_host(c, options);
    char args[64];
    tr_error_t error = {0};
    snprintf(args, sizeof args, "{\"notes\":%llu}", (unsigned long long)(uintptr_t)notes);
    if (tr_host_add(m->host, name, &fragile, args, &m->agent, &error) < 0)
        fail_msg("%s", error.text);
    return m;
}

static void what_fails_begins_again_and_gets_what_waits(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    member_t *f = join_fragile(c, "f", &notes, &(tr_host_options_t){.restart_backoff_ms = 200});
    static const uint64_t numbers[] = {1, 13, 2, 3, 13, 4, 5};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        member_send_all(c, a, "f", numbers[i], 1);
    until(c, notes.n == 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(notes.numbers[i], i + 1);
    assert_int_equal(notes.begun, 3);
    assert_int_equal(notes.ended, 2);
    assert_int_equal(f->events[TR_HOST_RESTARTED], 2);
    crowd_leave(c, f);
    assert_int_equal(notes.ended, 3);
}

static void who_asked_is_told_of_the_failure(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    join_fragile(c, "f", &notes, NULL);
    uint8_t content[8];
    const char *to = "f";
    tr_put64(content, 13);
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {.items = &to, .count = 1},
        .conversation_id = "c-13",
        .reply_with = "r-13",
        .content = content,
        .content_len = sizeof content,
    };
    assert_int_equal(tr_send(a->agent, &acl), 0);
    until(c, a->box->n == 1);
    assert_int_equal(a->box->seen[0].act, TR_FAILURE);
    assert_string_equal(a->box->seen[0].conversation, "c-13");
}

static void who_fails_too_often_ends_its_process(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    member_t *f =
        join_fragile(c, "f", &notes, &(tr_host_options_t){.restart_intensity = 2, .restart_backoff_ms = 1});
    member_send_all(c, a, "f", 13, 1);
    member_send_all(c, a, "f", 13, 1);
    until(c, f->events[TR_HOST_RESTARTED] == 2);
    assert_false(tr_host_stopping(f->host));
    member_send_all(c, a, "f", 13, 1);
    until(c, tr_host_stopping(f->host));
    assert_int_equal(f->events[TR_HOST_GAVE_UP], 1);
    assert_int_equal(tr_host_run(f->host), TR_HOST_EXIT_GAVE_UP);
}

static bool has_answer(const member_t *m, uint64_t number) {
    for (size_t i = 0; i < m->box->n; i++)
        if (m->box->seen[i].type == TR_MESSAGE_DIRECT && m->box->seen[i].number == number)
            return true;
    return false;
}

/* The request that a provider fails at goes to another one. However long that one takes to come (the machine may be busy), the first one
 * does not give up before: it would keep what it was given last. */
static void a_leased_request_survives_the_failure(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    member_t *f = join_fragile(
        c, "f", &notes, &(tr_host_options_t){.restart_backoff_ms = 500, .restart_intensity = 1000});
    assert_int_equal(tr_provide(f->agent, "work", 1), 0);
    until(c, ({
        if (!a->box->n || a->box->seen[a->box->n - 1].type == TR_MESSAGE_FAILED)
            member_send_as(a, "svc:work", 1, TR_REQUEST, NULL);
        crowd_pass(c, 20);
        notes.n > 0;
    }));
    int r;
    until(c, (r = member_send_as(a, "svc:work", 13, TR_REQUEST, NULL)) != -EAGAIN);
    assert_int_equal(r, 0);
    until(c, f->events[TR_HOST_RESTARTED] > 0);
    process_t *p = crowd_role(c, "provider", "p", "work", "4", "answer", NULL);
    char line[64]; /* f may have got it once more before p was there: then it fails once more */
    until(c, process_line_now(p, line, sizeof line));
    assert_int_equal(strncmp(line, "got 13 ", 7), 0);
    until(c, has_answer(a, 13));
}

typedef struct runner {
    tr_host_t *host;
    pthread_t thread;
} runner_t;

static void *run_host(void *arg) {
    return (void *)(intptr_t)tr_host_run(((runner_t *)arg)->host);
}

/* Its behaviour takes three leases for one message: it stays registered, is reported as hanging, and then goes on.
 * Its host has a thread of its own, as in a program. */
static void a_busy_agent_keeps_its_link(void **state) {
    static const char *const options[] = {"--lease", "1s", "--heartbeat", "200ms", NULL};
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){.busy_ms = 3000};
    crowd_open(c, options);
    member_t *a = crowd_join(c, "a");
    member_t *f = join_fragile(c, "f", &notes, &(tr_host_options_t){.hang_ms = 300, .hung_ms = 1000});
    assert_int_equal(tr_subscribe(a->agent, "$sys.agent.lost"), 0);
    c->members_n--; /* no longer driven by this thread */
    runner_t runner = {.host = f->host};
    assert_int_equal(pthread_create(&runner.thread, NULL, run_host, &runner), 0);
    assert_int_equal(member_send_as(a, "f", 1, TR_REQUEST, NULL), 0);
    assert_int_equal(member_send_as(a, "f", 2, TR_REQUEST, NULL), 0);
    until(c, f->events[TR_HOST_HANGS] == 1);
    until(c, member_count(a, TR_MESSAGE_DIRECT) == 2);
    assert_int_equal(member_count(a, TR_MESSAGE_EVENT), 0); /* nobody was lost */
    assert_int_equal(member_count(a, TR_MESSAGE_FAILED), 0);
    assert_int_equal(f->events[TR_HOST_DISCONNECTED], 0);
    assert_int_equal(f->events[TR_HOST_HANGS], 2); /* once for each message */
    assert_int_equal(f->events[TR_HOST_HUNG], 2);
    tr_host_stop(f->host, 5);
    void *code;
    assert_int_equal(pthread_join(runner.thread, &code), 0);
    assert_int_equal((intptr_t)code, 5);
    c->members_n++;
}

static void note_timer(tr_agent_t *self, void *state, void *arg) {
    notes_t *notes = ((fragile_t *)state)->notes;
    (void)self;
    notes->timers++;
    notes->numbers[notes->n++] = (uint64_t)(uintptr_t)arg;
}

static void timers_fire_in_order_and_once(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    crowd_open(c, NULL);
    member_t *f = join_fragile(c, "f", &notes, NULL);
    int64_t begun = tr_clock_ms();
    tr_timer_t *cancelled = tr_timer_start(f->agent, 20, note_timer, (void *)99);
    tr_timer_start(f->agent, 60, note_timer, (void *)3);
    tr_timer_start(f->agent, 30, note_timer, (void *)2);
    tr_timer_start(f->agent, 0, note_timer, (void *)1);
    tr_timer_cancel(&cancelled);
    assert_null(cancelled);
    assert_int_equal(tr_agent_tick_every(f->agent, 10), 0);
    until(c, notes.n == 3 && notes.ticks >= 3);
    assert_true(tr_clock_ms() - begun >= 60);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(notes.numbers[i], i + 1);
    assert_int_equal(tr_agent_tick_every(f->agent, 0), 0);
    unsigned ticks = notes.ticks;
    crowd_pass(c, 50);
    assert_int_equal(notes.ticks, ticks);
}

static void note_watch(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    uint64_t n = 0;
    (void)arg;
    assert_true(events & POLLIN);
    assert_int_equal(read(fd, &n, sizeof n), sizeof n);
    ((fragile_t *)state)->notes->watched += (unsigned)n;
    if (n == 7)
        tr_watch(self, fd, 0, NULL, NULL);
}

static void a_descriptor_is_watched_until_it_is_not(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    crowd_open(c, NULL);
    member_t *f = join_fragile(c, "f", &notes, NULL);
    int fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(tr_watch(f->agent, fd, POLLIN, note_watch, NULL), 0);
    eventfd_write(fd, 3);
    until(c, notes.watched == 3);
    eventfd_write(fd, 7);
    until(c, notes.watched == 10);
    eventfd_write(fd, 1);
    crowd_pass(c, 50);
    assert_int_equal(notes.watched, 10);
    close(fd);
}

/* Ends the watches of all of them, its own too, and begins one anew. */
static void unwatch_all(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    const int *fds = arg;
    eventfd_t n = 0;
    (void)events;
    eventfd_read(fd, &n);
    ((fragile_t *)state)->notes->watched++;
    for (size_t i = 0; i < 8; i++)
        tr_watch(self, fds[i], 0, NULL, NULL);
    tr_watch(self, fds[8], POLLIN, note_watch, NULL);
}

static void many_descriptors_are_ready_and_the_first_ends_the_others(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    int fds[9];
    crowd_open(c, NULL);
    member_t *f = join_fragile(c, "f", &notes, NULL);
    for (size_t i = 0; i < 9; i++)
        fds[i] = eventfd(i < 8, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(tr_watch(f->agent, fds[i], POLLIN, unwatch_all, fds), 0);
    until(c, notes.watched == 1);
    crowd_pass(c, 20);
    assert_int_equal(notes.watched, 1);
    eventfd_write(fds[8], 4);
    until(c, notes.watched == 5);
    for (size_t i = 0; i < 9; i++)
        close(fds[i]);
}

typedef struct poster {
    tr_host_t *host;
    unsigned *ran; /* in the host's thread only */
} poster_t;

static void count_post(tr_host_t *host, void *arg) {
    (void)host;
    ++*(unsigned *)arg;
}

static void *post_many(void *arg) {
    const poster_t *p = arg;
    for (int i = 0; i < 1000; i++)
        if (tr_host_post(p->host, count_post, p->ran) < 0)
            return arg;
    return NULL;
}

static void other_threads_may_post(void **state) {
    crowd_t *c = *state;
    unsigned ran = 0;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    poster_t poster = {.host = a->host, .ran = &ran};
    pthread_t threads[3];
    void *failed;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &poster), 0);
    until(c, ran == 3000);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

typedef struct outcome {
    unsigned answers, silences, failures;
    uint64_t number;
    tr_reason_t reason;
} outcome_t;

static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    outcome_t *o = arg;
    size_t len;
    (void)self;
    (void)state;
    if (!answer) {
        o->silences++;
    } else if (tr_message_type(answer) == TR_MESSAGE_FAILED) {
        o->failures++;
        o->reason = tr_message_reason(answer);
    } else {
        const void *bytes = tr_message_content(answer, &len);
        o->answers += content_check(bytes, len, &o->number);
    }
}

static int request(member_t *m, const char *to, uint64_t number, int64_t timeout_ms, outcome_t *o) {
    uint8_t content[8];
    tr_put64(content, number);
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {.items = &to, .count = 1},
        .content = content,
        .content_len = sizeof content,
    };
    return tr_request(m->agent, &acl, timeout_ms, on_answer, o);
}

static void a_request_has_one_outcome(void **state) {
    crowd_t *c = *state;
    static notes_t notes; /* the agent ends after this function */
    notes = (notes_t){0};
    outcome_t answered = {0}, silent = {0}, failed = {0}, late = {0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *mute = crowd_join(c, "mute");
    join_fragile(c, "f", &notes, NULL);
    assert_int_equal(request(a, "f", 42, 20000, &answered), 0);
    assert_int_equal(request(a, "mute", 1, 200, &silent), 0);
    assert_int_equal(request(a, "nobody", 1, 20000, &failed), 0);
    until(c, answered.answers && silent.silences && failed.failures);
    assert_int_equal(answered.number, 42);
    assert_int_equal(failed.reason, TR_REASON_NOT_FOUND);
    notes.busy_ms = 300; /* its answer comes when nobody waits for it any more */
    assert_int_equal(request(a, "f", 43, 100, &late), 0);
    until(c, late.silences == 1 && notes.n == 2);
    until(c, member_count(a, TR_MESSAGE_DIRECT) == 1); /* a message like any other */
    assert_int_equal(late.answers, 0);
    assert_int_equal(answered.answers + answered.silences + answered.failures, 1);
    assert_int_equal(failed.answers + failed.silences + failed.failures, 1);
    assert_int_equal(silent.answers + silent.silences + silent.failures, 1);
    assert_int_equal(mute->box->n, 1);
}

/* An agent that wants company: it cannot wait for the broker in its own callback, but have it done. */
static void add_it(tr_host_t *host, void *arg) {
    tr_error_t error = {0};
    *(int *)arg = tr_host_add(host, "company", &recorder, NULL, NULL, &error);
}

typedef struct wish {
    int added, removed, stepped, ran, posted;
    bool asked;
} wish_t;

static int wish_init(tr_agent_t *self, void *state, tr_value_t args) {
    (void)self;
    *(wish_t **)state = (wish_t *)(uintptr_t)tr_value_int(tr_value_get(args, "notes"), 0);
    return 0;
}

static int wish_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    wish_t *w = *(wish_t **)state;
    tr_host_t *host = tr_agent_host(self);
    tr_error_t error = {0};
    const char *sender = tr_message_sender(m);
    w->added = tr_host_add(host, "company", &recorder, NULL, NULL, &error);
    assert_non_null(strstr(error.text, "post"));
    w->removed = tr_host_remove(host, "wisher");
    w->stepped = tr_host_step(host, 100);
    w->ran = tr_host_run(host);
    w->posted = 1;
    assert_int_equal(tr_host_post(host, add_it, &w->posted), 0);
    assert_string_equal(sender, "a@local"); /* it is still the message that came */
    w->asked = true;
    return 0;
}

static const tr_behaviour_t wisher = {.abi = TR_BEHAVIOUR_ABI,
    .name = "wisher",
    .state_size = sizeof(wish_t *),
    .init = wish_init,
    .receive = wish_receive};

static void a_callback_has_agents_added_afterwards(void **state) {
    crowd_t *c = *state;
    wish_t wish = {0};
    char args[64];
    tr_error_t error = {0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    snprintf(args, sizeof args, "{\"notes\": %llu}", (unsigned long long)(uintptr_t)&wish);
    assert_int_equal(tr_host_add(a->host, "wisher", &wisher, args, NULL, &error), 0);
    assert_int_equal(member_send(a, "wisher", 1), 0);
    until(c, wish.asked && wish.posted <= 0);
    assert_int_equal(wish.added, -EDEADLK);
    assert_int_equal(wish.removed, -EDEADLK);
    assert_int_equal(wish.stepped, -EDEADLK);
    assert_int_equal(wish.ran, -EDEADLK);
    assert_int_equal(wish.posted, 0);
    member_send_all(c, a, "company", 1, 1);
    const box_t *box = tr_agent_state(tr_host_agent(a->host, "company", 0));
    until(c, box->n == 1);
}

/* Between two steps the host's thread does other things for three leases. */
static void a_host_is_kept_alive_between_two_steps(void **state) {
    static const char *const options[] = {"--lease", "600ms", "--heartbeat", "100ms", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    assert_int_equal(tr_subscribe(b->agent, "$sys.agent.lost"), 0);
    work_for(1800);
    member_send_all(c, a, "b", 1, 1);
    until(c, b->box->n == 1);
    assert_int_equal(b->box->seen[0].number, 1);
    assert_int_equal(a->events[TR_HOST_DISCONNECTED] + b->events[TR_HOST_DISCONNECTED], 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(what_fails_begins_again_and_gets_what_waits),
        test(who_asked_is_told_of_the_failure),
        test(who_fails_too_often_ends_its_process),
        test(a_leased_request_survives_the_failure),
        test(a_busy_agent_keeps_its_link),
        test(timers_fire_in_order_and_once),
        test(a_descriptor_is_watched_until_it_is_not),
        test(many_descriptors_are_ready_and_the_first_ends_the_others),
        test(other_threads_may_post),
        test(a_request_has_one_outcome),
        test(a_callback_has_agents_added_afterwards),
        test(a_host_is_kept_alive_between_two_steps),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
