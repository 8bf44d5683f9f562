/*
 * Work that one of many does: however many of these are started, on however many machines, one at a time writes the report, and a
 * late one writes over nothing.
 *
 *     once REPORT [REDIS-HOST PORT]        without a server the lock is this process's alone
 *
 * The lock says who works. That it may be lost in the middle (a machine that sleeps, a network that stalls) no lock can prevent;
 * so what is written compares tokens: the report has the largest. Between the look at it and the rename nobody else may write, which a lock of the
 * file system sees to, where all who write are on one machine; a database does both in one transaction.
 */
#include "lib/lock/lock_local.h"
#include "lib/lock/lock_redis.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define LEASE_MS 10000

static tr_fence_t read_fence(const char *path) {
    tr_fence_t fence = {0};
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "token %" SCNu64, &fence.highest) != 1)
        fence.highest = 0;
    if (file)
        fclose(file);
    return fence;
}

/* 0, or 1 where a later holder of the lock was here before. */
static int write_newer(const char *path, const tr_lock_t *lock) {
    char draft[4096];
    tr_fence_t fence = read_fence(path);
    if (!tr_fence_admit(&fence, lock->token))
        return 1;
    snprintf(draft, sizeof draft, "%s.%d", path, (int)getpid());
    FILE *file = fopen(draft, "we");
    if (!file)
        return 1;
    fprintf(file, "token %" PRIu64 "\nwritten by process %d\n", fence.highest, (int)getpid());
    return fclose(file) || rename(draft, path);
}

/* Alone with the report while it is compared and replaced: whoever stops in here holds up the later ones, and writes before them. */
static int write_report(const char *path, const tr_lock_t *lock) {
    char name[4096];
    snprintf(name, sizeof name, "%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return 1;
    int r = write_newer(path, lock);
    close(fd);
    return r;
}

static int open_store(int argc, char **argv, tr_lock_store_t **store, tr_error_t *error) {
    if (argc < 4)
        return tr_lock_local(NULL, store);
    tr_redis_options_t server = {.host = argv[2], .port = (uint16_t)atoi(argv[3])};
    return tr_lock_redis(&server, NULL, store, error);
}

/* Waits for the lock. 0, or negative with a text. */
static int wait_for(tr_lock_store_t *store, tr_lock_t *lock, tr_error_t *error) {
    int64_t wait_ms = 0;
    int r;
    while ((r = tr_lock_take(store, "report", LEASE_MS, lock, &wait_ms, error)) == TR_LOCK_BUSY)
        usleep((useconds_t)(wait_ms < 50 ? wait_ms : 50) * 1000);
    return r;
}

int main(int argc, char **argv) {
    tr_lock_store_t *store = NULL;
    tr_error_t error = {0};
    tr_lock_t lock;
    if (argc != 2 && argc != 4)
        return fprintf(stderr, "Usage: once REPORT [REDIS-HOST PORT]\n"), 2;
    int r = open_store(argc, argv, &store, &error);
    if (r == 0)
        r = wait_for(store, &lock, &error);
    if (r == 0) {
        r = write_report(argv[1], &lock);
        printf("%s with token %" PRIu64 "\n", r == 0 ? "written" : "too late", lock.token);
        tr_lock_release(store, &lock, &error); /* its lease ends by itself, ignoring */
    } else {
        fprintf(stderr, "once: %s\n", error.text);
    }
    tr_lock_store_destroy(&store);
    return r != 0;
}
