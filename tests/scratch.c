#include "tests/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *make(const char *pattern) {
    char *path = strdup(pattern);
    if (path && mkdtemp(path))
        return path;
    free(path);
    return NULL;
}

char *scratch_new(void) {
    return make("/tmp/troupe-scratch-XXXXXX");
}

char *scratch_new_in_memory(void) {
    char *path = make("/dev/shm/troupe-scratch-XXXXXX");
    return path ? path : scratch_new();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_remove(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void scratch_end(char *path) {
    if (path)
        scratch_remove(path);
    free(path);
}
