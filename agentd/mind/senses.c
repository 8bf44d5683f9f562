#include "agentd/mind/senses.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/child/child.h"

#define ROOM       "troupe-sandbox"
#define TICK_MS    100 /* how soon it is seen that nobody waits any more */
#define WORDS_MOST 48
#define ERROR_MOST 200

typedef struct job {
    struct job *next;
    tr_senses_t *senses;
    pthread_t thread;
    tr_sense_call_t call;
    tr_sense_result_t result;
    size_t room;      /* of the output */
    bool is_too_much; /* it wrote more than may be */
    char said[ERROR_MOST];
    atomic_bool ended; /* and the thread touches nothing of it any more but to return */
} job_t;

struct tr_senses {
    int event;
    char *room; /* path of the program; NULL = it was not looked for, or is not there */
    job_t *jobs;
    size_t count;
    atomic_bool stop;
};

/* ---- the thread ---- */

static void keep(job_t *self, const char *bytes, size_t length) {
    tr_sense_result_t *r = &self->result;
    if (r->length + length > TR_SENSES_OUTPUT_MAX) {
        self->is_too_much = true;
        return;
    }
    if (r->length + length + 1 > self->room) {
        size_t room = 2 * (r->length + length) + 4096;
        char *larger = realloc(r->output, room);
        if (!larger) {
            self->is_too_much = true;
            return;
        }
        r->output = larger;
        self->room = room;
    }
    if (length > 0)
        memcpy(r->output + r->length, bytes, length);
    r->length += length;
    r->output[r->length] = '\0';
}

static void take_output(job_t *self, tr_child_t *child) {
    const char *bytes;
    size_t length = tr_lines_bytes(tr_child_output(child), &bytes);
    keep(self, bytes, length);
    tr_lines_drop(tr_child_output(child));
    length = tr_lines_bytes(tr_child_errors(child), &bytes);
    size_t left_out = length < ERROR_MOST ? 0 : length - (ERROR_MOST - 1);
    if (length > 0) /* the last that it said: why it ended */
        snprintf(self->said, sizeof self->said, "%.*s", (int)(length - left_out), bytes + left_out);
    tr_lines_drop(tr_child_errors(child));
}

/* Until it has ended, its time is up, or nobody waits; why not. */
static const char *attend(job_t *self, tr_child_t *child) {
    int64_t until = tr_clock_ms() + TR_SENSES_TIME_MS;
    struct pollfd fds[TR_CHILD_FDS];
    while (!tr_child_ended(child)) {
        if (atomic_load(&self->senses->stop) || self->is_too_much)
            return "it wrote more than may be";
        if (tr_clock_ms() > until)
            return "it did not end in time";
        nfds_t count = (nfds_t)tr_child_polls(child, true, fds);
        if (poll(fds, count, TICK_MS) <= 0)
            continue;
        for (nfds_t i = 0; i < count; i++)
            if (fds[i].revents)
                tr_child_handle(child, fds[i].fd);
        take_output(self, child);
    }
    take_output(self, child);
    return self->is_too_much ? "it wrote more than may be" : NULL;
}

