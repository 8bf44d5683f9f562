/*
 * The room: namespaces of everything, and a file system put together on a tmpfs, that becomes the root. Nothing of the old one can be reached: it is
 * unmounted, and no descriptor but 0, 1 and 2 is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/tool/sandbox/sandbox.h"

#define NOBODY 65534
#define ROOT   "/sys" /* a directory that is everywhere, and that nobody wants to have in the room */
#define CALM   (MS_NOSUID | MS_NODEV)

/* ---- namespaces ---- */

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    int error = errno;
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) ? 0 : tr_sandbox_say(path, error);
}

static int map_ids(uid_t uid, gid_t gid) {
    char line[64];
    int rc = write_file("/proc/self/setgroups", "deny");
    snprintf(line, sizeof line, "%d %u 1", NOBODY, (unsigned)uid);
    if (rc == 0)
        rc = write_file("/proc/self/uid_map", line);
    snprintf(line, sizeof line, "%d %u 1", NOBODY, (unsigned)gid);
    return rc == 0 ? write_file("/proc/self/gid_map", line) : rc;
}

int tr_sandbox_leave(tr_sandbox_t *self) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0)
        return tr_sandbox_say("close_range", errno);
    self->is_root = uid == 0;
    self->host_proc = open(
        "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* else there is the room's own, or none, ignoring */
    if (unshare(spaces | (self->network ? 0 : CLONE_NEWNET)) < 0) {
        tr_sandbox_say("unshare", errno);
        fprintf(stderr, "troupe-sandbox: this system or container allows no user namespaces to this user "
                        "(kernel.unprivileged_userns_clone, user.max_user_namespaces, seccomp)\n");
        return -EPERM;
    }
    return map_ids(uid, gid);
}

/* ---- the file system ---- */

/* A path within the new root, with the directories that lead there. */
static int place_of(const char *path, char out[PATH_MAX]) {
    if (snprintf(out, PATH_MAX, ROOT "%s", path) >= PATH_MAX)
        return tr_sandbox_say(path, ENAMETOOLONG);
    for (char *slash = strchr(out + sizeof ROOT, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(out, 0755) < 0 && errno != EEXIST)
            return tr_sandbox_say(out, errno);
        *slash = '/';
    }
    return 0;
}

/* Of the same kind, so that it can be mounted on. */
static int make_point(const char *from, const char *at) {
    struct stat st;
    if (stat(from, &st) < 0)
        return tr_sandbox_say(from, errno);
    if (S_ISDIR(st.st_mode))
        return mkdir(at, 0755) < 0 && errno != EEXIST ? tr_sandbox_say(at, errno) : 0;
    int fd = open(at, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 || close(fd) < 0 ? tr_sandbox_say(at, errno) : 0;
}

/* All that is mounted below it comes too, and is as read-only as it is itself. */
static int bring(const char *from, bool writable) {
    char at[PATH_MAX];
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY)};
    int rc = place_of(from, at);
    if (rc == 0)
        rc = make_point(from, at);
    if (rc < 0)
        return rc;
    if (mount(from, at, NULL, MS_BIND | MS_REC, NULL) < 0)
        return tr_sandbox_say(from, errno);
    if (syscall(SYS_mount_setattr, AT_FDCWD, at, AT_RECURSIVE, &attr, sizeof attr) < 0)
        return tr_sandbox_say(from, errno);
    return 0;
}

