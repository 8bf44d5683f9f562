#include "kbd/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE     (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define FIRST    ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* all that the first version knows */
#define TRUNCATE (UINT64_C(1) << 14) /* of the third; headers may be older than kernels */
#define THIRD    3

static const struct {
    const char *path;
    uint64_t may;
} known[] = {
    {"/usr", FILE | LANDLOCK_ACCESS_FS_READ_DIR},
    {"/lib", FILE | LANDLOCK_ACCESS_FS_READ_DIR}, /* of systems where these are no links into /usr */
    {"/lib64", FILE | LANDLOCK_ACCESS_FS_READ_DIR},
    {"/etc/fonts", FILE | LANDLOCK_ACCESS_FS_READ_DIR},
    {"/etc/ld.so.cache", FILE},
};

/* What is not there need not be read. */
static void allow(int rules, const char *path, uint64_t may) {
    struct landlock_path_beneath_attr rule = {
        .allowed_access = may, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

bool tr_confine(void) {
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr handled = {.handled_access_fs = FIRST | (version >= THIRD ? TRUNCATE : 0)};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        allow(rules, known[i].path, known[i].may);
    bool done =
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return done;
}
