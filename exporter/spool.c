#include "exporter/spool.h"

#include "lib/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_SIZE 40

typedef struct entry {
    uint64_t number;
    uint64_t bytes;
} entry_t;

struct tr_spool {
    char *directory;
    uint64_t most_bytes;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    entry_t *entries; /* from first on, in rising order */
    size_t first, count, cap;
    uint64_t next;
    bool ends;
    tr_spool_stats_t stats;
};

/* ---- files ---- */

static char *path_of(const tr_spool_t *self, uint64_t number) {
    char *path;
    return asprintf(&path, "%s/%012" PRIu64 ".batch", self->directory, number) < 0 ? NULL : path;
}

static void remove_file(const tr_spool_t *self, uint64_t number) {
    char *path = path_of(self, number);
    if (path)
        unlink(path); /* it is sent twice after the next start, ignoring */
    free(path);
}

static int by_number(const void *a, const void *b) {
    uint64_t x = ((const entry_t *)a)->number, y = ((const entry_t *)b)->number;
    return x < y ? -1 : x > y;
}

/* ---- the list of them; with the lock ---- */

static int push(tr_spool_t *self, entry_t entry) {
    if (self->first + self->count == self->cap && self->first > 0) {
        memmove(self->entries, self->entries + self->first, self->count * sizeof *self->entries);
        self->first = 0;
    }
    if (self->count == self->cap) {
        size_t cap = self->cap ? 2 * self->cap : 64;
        entry_t *more = realloc(self->entries, cap * sizeof *more);
        if (!more)
            return -ENOMEM;
        self->entries = more;
        self->cap = cap;
    }
    self->entries[self->first + self->count++] = entry;
    self->stats.batches++;
    self->stats.bytes += entry.bytes;
    return 0;
}

static void shift(tr_spool_t *self) {
    entry_t gone = self->entries[self->first++];
    self->count--;
    self->stats.batches--;
    self->stats.bytes -= gone.bytes;
    remove_file(self, gone.number);
}

static void count_dropped(tr_spool_t *self, uint64_t bytes) {
    self->stats.dropped++;
    self->stats.dropped_bytes += bytes;
}

/* ---- opening ---- */

static int find_one(tr_spool_t *self, const char *name) {
    uint64_t number;
    int end = 0;
    struct stat st;
    if (sscanf(name, "%" SCNu64 ".batch%n", &number, &end) != 1 || !end || name[end])
        return 0;
    char *path = path_of(self, number);
    if (!path)
        return -ENOMEM;
    int rc = stat(path, &st) == 0 ? push(self, (entry_t){number, (uint64_t)st.st_size}) : 0;
    free(path);
    return rc;
}

static int find_all(tr_spool_t *self) {
    DIR *dir = opendir(self->directory);
    int rc = dir ? 0 : -errno;
    const struct dirent *e;
    while (rc == 0 && (e = readdir(dir)))
        rc = find_one(self, e->d_name);
    if (dir)
        closedir(dir);
    if (self->count) {
        qsort(self->entries, self->count, sizeof *self->entries, by_number);
        self->next = self->entries[self->count - 1].number + 1;
    }
    return rc;
}

int tr_spool_open(const char *directory, uint64_t most_bytes, tr_spool_t **ret_spool, tr_error_t *error) {
    tr_spool_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->most_bytes = most_bytes;
    self->next = 1;
    self->directory = strdup(directory);
    int rc = self->directory ? tr_directory_make(directory) : -ENOMEM;
    if (rc == 0)
        rc = find_all(self);
    if (rc < 0) {
        tr_spool_close(&self);
        return tr_error_set(error, rc, "%s: %s", directory, strerror(-rc));
    }
    *ret_spool = self;
    return 0;
}

void tr_spool_close(tr_spool_t **self_p) {
    tr_spool_t *self = *self_p;
    if (!self)
        return;
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self->entries);
    free(self->directory);
    free(self);
    *self_p = NULL;
}

/* ---- in ---- */

/* With the lock. */
static int put(tr_spool_t *self, const void *bytes, size_t len) {
    if (len > self->most_bytes)
        return -EMSGSIZE;
    while (self->count && self->stats.bytes + len > self->most_bytes) {
        count_dropped(self, self->entries[self->first].bytes);
        shift(self);
    }
    char *path = path_of(self, self->next);
    int rc = path ? tr_file_write(path, bytes, len, 0600) : -ENOMEM;
    free(path);
    if (rc == 0 && (rc = push(self, (entry_t){self->next, len})) < 0)
        remove_file(self, self->next);
    self->next++;
    return rc;
}

int tr_spool_put(tr_spool_t *self, const void *bytes, size_t len) {
    pthread_mutex_lock(&self->lock);
    int rc = put(self, bytes, len);
    if (rc < 0)
        count_dropped(self, len);
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- out ---- */

bool tr_spool_take(tr_spool_t *self, tr_spooled_t *ret_batch) {
    tr_error_t error;
    bool found = false;
    pthread_mutex_lock(&self->lock);
    while (!found) {
        while (!self->count && !self->ends)
            pthread_cond_wait(&self->wake, &self->lock);
        if (self->ends)
            break;
        entry_t e = self->entries[self->first];
        char *path = path_of(self, e.number);
        found =
            path && tr_file_read(path, "a batch", e.bytes, &ret_batch->bytes, &ret_batch->len, &error) == 0;
        free(path);
        ret_batch->number = e.number;
        if (!found) {
            count_dropped(self, e.bytes);
            shift(self);
        }
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}

/* It may have made room meanwhile. */
void tr_spool_done(tr_spool_t *self, uint64_t number) {
    pthread_mutex_lock(&self->lock);
    if (self->count && self->entries[self->first].number == number)
        shift(self);
    pthread_mutex_unlock(&self->lock);
}

bool tr_spool_pause(tr_spool_t *self, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&self->lock);
    int rc = 0;
    while (!self->ends && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&self->wake, &self->lock, &until);
    bool goes_on = !self->ends;
    pthread_mutex_unlock(&self->lock);
    return goes_on;
}

void tr_spool_end(tr_spool_t *self) {
    pthread_mutex_lock(&self->lock);
    self->ends = true;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

void tr_spool_stats(tr_spool_t *self, tr_spool_stats_t *ret_stats) {
    pthread_mutex_lock(&self->lock);
    *ret_stats = self->stats;
    pthread_mutex_unlock(&self->lock);
}