/* /bin and its like: a link on most systems, which is one here too. */
static int take_over(const char *path) {
    char target[PATH_MAX], at[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return access(path, F_OK) < 0 ? 0 : bring(path, false);
    target[n] = '\0';
    int rc = place_of(path, at);
    return rc == 0 && symlink(target, at) < 0 ? tr_sandbox_say(at, errno) : rc;
}

static int take_device(const char *path) {
    char at[PATH_MAX];
    int rc = place_of(path, at);
    if (rc == 0)
        rc = make_point(path, at);
    return rc == 0 && mount(path, at, NULL, MS_BIND, NULL) < 0 ? tr_sandbox_say(path, errno) : rc;
}

/* A file without content has no size, but holds about a kilobyte of the kernel's: there may be as many as the size has pages, and all hold little of what
 * memory may be. */
static uint64_t count_files(const tr_sandbox_t *self) {
    uint64_t by_size = self->file_size / 4096, by_memory = self->memory / 16384;
    return 1024 + (by_size < by_memory ? by_size : by_memory);
}

static int make_tmp(const tr_sandbox_t *self) {
    char options[100];
    snprintf(options, sizeof options, "mode=0700,size=%llu,nr_inodes=%llu",
        (unsigned long long)self->file_size, (unsigned long long)count_files(self));
    if (mkdir(ROOT "/tmp", 0700) < 0 || mount("tmpfs", ROOT "/tmp", "tmpfs", CALM, options) < 0)
        return tr_sandbox_say("/tmp", errno);
    return 0;
}

/* In a container that hides parts of its own /proc there can be none here: most programs need none, ignoring. */
static int make_proc(tr_sandbox_t *self) {
    if (mkdir(ROOT "/proc", 0555) < 0)
        return tr_sandbox_say("/proc", errno);
    self->has_proc = mount("proc", ROOT "/proc", "proc", CALM | MS_NOEXEC, "subset=pid") == 0;
    if (self->has_proc && self->host_proc >= 0)
        close(self->host_proc);
    if (self->has_proc)
        self->host_proc = -1;
    return 0;
}

static int bring_paths(const tr_sandbox_t *self) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < self->read_count; i++)
        rc = bring(self->read[i], false);
    return rc == 0 && self->write ? bring(self->write, true) : rc;
}

static int make_system(void) {
    static const char *const taken[] = {
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", NULL};
    static const char *const devices[] = {
        "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random", NULL};
    int rc = 0;
    for (size_t i = 0; rc == 0 && taken[i]; i++)
        rc = take_over(taken[i]);
    for (size_t i = 0; rc == 0 && devices[i]; i++)
        rc = take_device(devices[i]);
    return rc;
}

/* What names are resolved by; only where there is a network. */
static int make_network(tr_sandbox_t *self) {
    static const char *const taken[] = {
        "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates"};
    static const char names[] = "/etc/resolv.conf";
    int rc = 0;
    for (size_t i = 0; self->network && rc == 0 && i < sizeof taken / sizeof *taken; i++)
        rc = access(taken[i], F_OK) == 0 ? bring(taken[i], false) : 0;
    if (rc < 0 || !self->network || access(names, F_OK) < 0)
        return rc;
    char at[PATH_MAX];
    if (self->private)
        return bring(names, false);
    rc = place_of(names, at);
    return rc < 0 ? rc : tr_sandbox_read_names(self, names, at);
}

static int enter(const tr_sandbox_t *self) {
    const char *home = self->write ? self->write : "/tmp";
    if (chdir(ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
        return tr_sandbox_say("the new root", errno);
    if (chdir("/") < 0 || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | CALM, NULL) < 0)
        return tr_sandbox_say("the new root", errno);
    return chdir(home) < 0 ? tr_sandbox_say(home, errno) : 0;
}

int tr_sandbox_furnish(tr_sandbox_t *self) {
    static const char host[] = "sandbox";
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return tr_sandbox_say("/", errno);
    if (mount("tmpfs", ROOT, "tmpfs", CALM, "mode=0755,size=1m") < 0)
        return tr_sandbox_say(ROOT, errno);
    int rc = make_system();
    if (rc == 0)
        rc = make_network(self);
    if (rc == 0)
        rc = make_tmp(self);
    if (rc == 0)
        rc = make_proc(self);
    if (rc == 0)
        rc = bring_paths(self);
    if (rc == 0 && sethostname(host, sizeof host - 1) < 0)
        rc = tr_sandbox_say("its host name", errno);
    return rc == 0 ? enter(self) : rc;
}
