/* What the program may use, and that it can get no more. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/tool/sandbox/sandbox.h"

#define FILES_MAX 128

static int drop_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL) /* one that this kernel has not */
            return tr_sandbox_say("capabilities", errno);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
        return tr_sandbox_say("capabilities", errno);
    return 0;
}

int tr_sandbox_limit(const tr_sandbox_t *self) {
    const struct {
        __rlimit_resource_t what;
        rlim_t most;
    } limits[] = {
        {RLIMIT_CPU, self->cpu_s},
        {RLIMIT_AS, self->memory},
        {RLIMIT_FSIZE, self->file_size},
        {RLIMIT_NPROC, self->processes + 1}, /* the first of the room counts too */
        {RLIMIT_NOFILE, FILES_MAX},
        {RLIMIT_CORE, 0},
        {RLIMIT_MSGQUEUE, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit = {limits[i].most, limits[i].most};
        if (setrlimit(limits[i].what, &limit) < 0)
            return tr_sandbox_say("limits", errno);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return tr_sandbox_say("privileges", errno);
    return drop_capabilities();
}