static void fail(job_t *self, const char *why) {
    for (char *c = self->said; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = ' ';
    snprintf(self->result.detail, sizeof self->result.detail, "%s: %s%s%s", self->call.command[0], why,
        *self->said ? "; it said: " : "", self->said);
    free(self->result.output);
    self->result.output = NULL;
}

static void run(job_t *self, const char *const *words) {
    static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    tr_child_t *child = NULL;
    tr_error_t error = {0};
    char how[40];
    int rc =
        tr_child_start(&(tr_child_options_t){.command = words, .env = env, .only_env = true}, &child, &error);
    if (rc == 0 && (rc = tr_child_write(child, self->call.input, self->call.length)) < 0)
        tr_error_set(&error, rc, "out of memory");
    if (rc < 0) {
        tr_child_destroy(&child);
        fail(self, error.text);
        return;
    }
    tr_child_close_input(child);
    const char *why = attend(self, child);
    if (!why && !tr_child_succeeded(child))
        why = tr_child_how(child, how, sizeof how);
    tr_child_destroy(&child);
    if (why)
        fail(self, why);
    else if (!self->result.output && !(self->result.output = calloc(1, 1)))
        fail(self, "out of memory");
}

static void *work(void *arg) {
    static const char *const room[] = {
        "--cpu", "60", "--memory", "2147483648", "--file-size", "134217728", "--processes", "16", "--"};
    job_t *self = arg;
    const char *words[WORDS_MOST + 1] = {self->senses->room};
    size_t count = 1;
    uint64_t one = 1;
    for (size_t i = 0; i < sizeof room / sizeof *room; i++)
        words[count++] = room[i];
    for (size_t i = 0; self->call.command[i] && count < WORDS_MOST; i++)
        words[count++] = self->call.command[i];
    run(self, words);
    int event = self->senses->event;
    atomic_store(&self->ended, true);
    if (write(event, &one, sizeof one) < 0)
        return NULL; /* it is readable already, ignoring */
    return NULL;
}

/* ---- the owner ---- */

/* Beside this program, where it was built, or in the PATH of the system. */
static char *find_room(void) {
    static const char *const places[] = {"/" ROOM, "/../lib/tool/" ROOM, "/../../lib/tool/" ROOM};
    char here[PATH_MAX], *path = NULL;
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    here[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(here, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        if (asprintf(&path, "%s%s", here, places[i]) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return access(TR_MIND_BINDIR "/" ROOM, X_OK) == 0 ? strdup(TR_MIND_BINDIR "/" ROOM) : NULL;
}

tr_senses_t *tr_senses_new(int event) {
    tr_senses_t *self = calloc(1, sizeof *self);
    if (self)
        self->event = event;
    return self;
}

static void free_job(job_t *job) {
    pthread_join(job->thread, NULL);
    free(job->call.input);
    free(job);
}

void tr_senses_destroy(tr_senses_t **ref) {
    tr_senses_t *self = *ref;
    if (!self)
        return;
    atomic_store(&self->stop, true);
    for (job_t *job; (job = self->jobs);) {
        self->jobs = job->next;
        pthread_join(job->thread, NULL);
        free(job->result.output);
        free(job->call.arg);
        free(job->call.input);
        free(job);
    }
    free(self->room);
    free(self);
    *ref = NULL;
}

static int check(tr_senses_t *self, const tr_sense_call_t *call, char detail[400]) {
    if (access(call->command[0], X_OK) < 0) {
        snprintf(detail, 400, "%s is not there: install the package %s, or configure a model for this",
            call->command[0], call->package);
        return -ENOENT;
    }
    if (self->count >= TR_SENSES_MOST) {
        snprintf(detail, 400, "%d such calls run already: ask again when one has ended", TR_SENSES_MOST);
        return -EBUSY;
    }
    if (!self->room && !(self->room = find_room())) {
        snprintf(detail, 400,
            "no program runs here but in " ROOM
            ", which is not there: build it with libseccomp (meson option sandbox), "
            "or install it beside troupe-agentd");
        return -ENOTSUP;
    }
    return 0;
}

int tr_senses_start(tr_senses_t *self, const tr_sense_call_t *call, char detail[400]) {
    int rc = check(self, call, detail);
    job_t *job = rc == 0 ? calloc(1, sizeof *job) : NULL;
    if (job) {
        *job = (job_t){.next = self->jobs, .senses = self, .call = *call, .result = {.arg = call->arg}};
        rc = -pthread_create(&job->thread, NULL, work, job);
    } else if (rc == 0) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        self->jobs = job;
        self->count++;
        return 0;
    }
    free(job);
    free(call->input);
    return rc;
}

bool tr_senses_take(tr_senses_t *self, tr_sense_result_t *ret_result) {
    for (job_t **at = &self->jobs; *at; at = &(*at)->next) {
        job_t *job = *at;
        if (!atomic_load(&job->ended))
            continue;
        *at = job->next;
        self->count--;
        *ret_result = job->result;
        free_job(job);
        return true;
    }
    return false;
}
