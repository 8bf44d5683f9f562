#include "agentd/mind/mind_command.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agentd/mind/builtin.h"
#include "agentd/mind/intent.h"
#include "agentd/mind/intent_measure.h"
#include "agentd/mind/model.h"
#include "agentd/mind/senses.h"
#include "lib/base/file.h"
#include "lib/base/options.h"
#include "lib/embed/embed.h"
#include "proto/base64.h"

#define MODEL_MOST    ((size_t)256 << 20)
#define MEASURED_MOST 5000 /* examples, of which each is left out once */
#define CONFIG_MOST   ((size_t)1 << 20)

enum { OK = 0, USAGE = 1, REFUSED = 3 };

typedef struct {
    const char *input, *file, *intents, *methods, *model, *prompts;
    bool is_strict;
} options_t;

/* What became of a request. */
typedef struct {
    int code;
    bool is_answered;
} outcome_t;

static const tr_option_t table[] = {
    {"input", 'i', "JSON", TR_STRING(options_t, input), NULL,
        "What the operation is to do, as an object: {\"sentences\": 2}.", .flags = TR_OPTION_FLAG_ONLY},
    {"file", 'f', "FILE", TR_STRING(options_t, file), NULL,
        "The recording of transcribe, the image of describe_image.", .flags = TR_OPTION_FLAG_ONLY},
    {"intents", 0, "MODEL", TR_STRING(options_t, intents), NULL,
        "A model of intents that `troupe-mind train` made, in place of the built-in one.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"methods", 0, "FILE", TR_STRING(options_t, methods), NULL,
        "A library of methods for plans, in place of the built-in one (docs/minds.md).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"model", 'm', "FILE", TR_STRING(options_t, model), NULL,
        "Ask the language models of this file (docs/models.md), and the built-in mind where they fail, which "
        "is then said on stderr.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"prompts", 0, "DIRECTORY", TR_STRING(options_t, prompts), NULL,
        "With --model: OPERATION.txt there takes the place of the built-in prompt.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"strict", 0, NULL, TR_BOOL(options_t, is_strict), NULL, "With --model: fail where the model fails.",
        .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_program_t program = {
    .name = "troupe-mind",
    .summary = "Ask a mind",
    .description =
        "Operations: sentiment, intent, entities, summarise, rank, choose, rewrite, instruction, "
        "embed, plan, dialogue, judge, answer, act, transcribe, speak, describe_image. "
        "The text is the "
        "argument, or else stdin; the answer is JSON (docs/minds.md).\n\n"
        "With train, the arguments are a file of labelled examples and the model to write; the answer "
        "is how many of the examples models recognise that were made without them.",
    .examples = "troupe-mind intent 'please find the old photos'\n"
                "troupe-mind summarise --input '{\"sentences\": 2}' < report.txt\n"
                "troupe-mind intent --model models.yaml 'could somebody look at this?'\n"
                "troupe-mind transcribe --file note.wav ''\n"
                "troupe-mind speak 'good morning' | jq -r .audio | base64 -d > morning.wav\n"
                "troupe-mind train examples.txt intents.model",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .arguments = "OPERATION [TEXT]",
    .least_arguments = 1,
    .most_arguments = 3,
};

static int fail(int code, const char *text) {
    fprintf(stderr, "troupe-mind: %s\n", text);
    return code;
}

static int print_json(const json_t *value) {
    bool is_written = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4)) == 0 &&
                      printf("\n") > 0 && fflush(stdout) == 0;
    return is_written ? OK : fail(REFUSED, "cannot write the answer");
}

/* What was measured. New. */
static json_t *told(const tr_intent_measured_t *measured, const char *path) {
    json_t *labels = json_array();
    for (size_t i = 0; i < measured->labels; i++)
        json_array_append_new(labels,
            json_pack("{s:s, s:I, s:I, s:I}", "label", measured->by_label[i].label, "examples",
                (json_int_t)measured->by_label[i].count, "tested", (json_int_t)measured->by_label[i].tested,
                "right", (json_int_t)measured->by_label[i].right));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "model", path, "examples", (json_int_t)measured->count,
        "tested", (json_int_t)measured->tested, "right", (json_int_t)measured->right, "accuracy",
        measured->tested ? json_real((double)measured->right / (double)measured->tested) : json_null(),
        "labels", labels);
}

