#include "lib/base/module.h"

#include "lib/base/crash.h"
#include "lib/base/process.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The path from the program's directory to the modules', as a format of what the place has two words for. */
typedef enum place_word { PLACE_ROOM, PLACE_LIBDIR, PLACE_NONE } place_word_t;

static const struct place {
    const char *before;
    place_word_t word;
    const char *after;
} places[] = {
    {"../", PLACE_ROOM, ""}, /* where it was built */
    {"../../", PLACE_ROOM, ""},
    {"../lib/troupe", PLACE_NONE, ""}, /* where it was installed, and moved as a whole */
    {"../", PLACE_LIBDIR, "/troupe"},
};

static bool readable(const char *path, int printed, size_t size) {
    return printed > 0 && (size_t)printed < size && access(path, R_OK) == 0;
}

static bool find(const tr_module_kind_t *kind, char *out, size_t size) {
    char directory[PATH_MAX];
    tr_process_directory(directory, sizeof directory);
    const char *const words[] = {kind->room, kind->libdir, ""};
    for (size_t i = 0; *directory && i < sizeof places / sizeof *places; i++) {
        const struct place *p = &places[i];
        int n =
            snprintf(out, size, "%s/%s%s%s/%s", directory, p->before, words[p->word], p->after, kind->file);
        if (readable(out, n, size))
            return true;
    }
    return readable(out, snprintf(out, size, "%s/%s", kind->installed, kind->file), size);
}

static int load(const tr_module_kind_t *kind, const char *path, const void **ret_module, tr_error_t *error) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return tr_error_set(error, -ENOTSUP, "cannot load %s: %s", kind->what, dlerror());
    tr_crash_note_loaded();
    const void *module = dlsym(handle, kind->symbol);
    if (!module)
        return tr_error_set(error, -ENOTSUP, "%s: this is not %s", path, kind->what);
    const char *version = *(const char *const *)module;
    if (strcmp(version, TROUPE_VERSION) != 0)
        return tr_error_set(error, -ENOTSUP,
            "%s: it is of version %.32s, this program of %s: install both anew", path, version,
            TROUPE_VERSION);
    *ret_module = module;
    return 0;
}

int tr_module_load(
    const tr_module_kind_t *kind, const char *path, const void **ret_module, tr_error_t *error) {
    char found[PATH_MAX + 128];
    if (!path && !find(kind, found, sizeof found))
        return tr_error_set(error, -ENOTSUP,
            "%s was found neither beside this program nor in %s: install it, or build Troupe with "
            "-D%s=enabled",
            kind->file, kind->installed, kind->option);
    return load(kind, path ? path : found, ret_module, error);
}
