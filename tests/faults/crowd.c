/* A crowd of links. Its history says `all` when every one of them is there, and `some` when they are not any more. */
#include "tests/faults/many.h"

#define WAIT_MS 50
#define JOINING 100 /* at a time, at the begin: the crowd that comes at once is the one that was there */

typedef struct options {
    const char *connect, *history, *name;
    int64_t links;
} options_t;

#define O options_t
static const tr_option_t table[] = {
    {"connect", 0, "ENDPOINT", TR_STRING(O, connect), NULL, "The broker.", .flags = TR_OPTION_REQUIRED},
    {"history", 0, "FILE", TR_STRING(O, history), NULL, "Where to say what happens.",
        .flags = TR_OPTION_REQUIRED},
    {"name", 0, "NAME", TR_STRING(O, name), "crowd", "The agents are NAME-0, NAME-1 ..."},
    {"links", 0, "N", TR_INT(O, links), "100", "How many.", .min = 1, .max = 100000},
};
static const tr_program_t program = {.name = "crowd",
    .summary = "Hold many links",
    .options = table,
    .option_count = sizeof table / sizeof *table};

static int join(many_t *many, const char *name, tr_error_t *error) {
    int r = 0;
    while (r == 0 && many->n < many->most && many->n - many->there < JOINING)
        r = many_add(many, name, error);
    return r;
}

static int run(many_t *many, const options_t *o, tr_error_t *error) {
    bool all = false;
    int r = join(many, o->name, error);
    while (r == 0 && many_turn(many, WAIT_MS)) {
        if ((many->there == many->most) != all)
            history_say(many->history, "%s %s %zu", all ? "some" : "all", o->name, many->there);
        all = many->there == many->most;
        r = join(many, o->name, error);
    }
    return r;
}

int main(int argc, char **argv) {
    options_t o = {0};
    tr_options_t *owner = NULL;
    history_t history = {0};
    tr_error_t error = {0};
    int r = tr_options_read(&program, argc, argv, &o, &owner, &error);
    if (r == TR_OPTIONS_RUN)
        r = history_open(&history, o.history, &error);
    if (r != 0) {
        fprintf(stderr, "crowd: %s\n", error.text);
        return 1;
    }
    tr_host_options_t host = {.endpoint = o.connect, .process = o.name};
    many_t many = {.history = &history, .options = &host};
    r = many_init(&many, (size_t)o.links, &error);
    if (r == 0)
        r = run(&many, &o, &error);
    if (r < 0)
        fprintf(stderr, "crowd: %s\n", error.text);
    many_finish(&many);
    history_close(&history);
    tr_options_destroy(&owner);
    return r == 0 ? 0 : 2;
}
