#include "tools/cli/cli.h"

#include "lib/base/suggest.h"
#include "tools/cli/message_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERBS_MAX 128

static const char *const titles[TR_VERB_GROUPS] = {
    [TR_VERB_FLEET] = "Run a fleet",
    [TR_VERB_TALK] = "Talk to agents",
    [TR_VERB_WATCH] = "Watch",
    [TR_VERB_SUPPORT] = "More",
};

const char *tr_verb_group_title(tr_verb_group_t group) {
    return titles[group];
}

const tr_verb_t *tr_verb_find(const tr_verb_t *const *verbs, const char *name) {
    for (; *verbs; verbs++) {
        if (strcmp((*verbs)->name, name) == 0)
            return *verbs;
    }
    return NULL;
}

/* ---- help ---- */

static size_t longest_name(const tr_verb_t *const *verbs) {
    size_t longest = 0;
    for (; *verbs; verbs++) {
        size_t len = strlen((*verbs)->name);
        longest = len > longest ? len : longest;
    }
    return longest;
}

static void help_group(
    const tr_verb_t *const *verbs, tr_verb_group_t group, size_t indent, size_t width, FILE *out) {
    bool titled = false;
    for (; *verbs; verbs++) {
        if ((*verbs)->group != group)
            continue;
        if (!titled)
            fprintf(out, "\n%s:\n", titles[group]);
        titled = true;
        const char *summary = (*verbs)->program->summary;
        size_t room = width > indent + 20 ? width - indent : 20;
        fprintf(out, "  %-*s%.*s%s\n", (int)indent - 2, (*verbs)->name,
            (int)(strlen(summary) > room ? room - 3 : room), summary, strlen(summary) > room ? "..." : "");
    }
}

void tr_cli_help(const tr_verb_t *const *verbs, size_t width, FILE *out) {
    fputs("Usage: troupe VERB [ARGUMENT...] [OPTION...]\n\n"
          "Launch fleets of agents, attach agents while they run, and watch the messages.\n",
        out);
    size_t indent = longest_name(verbs) + 4;
    for (int group = 0; group < TR_VERB_GROUPS; group++)
        help_group(verbs, (tr_verb_group_t)group, indent, width ? width : 80, out);
    fputs("\n'troupe VERB --help' says more about a verb. 'troupe --version' shows the version.\n"
          "Exit codes: 0 done, 1 wrong usage, 2 cannot reach, 3 refused or not valid, 4 timed out.\n",
        out);
}

/* ---- messages ---- */

static void say(const tr_call_t *call, const char *format, va_list args) {
    fprintf(call->err, "%s: ", call->verb->program->name);
    tr_cli_print_list(call->err, format, args); /* it may quote what agents say */
    fputc('\n', call->err);
}

int tr_cli_fail(const tr_call_t *call, tr_exit_t code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(call, format, args);
    va_end(args);
    return (int)code;
}

int tr_cli_usage(const tr_call_t *call, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(call, format, args);
    va_end(args);
    fprintf(call->err, "Try '%s --help'.\n", call->verb->program->name);
    return TR_EXIT_USAGE;
}

int tr_cli_finish(const tr_call_t *call, tr_output_t **output) {
    int rc = tr_output_finish(*output);
    tr_output_destroy(output);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "the result could not be written: %s", strerror(-rc));
    return TR_EXIT_OK;
}

/* ---- running a verb ---- */

/* A program's `text` as a whole, to its out; a broken stream is a failure like any other. */
static int shown(FILE *out) {
    return fflush(out) == 0 && !ferror(out) ? TR_EXIT_OK : TR_EXIT_REFUSED;
}

static int run_verb(const tr_verb_t *verb, int argc, char *const *argv, FILE *out, FILE *err) {
    void *options = calloc(1, verb->options_size + 1);
    if (!options) {
        fprintf(err, "%s: out of memory\n", verb->program->name);
        return TR_EXIT_REFUSED;
    }
    tr_call_t call = {.verb = verb, .options = options, .out = out, .err = err};
    tr_options_t *read = NULL;
    tr_error_t error = {0};
    int code, rc = tr_options_read(verb->program, argc, argv, options, &read, &error);
    if (rc < 0) {
        code = tr_cli_usage(&call, "%s", error.text);
    } else if (rc == TR_OPTIONS_HELP) {
        tr_options_help(verb->program, tr_options_width(out), out);
        code = shown(out);
    } else if (rc == TR_OPTIONS_VERSION) {
        fprintf(out, "troupe %s\n", TROUPE_VERSION);
        code = shown(out);
    } else {
        call.arguments = tr_options_arguments(read);
        call.sources = read;
        code = verb->run(&call);
        fflush(out);
    }
    tr_options_destroy(&read);
    free(options);
    return code;
}

