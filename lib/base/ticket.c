#include "lib/base/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_of(const char *directory, const char *ticket, char *out) {
    return snprintf(out, PATH_MAX, "%s/tickets%s%s", directory, *ticket ? "/" : "", ticket) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

int tr_ticket_make(const char *directory, char *ticket, tr_error_t *error) {
    uint64_t random[2];
    char path[PATH_MAX], name[TR_TICKET_MAX + 1];
    int rc = path_of(directory, "", path);
    if (rc == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
        rc = -errno;
    if (rc == 0 && getrandom(random, sizeof random, 0) != sizeof random)
        rc = -EIO;
    if (rc < 0)
        return tr_error_set(error, rc, "%s: cannot use this directory: %s", path, strerror(-rc));
    snprintf(
        name, sizeof name, "%016llx%016llx", (unsigned long long)random[0], (unsigned long long)random[1]);
    rc = path_of(directory, name, path);
    int fd = rc < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return tr_error_set(error, -errno, "%s: cannot make this file: %s", path, strerror(errno));
    close(fd);
    strcpy(ticket, name);
    return 0;
}

bool tr_ticket_take(const char *directory, const char *ticket) {
    char path[PATH_MAX];
    if (!ticket || strlen(ticket) != TR_TICKET_MAX || ticket[strspn(ticket, "0123456789abcdef")] ||
        path_of(directory, ticket, path) < 0)
        return false;
    struct stat st;
    bool ours = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
    return ours && unlink(path) == 0;
}
