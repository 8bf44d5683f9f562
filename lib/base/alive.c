#include "lib/base/alive.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EVERY_S 1
#define WORD    8 /* both are of one length: whoever reads while one is written sees one of them */

static const char serving_word[] = "serving\n", waiting_word[] = "waiting\n";

struct tr_alive {
    char *path;
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool serves, ending; /* under the lock */
};

/* An error of the file shows in its age, ignoring. */
static void renew(const tr_alive_t *self, bool serves) {
    ssize_t n = pwrite(self->fd, serves ? serving_word : waiting_word, WORD, 0);
    (void)n;
}

static void *run(void *arg) {
    tr_alive_t *self = arg;
    pthread_mutex_lock(&self->lock);
    while (!self->ending) {
        renew(self, self->serves);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += EVERY_S;
        pthread_cond_timedwait(&self->changed, &self->lock, &until);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* With all signals blocked: they are for the threads that wait for them. */
static int start(tr_alive_t *self) {
    sigset_t all, before;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&self->thread, NULL, run, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return 0;
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    return -rc;
}

static void let_go(tr_alive_t *self) {
    if (self->fd >= 0) {
        close(self->fd);
        unlink(self->path);
    }
    free(self->path);
    free(self);
}

tr_alive_t *tr_alive_begin(void) {
    const char *path = getenv(TR_ALIVE_VARIABLE);
    if (!path || !*path)
        return NULL;
    tr_alive_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->fd = -1;
    self->path = strdup(path);
    if (self->path)
        self->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (self->fd < 0 || start(self) < 0) {
        let_go(self);
        return NULL;
    }
    return self;
}

void tr_alive_serves(tr_alive_t *self, bool serves) {
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->serves = serves;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

void tr_alive_end(tr_alive_t **self_p) {
    if (!self_p || !*self_p)
        return;
    tr_alive_t *self = *self_p;
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    let_go(self);
    *self_p = NULL;
}

static int judge(
    const char *path, const char *word, int64_t age_ms, int64_t within_ms, bool serving, tr_error_t *error) {
    bool serves = memcmp(word, serving_word, WORD) == 0;
    if (!serves && memcmp(word, waiting_word, WORD) != 0)
        return tr_error_set(error, -EINVAL, "%s: not the sign of life of a process", path);
    if (age_ms > within_ms)
        return tr_error_set(error, -ETIMEDOUT,
            "%s: not renewed for %" PRId64 " ms: the process is stopped, or gone", path, age_ms);
    return serving && !serves
               ? tr_error_set(error, -EAGAIN,
                     "%s: the process lives, but does not serve: it begins, ends, or has no broker", path)
               : 0;
}

int tr_alive_look(const char *path, int64_t within_ms, bool serving, tr_error_t *error) {
    char word[WORD + 1] = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
    ssize_t n = read(fd, word, sizeof word);
    int failed = n < 0 || fstat(fd, &st) < 0 ? errno : 0;
    close(fd);
    if (failed)
        return tr_error_set(error, -failed, "%s: %s", path, strerror(failed));
    if (n != WORD)
        return tr_error_set(error, -EINVAL, "%s: not the sign of life of a process", path);
    int64_t written_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return judge(path, word, (int64_t)tr_clock_wall_ms() - written_ms, within_ms, serving, error);
}
