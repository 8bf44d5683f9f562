#include "tools/cluster/ssh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* What ssh says of itself, or what Troupe says over there. */
static int explain(const tr_ssh_t *self, const char *at, int rc, const tr_error_t *why, tr_error_t *error) {
    const char *text = strstr(why->text, ": ");
    text = text ? text + 2 : why->text;
    if (rc == -ENOENT || strstr(text, "not found") || strstr(text, "No such file"))
        return tr_error_set(error, -ENOENT,
            "%s: %s cannot be run there (%s): install Troupe on it, or say where it is with --program", at,
            self->program, text);
    if (strncmp(text, "troupe ", 7) == 0)
        return tr_error_set(error, rc, "%s: %s", at, text);
    return tr_error_set(error, rc, "%s: %s; `ssh %s true` must work without a question", at, text, at);
}

int tr_ssh_troupe(const tr_ssh_t *self, const char *at, const char *const *words, const char *input,
    char **ret_out, tr_error_t *error) {
    const char *program[] = {self->program, NULL};
    tr_run_t run = {0};
    tr_error_t why = {0};
    tr_buffer_t command;
    tr_buffer_init(&command, 0);
    tr_ssh_quote(program, &command);
    tr_buffer_char(&command, ' ');
    tr_ssh_quote(words, &command);
    if (command.failed) {
        tr_buffer_finish(&command);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    tr_ssh_begin(self, &run);
    tr_run_add_all(&run, (const char *const[]){"--", at, tr_buffer_string(&command), NULL});
    int rc = tr_run(&run, input, ret_out, &why);
    tr_buffer_finish(&command);
    return rc < 0 ? explain(self, at, rc, &why, error) : 0;
}
