#include "tools/cluster/ssh.h"

#include "tools/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_OF_SSH 255

void tr_ssh_begin(const tr_ssh_t *self, tr_run_t *run) {
    tr_run_add(run, "ssh");
    if (*self->config) {
        tr_run_add(run, "-F");
        tr_run_add(run, self->config);
    }
    tr_run_add_all(run, (const char *const[]){"-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o",
                            "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", NULL});
}

static bool is_plain(const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:@%,";
    return *word && strspn(word, plain) == strlen(word);
}

void tr_ssh_quote(const char *const *words, tr_buffer_t *out) {
    for (size_t i = 0; words[i]; i++) {
        if (i)
            tr_buffer_char(out, ' ');
        if (is_plain(words[i])) {
            tr_buffer_text(out, words[i]);
            continue;
        }
        tr_buffer_char(out, '\'');
        for (const char *at = words[i]; *at; at++)
            if (*at == '\'')
                tr_buffer_text(out, "'\\''");
            else
                tr_buffer_char(out, *at);
        tr_buffer_char(out, '\'');
    }
}

/* Of its exit code: `troupe` has its own, and ssh has one for itself. */
static int meaning(int rc, int status) {
    if (rc != -EREMOTEIO)
        return rc;
    return status == EXIT_OF_SSH || status == TR_EXIT_UNREACHABLE ? -EHOSTUNREACH
           : status == TR_EXIT_TIMEOUT                            ? -ETIMEDOUT
                                                                  : rc;
}

/* What ssh says of itself, or what Troupe says over there. */
static int explain(const tr_ssh_t *self, const char *at, int rc, const tr_error_t *why, tr_error_t *error) {
    const char *text = strstr(why->text, ": ");
    text = text ? text + 2 : why->text;
    if (strncmp(text, "troupe ", 7) == 0)
        return tr_error_set(error, rc, "%s: %s", at, text);
    if (rc == -ENOENT || strstr(text, "not found") || strstr(text, "No such file"))
        return tr_error_set(error, -ENOENT,
            "%s: %s cannot be run there (%s): install Troupe on it, or say where it is with --program", at,
            self->program, text);
    return tr_error_set(error, rc, "%s: %s; `ssh %s true` must work without a question", at, text, at);
}

int tr_ssh_start(const tr_ssh_t *self, const char *at, const char *const *words, const char *input,
    tr_ssh_work_t *work, tr_error_t *error) {
    const char *program[] = {self->program, NULL};
    tr_error_t why = {0};
    *work = (tr_ssh_work_t){.at = at, .running = {.in = -1, .out = -1, .err = -1}};
    tr_buffer_init(&work->command, 0);
    tr_ssh_quote(program, &work->command);
    tr_buffer_char(&work->command, ' ');
    tr_ssh_quote(words, &work->command);
    if (work->command.failed)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_ssh_begin(self, &work->run);
    tr_run_add_all(&work->run, (const char *const[]){"--", at, tr_buffer_string(&work->command), NULL});
    int rc = tr_run_begin(&work->run, input, &work->running, &why);
    return rc < 0 ? explain(self, at, rc, &why, error) : 0;
}

int tr_ssh_end(const tr_ssh_t *self, tr_ssh_work_t *work, char **ret_out, tr_error_t *error) {
    tr_error_t why = {0};
    int status = 0, rc = tr_run_end(&work->run, &work->running, ret_out, &status, &why);
    tr_buffer_finish(&work->command);
    return rc < 0 ? explain(self, work->at, meaning(rc, status), &why, error) : 0;
}

int tr_ssh_troupe(const tr_ssh_t *self, const char *at, const char *const *words, const char *input,
    char **ret_out, tr_error_t *error) {
    tr_ssh_work_t work;
    int rc = tr_ssh_start(self, at, words, input, &work, error);
    int ended = tr_ssh_end(self, &work, ret_out, rc < 0 ? NULL : error);
    return rc < 0 ? rc : ended;
}
