#include "agentd/load.h"

#include "lib/base/crash.h"
#include "proto/aid.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tr_loaded {
    void *handle;
    const tr_behaviour_t *behaviour;
};

int tr_behaviour_check(const tr_behaviour_t *behaviour, const char *from, tr_error_t *error) {
    if (!behaviour)
        return tr_error_set(error, -EINVAL, "%s: %s() gave NULL: it must return its tr_behaviour_t", from,
            TR_BEHAVIOUR_SYMBOL);
    if (behaviour->abi != TR_BEHAVIOUR_ABI)
        return tr_error_set(error, -EINVAL,
            "%s: built for version %u of the behaviour ABI, this troupe-agentd has version %u: build it "
            "again "
            "with the headers of this version, and set .abi = TR_BEHAVIOUR_ABI",
            from, behaviour->abi, TR_BEHAVIOUR_ABI);
    if (!behaviour->name || !tr_name_valid(behaviour->name, strlen(behaviour->name)))
        return tr_error_set(error, -EINVAL,
            "%s: its .name is no name: expected 1 to %d of A-Z a-z 0-9 . _ - + ~", from, TR_NAME_MAX);
    if (!behaviour->receive && !behaviour->participants)
        return tr_error_set(
            error, -EINVAL, "%s: it has neither .receive nor .participants: an agent needs one", from);
    if (!behaviour->save != !behaviour->restore || (behaviour->replay && !behaviour->save))
        return tr_error_set(
            error, -EINVAL, "%s: .save and .restore belong together, and .replay needs both of them", from);
    if (behaviour->state_size > TR_LOAD_STATE_MAX)
        return tr_error_set(error, -EINVAL,
            "%s: a .state_size of %zu bytes for each agent: at most %zu may be", from, behaviour->state_size,
            TR_LOAD_STATE_MAX);
    return 0;
}

static int open_file(tr_loaded_t *self, const char *path, tr_error_t *error) {
    char local[PATH_MAX];
    /* dlopen would look for a bare name in the system's directories. */
    int len = snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    if (len < 0 || (size_t)len >= sizeof local)
        return tr_error_set(error, -ENAMETOOLONG, "%.100s...: the path is too long", path);
    if (access(local, R_OK) < 0)
        return tr_error_set(
            error, -errno, "%s: expected a shared object with a behaviour: %s", path, strerror(errno));
    self->handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (self->handle) {
        tr_crash_note_loaded();
        return 0;
    }
    /* Its text begins with the path, mostly. */
    const char *why = dlerror();
    size_t same = strncmp(why, local, strlen(local)) == 0 ? strlen(local) : 0;
    return tr_error_set(error, -EINVAL, "%s: expected a shared object with a behaviour%s%s", path,
        same ? "" : ": ", why + same);
}

static int ask(tr_loaded_t *self, const char *path, tr_error_t *error) {
    /* POSIX gives a function as an object pointer here; the union avoids the cast that ISO C forbids. */
    union {
        void *object;
        tr_behaviour_entry_t entry;
    } symbol = {dlsym(self->handle, TR_BEHAVIOUR_SYMBOL)};
    if (!symbol.object)
        return tr_error_set(error, -EINVAL,
            "%s: no function %s in it: end its source with TR_EXPORT_BEHAVIOUR(your_behaviour)", path,
            TR_BEHAVIOUR_SYMBOL);
    const tr_behaviour_t *behaviour = symbol.entry();
    int rc = tr_behaviour_check(behaviour, path, error);
    if (rc == 0)
        self->behaviour = behaviour;
    return rc;
}

int tr_load_behaviour(const char *path, tr_loaded_t **ret_loaded, tr_error_t *error) {
    tr_loaded_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", path);
    int rc = open_file(self, path, error);
    if (rc == 0)
        rc = ask(self, path, error);
    if (rc < 0) {
        tr_loaded_destroy(&self);
        return rc;
    }
    *ret_loaded = self;
    return 0;
}

void tr_loaded_destroy(tr_loaded_t **self) {
    if (!self || !*self)
        return;
    if ((*self)->handle)
        dlclose((*self)->handle);
    free(*self);
    *self = NULL;
}

void tr_loaded_keep(tr_loaded_t **self) {
    if (*self)
        (*self)->handle = NULL;
    tr_loaded_destroy(self);
}

const tr_behaviour_t *tr_loaded_behaviour(const tr_loaded_t *self) {
    return self->behaviour;
}
