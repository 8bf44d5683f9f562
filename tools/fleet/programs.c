#include "tools/fleet/programs.h"
#include "lib/base/process.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Takes DIRECTORY[/BETWEEN]/NAME when a program is there. */
static bool take(const char *directory, size_t len, const char *between, const char *name, char *out) {
    char path[PATH_MAX], real[PATH_MAX];
    int n = snprintf(path, sizeof path, "%.*s/%s%s", (int)len, directory, between, name);
    if (n < 0 || n >= (int)sizeof path || !is_program(path) || !realpath(path, real))
        return false;
    strcpy(out, real);
    return true;
}

static bool in_path(const char *name, char *out) {
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        /* Only absolute entries: what is in the working directory is not for us to run. */
        if (path[0] == '/' && take(path, len, "", name, out))
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

int tr_programs_find_one(
    const char *directory, const char *room, const char *name, char *out, tr_error_t *error) {
    char between[64];
    snprintf(between, sizeof between, "../%s/", room);
    size_t len = strlen(directory);
    if (take(directory, len, "", name, out) || take(directory, len, between, name, out) || in_path(name, out))
        return 0;
    return tr_error_set(error, -ENOENT,
        "%s was not found: not in %s, not in %s/../%s, not in PATH; is Troupe installed as a whole?", name,
        directory, directory, room);
}

static int own_directory(char self[PATH_MAX], tr_error_t *error) {
    int rc = tr_process_directory(self, PATH_MAX);
    return rc < 0 ? tr_error_set(error, rc, "cannot tell where this program is: %s", strerror(-rc)) : 0;
}

int tr_programs_find_beside(const char *room, const char *name, char *out, tr_error_t *error) {
    char self[PATH_MAX];
    int rc = own_directory(self, error);
    return rc < 0 ? rc : tr_programs_find_one(self, room, name, out, error);
}

/* Not everybody has it. */
static void find_daemon(const char *directory, const char *room, const char *name, char *out) {
    if (tr_programs_find_one(directory, room, name, out, &(tr_error_t){0}) < 0)
        out[0] = '\0';
}

const char *tr_programs_daemon(const tr_programs_t *self, const char *program) {
    return strcmp(program, "troupe-kbd") == 0        ? self->kbd
           : strcmp(program, "troupe-gateway") == 0  ? self->gateway
           : strcmp(program, "troupe-exporter") == 0 ? self->exporter
                                                     : self->coordinator;
}

int tr_programs_find(tr_programs_t *ret_programs, tr_error_t *error) {
    char self[PATH_MAX];
    tr_programs_t programs;
    int rc = own_directory(self, error);
    if (rc == 0)
        rc = tr_programs_find_one(self, "broker", "troupe-broker", programs.broker, error);
    if (rc == 0)
        rc = tr_programs_find_one(self, "agentd", "troupe-agentd", programs.agentd, error);
    if (rc < 0)
        return rc;
    find_daemon(self, "coordinator", "troupe-coordinator", programs.coordinator);
    find_daemon(self, "kbd", "troupe-kbd", programs.kbd);
    find_daemon(self, "gateway", "troupe-gateway", programs.gateway);
    find_daemon(self, "exporter", "troupe-exporter", programs.exporter);
    *ret_programs = programs;
    return 0;
}
