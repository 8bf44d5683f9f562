/* argv: flags into slots, the rest into arguments. */
#include "lib/base/options_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct cursor {
    tr_options_t *options;
    int argc, at;
    char *const *argv;
    tr_error_t *error;
} cursor_t;

static int unknown(const cursor_t *self, const char *name) {
    char room[96];
    const char *near = options_nearest(self->options->program, name, true, room, sizeof room);
    if (near)
        return tr_error_set(self->error, -EINVAL, "unknown option --%.60s; did you mean --%s?", name, near);
    return tr_error_set(
        self->error, -EINVAL, "unknown option --%.60s; see %s --help", name, self->options->program->name);
}

/* The value behind '=', or the next entry of argv. */
static int take_value(
    cursor_t *self, const char *shown, const char *metavar, const char *attached, const char **ret_text) {
    if (!attached && self->at >= self->argc)
        return tr_error_set(
            self->error, -EINVAL, "%s needs a value: %s %s", shown, shown, metavar ? metavar : "VALUE");
    *ret_text = attached ? attached : self->argv[self->at++];
    return 0;
}

static int set_flag(cursor_t *self, const tr_option_t *option, const char *shown, const char *text) {
    int rc = options_set(self->options, option, TR_SOURCE_FLAG, text, self->error);
    if (rc)
        tr_error_prefix(self->error, "%s", shown);
    return rc;
}

static int set_file(cursor_t *self, const char *attached) {
    const char *path = NULL;
    int rc = take_value(self, "--config", "FILE", attached, &path);
    if (rc)
        return rc;
    free(self->options->file);
    self->options->file = strdup(path);
    return self->options->file ? 0 : tr_error_set(self->error, -ENOMEM, "out of memory");
}

static bool is(const char *name, size_t len, const char *word) {
    return strlen(word) == len && memcmp(name, word, len) == 0;
}

/* --name, --name=value, --no-name. Returns a tr_options_ask_t or an error. */
static int read_long(cursor_t *self, const char *name) {
    const tr_program_t *program = self->options->program;
    size_t len = strcspn(name, "=");
    const char *attached = name[len] ? name + len + 1 : NULL, *text = NULL;
    char shown[96];
    snprintf(shown, sizeof shown, "--%.*s", (int)(len < 80 ? len : 80), name);
    const tr_option_t *option = options_find(program, name, len);
    if (option && option->type == TR_OPTION_BOOL)
        return set_flag(self, option, shown, attached ? attached : "true");
    if (option) {
        int rc = take_value(self, shown, option->metavar, attached, &text);
        return rc ? rc : set_flag(self, option, shown, text);
    }
    if (is(name, len, "help") && !attached)
        return TR_OPTIONS_HELP;
    if (is(name, len, "version") && !attached)
        return TR_OPTIONS_VERSION;
    if (program->has_file && is(name, len, "config"))
        return set_file(self, attached);
    option = len > 3 && strncmp(name, "no-", 3) == 0 ? options_find(program, name + 3, len - 3) : NULL;
    if (option && option->type == TR_OPTION_BOOL && !attached)
        return set_flag(self, option, shown, "false");
    return unknown(self, shown + 2);
}

static const tr_option_t *find_letter(const tr_program_t *program, char letter) {
    for (size_t i = 0; i < program->option_count; i++)
        if (program->options[i].letter == letter)
            return &program->options[i];
    return NULL;
}

/* -v, -vq, -q VALUE, -qVALUE, -q=VALUE. */
static int read_letters(cursor_t *self, const char *letters) {
    for (; *letters; letters++) {
        const tr_option_t *option = find_letter(self->options->program, *letters);
        char shown[] = {'-', *letters, '\0'};
        const char *text = NULL;
        if (!option && *letters == 'h')
            return TR_OPTIONS_HELP;
        if (!option && *letters == 'V')
            return TR_OPTIONS_VERSION;
        if (!option)
            return tr_error_set(self->error, -EINVAL, "unknown option %s; see %s --help", shown,
                self->options->program->name);
        if (option->type == TR_OPTION_BOOL) {
            int rc = set_flag(self, option, shown, "true");
            if (rc)
                return rc;
            continue;
        }
        const char *attached = letters[1] == '=' ? letters + 2 : letters[1] ? letters + 1 : NULL;
        int rc = take_value(self, shown, option->metavar, attached, &text);
        return rc ? rc : set_flag(self, option, shown, text);
    }
    return 0;
}

static int add_argument(cursor_t *self, const char *text) {
    tr_options_t *options = self->options;
    if (options->argument_count == 0)
        options->consumed = self->at - 1;
    int rc = strings_append(&options->arguments, &options->argument_count, text);
    return rc ? tr_error_set(self->error, rc, "out of memory") : 0;
}

int options_read_flags(tr_options_t *self, int argc, char *const *argv, tr_error_t *error) {
    cursor_t cursor = {self, argc, 1, argv, error};
    bool ended = false;
    self->consumed = argc;
    while (cursor.at < argc) {
        const char *word = argv[cursor.at++];
        int rc = 0;
        if (ended || word[0] != '-' || word[1] == '\0') {
            rc = add_argument(&cursor, word);
            ended = ended || self->program->stop_at_argument;
        } else if (strcmp(word, "--") == 0)
            ended = true;
        else
            rc = word[1] == '-' ? read_long(&cursor, word + 2) : read_letters(&cursor, word + 1);
        if (rc != 0)
            return rc;
    }
    return TR_OPTIONS_RUN;
}