/* The model is of all examples; how good it is is told of others, which were made without some. */
static int train(const tr_strings_t *arguments) {
    tr_error_t error = {0};
    tr_intent_measured_t measured;
    char *examples = NULL, *model = NULL;
    size_t size = 0, length = 0;
    if (arguments->count != 3)
        return fail(USAGE, "train: expected EXAMPLES MODEL; see --help");
    int rc = tr_file_read(arguments->items[1], "examples", MODEL_MOST, &examples, &size, &error);
    if (rc == 0 && ((rc = tr_intent_train(examples, size, &model, &length, &error)) < 0 ||
                       (rc = tr_intent_measure(examples, size, MEASURED_MOST, &measured, &error)) < 0))
        tr_error_prefix(&error, "%s", arguments->items[1]);
    if (rc == 0 && (rc = tr_file_write(arguments->items[2], model, length, 0644)) < 0)
        tr_error_set(&error, rc, "cannot write %s: %s", arguments->items[2], strerror(-rc));
    free(examples);
    free(model);
    if (rc < 0)
        return fail(REFUSED, error.text);
    json_t *value = told(&measured, arguments->items[2]);
    int code = print_json(value);
    json_decref(value);
    return code;
}

/* Prints the answer; how it went to the outcome at `arg`. */
static void print(void *arg, const tr_mind_result_t *result) {
    outcome_t *outcome = arg;
    outcome->is_answered = true;
    if (*result->fallback)
        fprintf(stderr, "troupe-mind: the built-in mind answers: %s\n", result->fallback);
    if (result->status != TR_MIND_OK) {
        outcome->code = fail(REFUSED, result->detail);
        return;
    }
    outcome->code = print_json(result->value);
}

static int answer(tr_mind_t *mind, tr_mind_request_t *request) {
    outcome_t outcome = {.code = REFUSED};
    tr_error_t error = {0};
    struct pollfd poll_fd = {.fd = tr_mind_fd(mind), .events = POLLIN};
    request->on_done = print;
    request->arg = &outcome;
    if (tr_mind_ask(mind, request, &error) < 0)
        return fail(REFUSED, error.text);
    while (!outcome.is_answered) {
        if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
            return fail(REFUSED, strerror(errno));
        tr_mind_work(mind);
    }
    return outcome.code;
}

