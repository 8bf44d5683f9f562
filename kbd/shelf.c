#include "kbd/shelf.h"

#include "lib/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 256u /* of one namespace that are looked at */

static bool read_name(const char *name, int64_t *ret_ns, uint64_t *ret_sequence) {
    long long ns;
    unsigned long long sequence;
    int end = 0;
    if (sscanf(name, "%19lld-%19llu.seg%n", &ns, &sequence, &end) != 2 || end == 0 || name[end])
        return false;
    *ret_ns = ns;
    *ret_sequence = sequence;
    return true;
}

static void path_of(const tr_shelf_t *self, int64_t ns, uint64_t sequence, char *out) {
    snprintf(out, PATH_MAX, "%s/%lld-%llu.seg", self->directory, (long long)ns, (unsigned long long)sequence);
}

/* Calls `each` for every file; its name is borrowed. */
typedef void (*file_fn)(const char *directory, const char *name, void *arg);

static int each_file(const char *directory, file_fn each, void *arg) {
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    if (!dir)
        return -errno;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            each(directory, entry->d_name, arg);
    closedir(dir);
    return 0;
}

static void remove_file(const char *directory, const char *name, void *arg) {
    char path[PATH_MAX];
    (void)arg;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) < sizeof path)
        unlink(path); /* it may be gone, ignoring */
}

static void remove_part(const char *directory, const char *name, void *arg) {
    size_t len = strlen(name);
    if (len > 5 && strcmp(name + len - 5, ".part") == 0)
        remove_file(directory, name, arg);
}

int tr_shelf_init(tr_shelf_t *self, const char *data, tr_error_t *error) {
    size_t room = strlen(data) + sizeof "/index";
    *self = (tr_shelf_t){.directory = malloc(room)};
    if (!self->directory)
        return tr_error_set(error, -ENOMEM, "out of memory");
    snprintf(self->directory, room, "%s/index", data);
    int rc = tr_directory_make(self->directory);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot make the directory %s: %s", self->directory, strerror(-rc));
    each_file(self->directory, remove_part, NULL);
    return 0;
}

void tr_shelf_finish(tr_shelf_t *self) {
    free(self->directory);
    *self = (tr_shelf_t){0};
}

int tr_shelf_clear(const char *data) {
    char directory[PATH_MAX];
    if ((size_t)snprintf(directory, sizeof directory, "%s/index", data) >= sizeof directory)
        return -ENAMETOOLONG;
    int rc = each_file(directory, remove_file, NULL);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- one namespace's ---- */

typedef struct files {
    int64_t ns;
    uint64_t sequences[FILES_MAX];
    size_t count;
} files_t;

static void take_name(const char *directory, const char *name, void *arg) {
    files_t *files = arg;
    int64_t ns;
    uint64_t sequence;
    (void)directory;
    if (files->count < FILES_MAX && read_name(name, &ns, &sequence) && ns == files->ns)
        files->sequences[files->count++] = sequence;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void list(const tr_shelf_t *self, int64_t ns, files_t *ret) {
    *ret = (files_t){.ns = ns};
    each_file(self->directory, take_name, ret);
    qsort(ret->sequences, ret->count, sizeof *ret->sequences, by_number);
}

uint64_t tr_shelf_last(const tr_shelf_t *self, int64_t ns) {
    files_t files;
    list(self, ns, &files);
    return files.count ? files.sequences[files.count - 1] : 0;
}

void tr_shelf_remove(const tr_shelf_t *self, int64_t ns, uint64_t sequence) {
    char path[PATH_MAX];
    path_of(self, ns, sequence, path);
    unlink(path); /* it may be gone, ignoring */
}

void tr_shelf_remove_all(const tr_shelf_t *self, int64_t ns) {
    files_t files;
    do {
        list(self, ns, &files);
        for (size_t i = 0; i < files.count; i++)
            tr_shelf_remove(self, ns, files.sequences[i]);
    } while (files.count == FILES_MAX);
}

static bool is_among(uint64_t sequence, const uint64_t *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == sequence)
            return true;
    return false;
}

/* The newest first: what it was made of is passed over. */
size_t tr_shelf_read(const tr_shelf_t *self, int64_t ns, const char *model, size_t dimensions,
    tr_shelf_found_t *ret, size_t most, size_t *ret_damaged) {
    files_t files;
    uint64_t replaced[FILES_MAX];
    size_t n = 0, gone = 0;
    *ret_damaged = 0;
    list(self, ns, &files);
    for (size_t i = files.count; i-- > 0;) {
        char path[PATH_MAX];
        tr_segment_header_t h;
        uint64_t sequence = files.sequences[i];
        path_of(self, ns, sequence, path);
        bool old = is_among(sequence, replaced, gone) || n == most;
        int rc = old ? -ESTALE : tr_segment_read(path, model, dimensions, &h, &ret[n].segment, NULL);
        if (rc == 0 && (h.ns != (uint64_t)ns || h.sequence != sequence)) {
            tr_segment_release(&ret[n].segment);
            rc = -EBADMSG;
        }
        *ret_damaged += rc < 0 && !old;
        if (rc < 0) {
            unlink(path);
            continue;
        }
        ret[n++].sequence = sequence;
        for (size_t j = 0; j < h.replaced_count && gone < FILES_MAX; j++)
            replaced[gone++] = h.replaced[j];
    }
    return n;
}

int tr_shelf_write(const tr_shelf_t *self, int64_t ns, const char *model, uint64_t sequence,
    const uint64_t *replaced, size_t count, tr_segment_t *segment, tr_error_t *error) {
    char path[PATH_MAX];
    tr_segment_header_t h = {.ns = (uint64_t)ns, .sequence = sequence};
    snprintf(h.model, sizeof h.model, "%s", model);
    for (size_t i = 0; i < count && h.replaced_count < TR_SEGMENT_REPLACED_MAX; i++)
        if (replaced[i])
            h.replaced[h.replaced_count++] = replaced[i];
    path_of(self, ns, sequence, path);
    return tr_segment_write(segment, path, &h, error);
}
