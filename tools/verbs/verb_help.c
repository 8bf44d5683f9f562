#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    bool man;
} options_t;

static const tr_option_t table[] = {
    {"man", 0, NULL, TR_BOOL(options_t, man), NULL, "Write the man page, for `man -l`.",
        .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_program_t program = {
    .name = "troupe help",
    .summary = "Show the help of a verb, or the man page",
    .examples = "troupe help up\n"
                "troupe help --man | man -l -",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .arguments = "VERB...",
    .most_arguments = 2,
};

/* The verb that one or two words name, or NULL. */
static const tr_verb_t *named(const tr_strings_t *words) {
    char name[80];
    snprintf(name, sizeof name, "%s%s%s", words->items[0], words->count > 1 ? " " : "",
        words->count > 1 ? words->items[1] : "");
    return tr_verb_find(tr_verbs, name);
}

static int unknown(const tr_strings_t *words, FILE *err) {
    const char *first = words->items[0];
    FILE *nowhere = words->count > 1 ? fopen("/dev/null", "w") : NULL;
    bool begins = nowhere && tr_cli_help_of(tr_verbs, first, nowhere);
    if (nowhere)
        fclose(nowhere);
    return tr_cli_unknown_verb(tr_verbs, begins ? first : NULL, begins ? words->items[1] : first, err);
}

static void put_verbs(FILE *out) {
    for (size_t i = 0; tr_verbs[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", tr_verbs[i]->name);
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const tr_verb_t *verb = call->arguments.count > 0 ? named(&call->arguments) : NULL;
    if (call->arguments.count == 1 && !verb && !o->man &&
        tr_cli_help_of(tr_verbs, call->arguments.items[0], call->out))
        return TR_EXIT_OK;
    if (call->arguments.count > 0 && !verb)
        return unknown(&call->arguments, call->err);
    int rc = 0;
    if (o->man && verb)
        rc = tr_options_man(verb->program, 1, call->out);
    else if (o->man)
        rc = tr_cli_man(tr_verbs, call->out);
    else if (verb)
        rc = tr_options_help(verb->program, 0, call->out);
    else
        tr_cli_help(tr_verbs, 0, call->out);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "the text could not be written: %s", strerror(-rc))
                  : TR_EXIT_OK;
}

const tr_verb_t tr_verb_help = {"help", TR_VERB_SUPPORT, &program, sizeof(options_t), run, put_verbs};