/* The argument, or stdin. The caller frees it. */
static int read_text(const tr_strings_t *arguments, char **ret_text, size_t *ret_length, tr_error_t *error) {
    if (arguments->count == 1) {
        int rc = tr_file_read_fd(STDIN_FILENO, TR_MIND_TEXT_MAX, ret_text, ret_length);
        return rc < 0 ? tr_error_set(error, rc, "cannot read stdin: %s", strerror(-rc)) : 0;
    }
    *ret_text = strdup(arguments->items[1]);
    *ret_length = strlen(arguments->items[1]);
    return *ret_text ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

/* Frees it. */
static void warn(char *warning) {
    if (warning)
        fprintf(stderr, "troupe-mind: %s\n", warning);
    free(warning);
}

static int make_model_mind(
    const options_t *options, tr_mind_builtin_options_t builtin, tr_mind_t **ret_mind, tr_error_t *error) {
    char *config = NULL;
    tr_mind_model_options_t how = {.config_name = options->model,
        .prompts = options->prompts,
        .is_strict = options->is_strict,
        .builtin = builtin};
    int rc =
        tr_file_read(options->model, "model configuration", CONFIG_MOST, &config, &how.config_len, error);
    how.config = config;
    if (rc == 0)
        rc = tr_mind_model_new(&how, ret_mind, error);
    free(config);
    warn(rc == 0 ? tr_mind_prompts_warning(options->prompts) : NULL);
    warn(rc == 0 ? tr_mind_prompts_strays(options->prompts) : NULL);
    return rc;
}

static int make_mind(const options_t *options, tr_mind_t **ret_mind, tr_error_t *error) {
    tr_mind_builtin_options_t how = {0};
    char *model = NULL, *methods = NULL;
    int rc = options->intents
                 ? tr_file_read(options->intents, "model", MODEL_MOST, &model, &how.intents_length, error)
                 : 0;
    if (rc == 0 && options->methods)
        rc = tr_file_read(options->methods, "methods", MODEL_MOST, &methods, &how.methods_length, error);
    how.intents = model;
    how.methods = methods;
    how.methods_name = options->methods;
    if (rc == 0 && options->model)
        rc = make_model_mind(options, how, ret_mind, error);
    else if (rc == 0 && (rc = tr_mind_builtin_new(&how, ret_mind, error)) == -EBADMSG)
        tr_error_prefix(error, "%s", options->intents);
    free(methods);
    free(model);
    return rc;
}

/* What the built-in embedder is; an object with "error" where it cannot be had. */
static json_t *describe_embedder(void) {
    tr_embed_t *embed = NULL;
    tr_error_t error = {0};
    if (tr_embed_open(&(tr_embed_options_t){0}, &embed, &error) < 0)
        return json_pack("{s:s}", "error", error.text);
    json_t *value = json_pack("{s:s, s:I, s:s}", "model", tr_embed_model(embed), "dimensions",
        (json_int_t)tr_embed_dimensions(embed), "warning", tr_embed_warning(embed));
    tr_embed_close(&embed);
    return value;
}

static int describe(const options_t *options) {
    tr_error_t error = {0};
    tr_mind_t *mind = NULL;
    if (make_mind(options, &mind, &error) < 0)
        return fail(REFUSED, error.text);
    json_t *operations = json_array();
    for (unsigned op = 0; op < TR_MIND_OPS; op++)
        json_array_append_new(operations, json_string(tr_mind_op_word((tr_mind_op_t)op)));
    json_t *value = json_pack("{s:s, s:o, s:o}", "mind", tr_mind_describe(mind), "operations", operations,
        "embeddings", describe_embedder());
    int code = print_json(value);
    json_decref(value);
    tr_mind_destroy(&mind);
    return code;
}

static int ask(const options_t *options, const tr_strings_t *arguments, json_t *input) {
    tr_error_t error = {0};
    tr_mind_t *mind = NULL;
    char *text = NULL;
    tr_mind_request_t request = {.op = tr_mind_op_find(arguments->items[0]), .input = input};
    int rc = make_mind(options, &mind, &error);
    if (rc == 0)
        rc = read_text(arguments, &text, &request.length, &error);
    request.text = text;
    int code = rc < 0 ? fail(REFUSED, error.text) : answer(mind, &request);
    free(text);
    tr_mind_destroy(&mind);
    return code;
}

/* The bytes of --file, as the operation has them in its input. */
static int add_file(const options_t *options, tr_mind_op_t op, json_t *input, tr_error_t *error) {
    char *bytes = NULL, *text = NULL;
    size_t length = 0;
    if (op != TR_MIND_TRANSCRIBE && op != TR_MIND_DESCRIBE_IMAGE)
        return tr_error_set(error, -EINVAL, "--file: only transcribe and describe_image take one");
    int rc = tr_file_read(options->file, "recording or image", TR_SENSES_INPUT_MAX, &bytes, &length, error);
    if (rc == 0 && (text = malloc(tr_base64_encoded_size(length) + 1)))
        tr_base64_encode(bytes, length, text);
    if (rc == 0 && json_object_set_new(input, op == TR_MIND_TRANSCRIBE ? "audio" : "image",
                       text ? json_string(text) : NULL) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    free(text);
    free(bytes);
    return rc;
}

static int run(const options_t *options, const tr_strings_t *arguments) {
    if (strcmp(arguments->items[0], "train") == 0)
        return train(arguments);
    if (strcmp(arguments->items[0], "describe") == 0 && arguments->count == 1)
        return describe(options);
    if (arguments->count > 2 || tr_mind_op_find(arguments->items[0]) == TR_MIND_OPS)
        return fail(USAGE, "expected an operation and one text; see --help");
    json_error_t wrong;
    json_t *input = options->input ? json_loads(options->input, JSON_REJECT_DUPLICATES, &wrong) : NULL;
    if (options->input && !input) {
        fprintf(stderr, "troupe-mind: --input: column %d: %s\n", wrong.column, wrong.text);
        return USAGE;
    }
    tr_error_t error = {0};
    if (options->file && !input)
        input = json_object();
    int code = options->file && add_file(options, tr_mind_op_find(arguments->items[0]), input, &error) < 0
                   ? fail(REFUSED, error.text)
                   : ask(options, arguments, input);
    json_decref(input);
    return code;
}

int tr_mind_command(int argc, char *const *argv) {
    options_t options = {0};
    tr_options_t *read = NULL;
    tr_error_t error = {0};
    int asked = tr_options_read(&program, argc, argv, &options, &read, &error);
    if (asked < 0)
        return fail(USAGE, error.text);
    if (asked == TR_OPTIONS_HELP)
        return tr_options_help(&program, 0, stdout) < 0 ? REFUSED : OK;
    if (asked == TR_OPTIONS_VERSION)
        return printf("troupe-mind %s\n", TROUPE_VERSION) < 0 ? REFUSED : OK;
    tr_strings_t arguments = tr_options_arguments(read);
    int code = run(&options, &arguments);
    tr_options_destroy(&read);
    return code;
}
