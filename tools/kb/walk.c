#include "tools/kb/walk.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static const char *id_of(const FTSENT *entry, size_t root_length) {
    const char *id = entry->fts_path;
    if (entry->fts_level > 0) {
        id += root_length;
        while (*id == '/')
            id++;
    } else if (strncmp(id, "./", 2) == 0) {
        id += 2;
    }
    return id;
}

static tr_kb_file_t file_of(const FTSENT *entry, size_t root_length) {
    const struct stat *s = entry->fts_statp;
    uint64_t ns = (uint64_t)s->st_mtim.tv_sec * 1000000000u + (uint64_t)s->st_mtim.tv_nsec;
    return (tr_kb_file_t){.path = entry->fts_path,
        .id = id_of(entry, root_length),
        .version = ns * 31 + (uint64_t)s->st_size,
        .size = (size_t)s->st_size,
        .given = entry->fts_level == 0};
}

int tr_kb_walk(const char *path, tr_kb_file_fn each, void *arg) {
    char *roots[] = {strdup(path), NULL};
    FTS *fts = roots[0] ? fts_open(roots, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
    FTSENT *entry;
    int rc = fts ? 0 : -errno;
    bool more = true;
    while (fts && more && rc == 0 && (entry = fts_read(fts))) {
        if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
            fts_set(fts, entry, FTS_SKIP);
        } else if (entry->fts_info == FTS_F) {
            tr_kb_file_t file = file_of(entry, strlen(path));
            more = each(arg, &file);
        } else if (entry->fts_level == 0 && (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR)) {
            rc = -entry->fts_errno;
        }
    }
    if (fts)
        fts_close(fts);
    free(roots[0]);
    return rc;
}
