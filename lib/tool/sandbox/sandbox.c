#include "lib/tool/sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int tr_sandbox_say(const char *what, int error) {
    fprintf(stderr, "troupe-sandbox: %s: %s\n", what, strerror(error));
    return -error;
}

/* ---- options ---- */

static int wrong(const char *option) {
    fprintf(stderr, "troupe-sandbox: %s: not understood\n", option);
    return -EINVAL;
}

static bool take_truth(const char *option, tr_sandbox_t *s) {
    bool *to = strcmp(option, "--network") == 0   ? &s->network
               : strcmp(option, "--private") == 0 ? &s->private
               : strcmp(option, "--spawns") == 0  ? &s->spawns
                                                  : NULL;
    if (to)
        *to = true;
    return to != NULL;
}

static bool take_number(const char *option, const char *value, tr_sandbox_t *s) {
    char *end;
    uint64_t number = strtoull(value, &end, 10);
    uint64_t *to = strcmp(option, "--cpu") == 0         ? &s->cpu_s
                   : strcmp(option, "--memory") == 0    ? &s->memory
                   : strcmp(option, "--file-size") == 0 ? &s->file_size
                   : strcmp(option, "--processes") == 0 ? &s->processes
                                                        : NULL;
    if (!to || *end || number == 0)
        return false;
    *to = number;
    return true;
}

static bool take_path(const char *option, const char *value, tr_sandbox_t *s) {
    if (value[0] != '/')
        return false;
    if (strcmp(option, "--write") == 0)
        s->write = value;
    else if (strcmp(option, "--read") == 0 && s->read_count < TR_SANDBOX_PATHS_MAX)
        s->read[s->read_count++] = value;
    else
        return false;
    return true;
}

int tr_sandbox_read(int argc, char *argv[], tr_sandbox_t *ret_sandbox) {
    tr_sandbox_t s = {
        .host_proc = -1, .cpu_s = 10, .memory = 256u << 20, .file_size = 16u << 20, .processes = 16};
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (take_truth(argv[i], &s))
            continue;
        if (i + 1 >= argc || !(take_number(argv[i], argv[i + 1], &s) || take_path(argv[i], argv[i + 1], &s)))
            return wrong(argv[i]);
        i++;
    }
    if (i + 1 >= argc || argv[i + 1][0] != '/')
        return wrong("the program, which is to be an absolute path behind --");
    s.command = argv + i + 1;
    *ret_sandbox = s;
    return 0;
}

/* ---- the processes: this one, the first of the room, and the program ---- */

/* A copy in a page of its own, whose address nobody can guess (filter.c). NULL after a line on stderr. */
static const char *at_random(const char *path) {
    size_t size = strlen(path) + 1;
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        tr_sandbox_say("mmap", errno);
        return NULL;
    }
    memcpy(page, path, size);
    return page;
}

static void be_program(const tr_sandbox_t *self, int by) {
    char path[] = "PATH=/usr/bin:/bin", home[] = "HOME=/tmp", lang[] = "LANG=C.UTF-8", tmp[] = "TMPDIR=/tmp";
    char *const environment[] = {path, home, lang, tmp, NULL};
    const char *program = at_random(self->command[0]);
    tr_sandbox_unwatch_ends();
    if (program && tr_sandbox_limit(self) == 0 && tr_sandbox_filter(self, program, by) == 0) {
        execve(program, self->command, environment);
        tr_sandbox_say(self->command[0], errno);
    }
    _exit(TR_SANDBOX_NOT_BUILT);
}

static int code_of(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The end of the first process ends all of the room. */
static void be_first(tr_sandbox_t *self) {
    int status = 0, by[2];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (tr_sandbox_furnish(self) < 0)
        _exit(TR_SANDBOX_NOT_BUILT);
    int ends = tr_sandbox_watch_ends();
    if (ends < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, by) < 0)
        _exit(TR_SANDBOX_NOT_BUILT);
    pid_t program = fork();
    if (program == 0)
        be_program(self, by[1]);
    if (program < 0) {
        tr_sandbox_say("fork", errno);
        _exit(TR_SANDBOX_NOT_BUILT);
    }
    close(by[1]);
    int gate = tr_sandbox_has_gate(self) ? tr_sandbox_take_gate(by[0]) : -1;
    tr_sandbox_wait(
        self, program, ends, gate, &status); /* without it there is nothing to wait for, ignoring */
    _exit(code_of(status));
}

int tr_sandbox_run(tr_sandbox_t *self) {
    int status = 0;
    if (tr_sandbox_leave(self) < 0)
        return TR_SANDBOX_NOT_BUILT;
    pid_t first = fork();
    if (first == 0)
        be_first(self);
    if (first < 0) {
        tr_sandbox_say("fork", errno);
        return TR_SANDBOX_NOT_BUILT;
    }
    while (waitpid(first, &status, 0) < 0 && errno == EINTR)
        ;
    return code_of(status);
}
