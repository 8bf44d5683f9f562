/*
 * `troupe mind ask|describe|train`: the minds of agents, from a shell. The language work is another room's, and so is its program,
 * troupe-mind, which this one becomes.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/fleet/programs.h"
#include "tools/verbs/verbs.h"

#define ARGUMENTS_MAX 24

typedef struct options {
    const char *input, *file, *intents, *methods, *model, *prompts;
    bool strict;
} options_t;

#define INTENTS_OPTION                                                                                       \
    {                                                                                                        \
        "intents", 0, "FILE", TR_STRING(options_t, intents), NULL,                                           \
            "A model of intents that `troupe mind train` made, in place of the built-in one.",               \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }
#define MODEL_OPTION                                                                                         \
    {                                                                                                        \
        "model", 'm', "FILE", TR_STRING(options_t, model), NULL,                                             \
            "Ask the language models of this file (docs/models.md), and the built-in mind where they fail.", \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }

static const tr_option_t ask_table[] = {
    {"input", 'i', "JSON", TR_STRING(options_t, input), NULL,
        "What the operation is to do, as an object: {\"sentences\": 2}.", .flags = TR_OPTION_FLAG_ONLY},
    {"file", 'f', "FILE", TR_STRING(options_t, file), NULL,
        "The recording of transcribe, the image of describe_image.", .flags = TR_OPTION_FLAG_ONLY},
    INTENTS_OPTION,
    {"methods", 0, "FILE", TR_STRING(options_t, methods), NULL,
        "A library of methods for plans, in place of the built-in one (docs/minds.md).",
        .flags = TR_OPTION_FLAG_ONLY},
    MODEL_OPTION,
    {"prompts", 0, "DIRECTORY", TR_STRING(options_t, prompts), NULL,
        "With --model: OPERATION.txt there takes the place of the built-in prompt.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"strict", 0, NULL, TR_BOOL(options_t, strict), NULL, "With --model: fail where the model fails.",
        .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_option_t describe_table[] = {INTENTS_OPTION, MODEL_OPTION};

static const tr_program_t ask_program = {
    .name = "troupe mind ask",
    .summary = "Ask a mind about a text",
    .description =
        "Asks what agents ask of language: sentiment, intent, entities, summarise, rank, choose, rewrite, "
        "instruction, embed, plan, dialogue, judge, answer, act, transcribe, speak, describe_image. The text "
        "is the argument, or else stdin; the answer "
        "is "
        "JSON. No "
        "broker is "
        "needed.",
    .examples = "troupe mind ask intent 'please find the old photos'\n"
                "troupe mind ask summarise --input '{\"sentences\": 2}' < report.txt\n"
                "troupe mind ask sentiment --model models.yaml 'what a day'",
    .options = ask_table,
    .option_count = sizeof ask_table / sizeof *ask_table,
    .arguments = "OPERATION [TEXT]",
    .least_arguments = 1,
    .most_arguments = 2,
};

static const tr_program_t describe_program = {
    .name = "troupe mind describe",
    .summary = "Show what a mind is",
    .description = "As JSON: what the mind is, which operations there are, and which embedder it has.",
    .examples = "troupe mind describe",
    .options = describe_table,
    .option_count = sizeof describe_table / sizeof *describe_table,
};

static const tr_program_t train_program = {
    .name = "troupe mind train",
    .summary = "Train a model of intents",
    .description =
        "EXAMPLES is text: [label], and then an example a line; some dozens for each label. MODEL "
        "is written. As JSON: how many of the examples are recognised by models that were made without "
        "them (each of five parts left out in turn), for each label too.",
    .examples = "troupe mind train examples.txt intents.model",
    .arguments = "EXAMPLES MODEL",
    .least_arguments = 2,
    .most_arguments = 2,
};

typedef struct {
    const char *items[ARGUMENTS_MAX + 1];
    size_t count;
} arguments_t;

static void add(arguments_t *self, const char *item) {
    if (self->count < ARGUMENTS_MAX)
        self->items[self->count++] = item;
}

static void add_option(arguments_t *self, const char *name, const char *value) {
    if (!value)
        return;
    add(self, name);
    add(self, value);
}

/* Comes back only where it fails. */
static int become(const tr_call_t *call, arguments_t *arguments) {
    char path[PATH_MAX];
    tr_error_t error = {0};
    if (tr_programs_find_beside("agentd/mind", "troupe-mind", path, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    add(arguments, "--");
    for (size_t i = 0; i < call->arguments.count; i++)
        add(arguments, call->arguments.items[i]);
    execv(path, (char *const *)(uintptr_t)arguments->items);
    return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot run %s: %s", path, strerror(errno));
}

static int run_ask(const tr_call_t *call) {
    const options_t *o = call->options;
    arguments_t arguments = {.items = {"troupe-mind"}, .count = 1};
    add_option(&arguments, "--input", o->input);
    add_option(&arguments, "--file", o->file);
    add_option(&arguments, "--intents", o->intents);
    add_option(&arguments, "--methods", o->methods);
    add_option(&arguments, "--model", o->model);
    add_option(&arguments, "--prompts", o->prompts);
    if (o->strict)
        add(&arguments, "--strict");
    return become(call, &arguments);
}

static int run_describe(const tr_call_t *call) {
    const options_t *o = call->options;
    arguments_t arguments = {.items = {"troupe-mind", "describe"}, .count = 2};
    add_option(&arguments, "--intents", o->intents);
    add_option(&arguments, "--model", o->model);
    return become(call, &arguments);
}

static int run_train(const tr_call_t *call) {
    arguments_t arguments = {.items = {"troupe-mind", "train"}, .count = 2};
    return become(call, &arguments);
}

const tr_verb_t tr_verb_mind_ask = {"mind ask", TR_VERB_SUPPORT, &ask_program, sizeof(options_t), run_ask};
const tr_verb_t tr_verb_mind_describe = {
    "mind describe", TR_VERB_SUPPORT, &describe_program, sizeof(options_t), run_describe};
const tr_verb_t tr_verb_mind_train = {
    "mind train", TR_VERB_SUPPORT, &train_program, sizeof(options_t), run_train};
