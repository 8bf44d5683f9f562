#include "agentd/behaviours/exec_program.h"

#include "agentd/behaviours/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_DEFAULT   "/usr/local/bin:/bin:/usr/bin"
#define SCRIPT_LINE    256 /* of "#! INTERPRETER ARGUMENT", as far as Linux reads it */
#define WHY_NO_PROGRAM "args.command[0]"

/* 0, or why it cannot be executed, as an errno. */
static int why_not(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    return access(path, X_OK) < 0 ? errno : 0;
}

/* A path as it is meant in a directory; what does not fit is no path ("" is not found). */
static const char *within(const char *directory, const char *path, char *out) {
    bool relative = directory && path[0] != '/';
    int n = snprintf(out, PATH_MAX, "%s%s%s", relative ? directory : "", relative ? "/" : "", path);
    if (n >= PATH_MAX)
        out[0] = '\0';
    return out;
}

/* The first of that name in PATH that can be executed, else the reason of the last one that is there. */
static int find_in_path(const char *name, const char *directory, char *out) {
    const char *path = getenv("PATH");
    int why = ENOENT;
    for (path = path ? path : PATH_DEFAULT;; path++) {
        size_t len = strcspn(path, ":");
        char entry[PATH_MAX];
        int n = snprintf(entry, sizeof entry, "%.*s/%s", len ? (int)len : 1, len ? path : ".", name);
        int this = n < PATH_MAX ? why_not(within(directory, entry, out)) : ENAMETOOLONG;
        if (this == 0)
            return 0;
        why = this == ENOENT || this == ENOTDIR ? why : this;
        path += len;
        if (!*path)
            return why;
    }
}

/* The interpreter that a script's first line names; "" where there is none. */
static void read_interpreter(const char *path, char *out, size_t size) {
    char line[SCRIPT_LINE] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    out[0] = '\0';
    if (fd >= 0)
        close(fd);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return;
    const char *start = line + 2 + strspn(line + 2, " \t");
    snprintf(out, size, "%.*s", (int)strcspn(start, " \t\n"), start);
}

static int check_script(const tr_exec_conf_t *conf, const char *path, tr_problem_t *problem) {
    char interpreter[SCRIPT_LINE], real[PATH_MAX];
    read_interpreter(path, interpreter, sizeof interpreter);
    if (!interpreter[0])
        return 0;
    int why = why_not(within(conf->cwd, interpreter, real));
    if (why == 0)
        return 0;
    return tr_problem_set(problem, -EINVAL, WHY_NO_PROGRAM,
        "expected a program that can be run, found \"%.120s\", a script for \"%.120s\": %s", path,
        interpreter, strerror(why));
}

static const char *explain(int why, bool in_path) {
    switch (why) {
    case ENOENT: return in_path ? "it is not in PATH" : "there is no such file";
    case EACCES: return "it may not be executed (chmod +x)";
    default: return strerror(why);
    }
}

int tr_exec_program_check(const tr_exec_conf_t *conf, tr_problem_t *problem) {
    const char *name = conf->command[0];
    char path[PATH_MAX];
    struct stat st;
    if (conf->cwd && (stat(conf->cwd, &st) < 0 || !S_ISDIR(st.st_mode)))
        return tr_problem_set(
            problem, -EINVAL, "args.cwd", "expected a directory, found \"%.200s\"", conf->cwd);
    bool in_path = !strchr(name, '/');
    int why = in_path ? find_in_path(name, conf->cwd, path) : why_not(within(conf->cwd, name, path));
    if (why != 0)
        return tr_problem_set(problem, -EINVAL, WHY_NO_PROGRAM,
            "expected a program that can be run, found \"%.120s\": %s", name, explain(why, in_path));
    return check_script(conf, path, problem);
}

int tr_exec_check(tr_value_t args, tr_problem_t *problem) {
    tr_exec_conf_t conf;
    int rc = tr_exec_conf_read(&conf, args, problem);
    if (rc < 0)
        return rc;
    rc = tr_exec_program_check(&conf, problem);
    tr_exec_conf_finish(&conf);
    return rc;
}
