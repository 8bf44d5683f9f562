/*
 * Preloaded (LD_PRELOAD), it makes one system call fail: TROUPE_FAIL=CALL:N:ERRNO[:PART], where CALL is one of the names
 * below, N counts its calls from 1, ERRNO is a number, and only calls on files whose path has PART in it count. From the
 * N-th on all fail, as a disk that broke does; with TROUPE_FAIL_ONCE=1 only that one, as a kernel does that reports
 * an error once.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* A preloaded library has nobody to hand its state around. */
static struct plan {
    char call[16];
    char part[64];
    long n;
    int code;
    bool once;
    atomic_long calls;
} plan;

__attribute__((constructor)) static void read_plan(void) {
    const char *text = getenv("TROUPE_FAIL");
    if (text && sscanf(text, "%15[^:]:%ld:%d:%63s", plan.call, &plan.n, &plan.code, plan.part) < 3)
        abort();
    plan.once = getenv("TROUPE_FAIL_ONCE") != NULL;
}

static bool is_meant(int fd) {
    char link[64], path[PATH_MAX] = "";
    if (!plan.part[0])
        return true;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    return n > 0 && strstr(path, plan.part);
}

static bool fails(const char *call, int fd) {
    if (strcmp(call, plan.call) != 0 || !is_meant(fd))
        return false;
    long calls = atomic_fetch_add(&plan.calls, 1) + 1;
    if (plan.once ? calls != plan.n : calls < plan.n)
        return false;
    errno = plan.code;
    return true;
}

/* The function behind ours. POSIX gives it as an object pointer; the union avoids the cast that ISO C forbids. */
#define NEXT(TYPE, NAME)                                                                                     \
    ((union {                                                                                                \
        void *object;                                                                                        \
        TYPE function;                                                                                       \
    }){dlsym(RTLD_NEXT, NAME)}                                                                               \
            .function)

typedef int sync_fn(int fd);
typedef ssize_t write_fn(int fd, const void *bytes, size_t n);
typedef ssize_t pwrite_fn(int fd, const void *bytes, size_t n, off_t at);

int fsync(int fd) {
    return fails("fsync", fd) ? -1 : NEXT(sync_fn *, "fsync")(fd);
}

int fdatasync(int fd) {
    return fails("fdatasync", fd) ? -1 : NEXT(sync_fn *, "fdatasync")(fd);
}

ssize_t write(int fd, const void *bytes, size_t n) {
    return fails("write", fd) ? -1 : NEXT(write_fn *, "write")(fd, bytes, n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) {
    return fails("pwrite", fd) ? -1 : NEXT(pwrite_fn *, "pwrite")(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) {
    return fails("pwrite", fd) ? -1 : NEXT(pwrite_fn *, "pwrite64")(fd, bytes, n, at);
}
