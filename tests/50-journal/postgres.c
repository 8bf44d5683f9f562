#include "tests/50-journal/postgres.h"
#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

bool postgres_find(postgres_t *self) {
    glob_t found;
    *self = (postgres_t){0};
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0) {
        const char *path = found.gl_pathv[found.gl_pathc - 1];
        snprintf(self->programs, sizeof self->programs, "%.*s", (int)(strrchr(path, '/') - path), path);
        globfree(&found);
    }
    return self->programs[0] && (geteuid() != 0 || getpwnam("postgres"));
}

/* Runs a command line with $0 = the programs' directory and $1 = the server's; as root it becomes another user. */
static void start(postgres_t *self, process_t *process, const char *command) {
    const char *argv[] = {"/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
        "--pdeathsig=SIGKILL", "/bin/sh", "-c", command, self->programs, self->directory, NULL};
    process_start(process, geteuid() == 0 ? argv : argv + 5);
}

static void run(postgres_t *self, const char *command) {
    process_t process;
    char line[512];
    start(self, &process, command);
    while (process_line(&process, line, sizeof line))
        ;
    if (process_wait(&process) != 0)
        fail_msg("%s: failed; see %s/log", command, self->directory);
    process_finish(&process);
}

void postgres_new(postgres_t *self) {
    strcpy(self->directory, "/tmp/troupe-postgres-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user)
        assert_int_equal(chown(self->directory, user->pw_uid, user->pw_gid), 0);
    snprintf(self->conninfo, sizeof self->conninfo, "host=%s dbname=postgres user=troupe", self->directory);
    run(self, "exec \"$0/initdb\" -D \"$1/data\" -U troupe -A trust -E UTF8 --no-locale --no-sync "
              ">\"$1/log\" 2>&1");
    postgres_start(self);
}

static bool is_gone(pid_t pid) {
    char path[64], text[128] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    bool gone = !file || !fgets(text, sizeof text, file) || strstr(text, ") Z ");
    if (file)
        fclose(file);
    return gone;
}

/* The server writes its state into the eighth line of a file, which may be that of the server before. */
static bool is_ready(const postgres_t *self) {
    char path[128], line[128];
    int number = 0;
    bool ours = false, ready = false;
    snprintf(path, sizeof path, "%s/data/postmaster.pid", self->directory);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        number++;
        if (number == 1)
            ours = strtol(line, NULL, 10) == self->process.pid;
        else if (number == 8)
            ready = strncmp(line, "ready", 5) == 0;
    }
    if (file)
        fclose(file);
    return ours && ready;
}

void postgres_start(postgres_t *self) {
    struct timespec now, begin;
    start(self, &self->process,
        "exec \"$0/postgres\" -D \"$1/data\" -k \"$1\" -c listen_addresses= -c shared_buffers=16MB -c "
        "max_connections=10 -c max_wal_size=128MB -c dynamic_shared_memory_type=mmap >>\"$1/log\" 2>&1");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (!is_ready(self)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - begin.tv_sec) * 1000 > PROCESS_PATIENCE_MS || is_gone(self->process.pid))
            fail_msg("the PostgreSQL server did not become ready; see %s/log", self->directory);
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
    }
}

/* The server's processes keep its shared memory, so the next one can start when the last of them has gone. */
void postgres_crash(postgres_t *self) {
    char path[64];
    int children[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)self->process.pid, (int)self->process.pid);
    FILE *list = fopen(path, "re");
    while (list && n < 64 && fscanf(list, "%d", &children[n]) == 1)
        n++;
    if (list)
        fclose(list);
    process_kill(&self->process);
    for (size_t i = 0; i < n; i++)
        kill(children[i], SIGKILL);
    for (size_t i = 0; i < n; i++)
        while (!is_gone(children[i]))
            nanosleep(&(struct timespec){.tv_nsec = 2 * 1000000}, NULL);
}

void postgres_finish(postgres_t *self) {
    process_finish(&self->process);
    if (self->directory[0])
        scratch_remove(self->directory);
}

void postgres_sql(postgres_t *self, const char *sql, char *line, size_t size) {
    process_t process;
    char path[160], first[256] = "", rest[256];
    snprintf(path, sizeof path, "%s/psql", self->programs);
    const char *argv[] = {
        path, "-X", "-A", "-t", "-q", "-d", self->conninfo, "-v", "ON_ERROR_STOP=1", "-c", sql, NULL};
    process_start(&process, argv);
    if (process_line(&process, first, sizeof first))
        while (process_line(&process, rest, sizeof rest))
            ;
    if (process_wait(&process) != 0)
        fail_msg("SQL failed: %s", sql);
    process_finish(&process);
    if (line)
        snprintf(line, size, "%s", first);
}