/* The words that can stand at the first place, or after `first`, each once; ends with NULL. The texts are put
 * in `room`. */
static size_t next_words(
    const tr_verb_t *const *verbs, const char *first, char (*room)[40], const char **words, size_t most) {
    size_t count = 0, skip = first ? strlen(first) + 1 : 0;
    for (; *verbs && count < most; verbs++) {
        const char *name = (*verbs)->name;
        if (first && (strncmp(name, first, skip - 1) != 0 || name[skip - 1] != ' '))
            continue;
        size_t len = strcspn(name + skip, " ");
        snprintf(room[count], sizeof *room, "%.*s", (int)(len < 39 ? len : 39), name + skip);
        if (count > 0 && strcmp(room[count], room[count - 1]) == 0)
            continue;
        words[count] = room[count];
        count++;
    }
    words[count] = NULL;
    return count;
}

bool tr_cli_help_of(const tr_verb_t *const *verbs, const char *first, FILE *out) {
    size_t len = strlen(first);
    bool any = false;
    for (; *verbs; verbs++) {
        if (strncmp((*verbs)->name, first, len) != 0 || (*verbs)->name[len] != ' ')
            continue;
        if (!any)
            fprintf(out, "Usage: troupe %s WORD [ARGUMENT...] [OPTION...]\n\n", first);
        any = true;
        fprintf(out, "  troupe %-20s %s\n", (*verbs)->name, (*verbs)->program->summary);
    }
    if (any)
        fprintf(out, "\n'troupe %s WORD --help' says more.\n", first);
    return any;
}

int tr_cli_unknown_verb(const tr_verb_t *const *verbs, const char *first, const char *word, FILE *err) {
    char room[VERBS_MAX][40];
    const char *words[VERBS_MAX + 1];
    next_words(verbs, first, room, words, VERBS_MAX);
    const char *nearest = word ? tr_suggest(word, words) : NULL;
    const char *between = first ? " " : "";
    first = first ? first : "";
    if (!word) {
        fprintf(err, "troupe %s: a word is missing; expected one of:", first);
        for (size_t i = 0; words[i]; i++)
            fprintf(err, " %s", words[i]);
        fputc('\n', err);
    } else if (nearest) {
        fprintf(err, "troupe: there is no verb \"%s%s%.60s\"; did you mean \"%s%s%s\"?\n", first, between,
            word, first, between, nearest);
    } else {
        fprintf(err, "troupe: there is no verb \"%s%s%.60s\"\n", first, between, word);
    }
    fputs("Try 'troupe --help'.\n", err);
    return TR_EXIT_USAGE;
}

static bool begins_verb(const tr_verb_t *const *verbs, const char *word) {
    size_t len = strlen(word);
    for (; *verbs; verbs++) {
        if (strncmp((*verbs)->name, word, len) == 0 && (*verbs)->name[len] == ' ')
            return true;
    }
    return false;
}

/* A verb of two words, "df search". */
static int run_second(const tr_verb_t *const *verbs, int argc, char *const *argv, FILE *out, FILE *err) {
    const char *second = argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;
    if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
        tr_cli_help_of(verbs, argv[1], out);
        return shown(out);
    }
    char name[80];
    snprintf(name, sizeof name, "%s %s", argv[1], second ? second : "");
    const tr_verb_t *verb = second ? tr_verb_find(verbs, name) : NULL;
    return verb ? run_verb(verb, argc - 2, argv + 2, out, err)
                : tr_cli_unknown_verb(verbs, argv[1], second, err);
}

int tr_cli_run(const tr_verb_t *const *verbs, int argc, char *const *argv, FILE *out, FILE *err) {
    if (argc < 2) {
        tr_cli_help(verbs, tr_options_width(err), err);
        return TR_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        tr_cli_help(verbs, tr_options_width(out), out);
        return shown(out);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        fprintf(out, "troupe %s\n", TROUPE_VERSION);
        return shown(out);
    }
    if (word[0] == '-') {
        fprintf(err,
            "troupe: unknown option %.60s; a verb comes first, then its options\nTry 'troupe --help'.\n",
            word);
        return TR_EXIT_USAGE;
    }
    const tr_verb_t *verb = tr_verb_find(verbs, word);
    if (verb)
        return run_verb(verb, argc - 1, argv + 1, out, err);
    if (begins_verb(verbs, word))
        return run_second(verbs, argc, argv, out, err);
    return tr_cli_unknown_verb(verbs, NULL, word, err);
}
