/*
 * Preloaded (LD_PRELOAD), it makes one system call fail: TROUPE_FAIL=CALL:N:ERRNO[:PART], where CALL is one of the names
 * below, N counts its calls from 1, ERRNO is a number, and only calls on files whose path has PART in it count. From the
 * N-th on all fail, as a disk that broke does; with TROUPE_FAIL_ONCE=1 only that one, as a kernel does that reports
 * an error once. With TROUPE_FAIL_KILL=1 the process ends there as by kill -9, before the call.
 *
 * CALL may be disk, which stands for all calls below that change what is on the disk.
 *
 * CALL may be malloc, which stands for all that allocates; only calls of our own programs and libraries count, since others
 * end the process when they get no memory. TROUPE_FAIL_MARK names a file that is made when the N-th call came.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
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
    bool once, kill;
    const char *mark;
    atomic_long calls;
} plan;

__attribute__((constructor)) static void read_plan(void) {
    const char *text = getenv("TROUPE_FAIL");
    if (text && sscanf(text, "%15[^:]:%ld:%d:%63s", plan.call, &plan.n, &plan.code, plan.part) < 3)
        abort();
    plan.once = getenv("TROUPE_FAIL_ONCE") != NULL;
    plan.kill = getenv("TROUPE_FAIL_KILL") != NULL;
    plan.mark = getenv("TROUPE_FAIL_MARK");
}

static bool is_meant_path(const char *path) {
    return !plan.part[0] || strstr(path, plan.part);
}

static bool is_meant(int fd) {
    char link[64], path[PATH_MAX] = "";
    if (!plan.part[0])
        return true;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    return n > 0 && is_meant_path(path);
}

static void leave_mark(void) {
    int fd = plan.mark ? open(plan.mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
}

/* One more call that is meant. */
static bool is_its_turn(void) {
    long calls = atomic_fetch_add(&plan.calls, 1) + 1;
    if (calls == plan.n)
        leave_mark();
    if (plan.once ? calls != plan.n : calls < plan.n)
        return false;
    if (plan.kill)
        raise(SIGKILL);
    errno = plan.code;
    return true;
}

static bool is_named(const char *call) {
    return strcmp(call, plan.call) == 0 || (strcmp(plan.call, "disk") == 0 && strcmp(call, "malloc") != 0);
}

static bool fails(const char *call, int fd) {
    return is_named(call) && is_meant(fd) && is_its_turn();
}

static bool fails_at(const char *call, const char *path) {
    return is_named(call) && is_meant_path(path) && is_its_turn();
}

/* The function behind ours. POSIX gives it as an object pointer; the union avoids the cast that ISO C forbids. */
#define NEXT(TYPE, NAME)                                                                                     \
    ((union {                                                                                                \
        void *object;                                                                                        \
        TYPE function;                                                                                       \
    }){dlsym(RTLD_NEXT, NAME)}                                                                               \
            .function)

typedef int sync_fn(int fd);
typedef int rename_fn(const char *from, const char *to);
typedef int unlink_fn(const char *path);
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

int rename(const char *from, const char *to) {
    return fails_at("rename", to) ? -1 : NEXT(rename_fn *, "rename")(from, to);
}

int unlink(const char *path) {
    return fails_at("unlink", path) ? -1 : NEXT(unlink_fn *, "unlink")(path);
}

/* ---- memory ---- */

/* Whether the caller is of ours: troupe-broker, libtroupe.so, journal-rocksdb.so ... */
static bool is_ours(void *caller) {
    Dl_info info;
    if (!dladdr(caller, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/'), *name = slash ? slash + 1 : info.dli_fname;
    return !strncmp(name, "troupe", 6) || !strncmp(name, "libtroupe", 9) || !strncmp(name, "journal-", 8);
}

static bool no_memory(void *caller) {
    return !strcmp(plan.call, "malloc") && is_ours(caller) && fails("malloc", -1);
}

#define CALLER __builtin_return_address(0)

typedef void *malloc_fn(size_t n);
typedef void *calloc_fn(size_t n, size_t each);
typedef void *realloc_fn(void *old, size_t n);
typedef char *strdup_fn(const char *text);
typedef char *strndup_fn(const char *text, size_t n);

void *malloc(size_t n) {
    return no_memory(CALLER) ? NULL : NEXT(malloc_fn *, "malloc")(n);
}

void *calloc(size_t n, size_t each) {
    return no_memory(CALLER) ? NULL : NEXT(calloc_fn *, "calloc")(n, each);
}

void *realloc(void *old, size_t n) {
    return no_memory(CALLER) ? NULL : NEXT(realloc_fn *, "realloc")(old, n);
}

char *strdup(const char *text) {
    return no_memory(CALLER) ? NULL : NEXT(strdup_fn *, "strdup")(text);
}

char *strndup(const char *text, size_t n) {
    return no_memory(CALLER) ? NULL : NEXT(strndup_fn *, "strndup")(text, n);
}
