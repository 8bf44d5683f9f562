/* Prompts, schemas and what is asked about. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/data.h"
#include "agentd/mind/dialogue.h"
#include "agentd/mind/judge.h"
#include "agentd/mind/model_private.h"
#include "lib/base/file.h"
#include "lib/llm/dump.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"

#define CORPUS_SHOWN 4
#define REPAIR       "repair" /* the prompt of no operation */

#define OBJECT(required, properties)                                                                         \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" required                            \
    "],\"properties\":{" properties "}}"
#define NUMBER(least, most) "{\"type\":\"number\",\"minimum\":" least ",\"maximum\":" most "}"
#define SHARE               NUMBER("0", "1")
#define TEXT                "{\"type\":\"string\"}"
#define LIST(items)         "{\"type\":\"array\",\"items\":" items "}"
#define ENUM(words)         "{\"type\":\"string\",\"enum\":[" words "]}"
#define ACTION                                                                                               \
    ENUM("\"search\",\"analyse\",\"summarise\",\"task\",\"query\",\"decide\",\"send\",\"status\","           \
         "\"cancel\"")

static const struct {
    const char *prompt, *schema;
} known[TR_MIND_OPS] = {
    [TR_MIND_SENTIMENT] = {tr_mind_data_prompt_sentiment,
        OBJECT("\"label\",\"score\"",
            "\"label\":" ENUM("\"positive\",\"neutral\",\"negative\"") ",\"score\":" NUMBER("-1", "1"))},
    [TR_MIND_INTENT] = {tr_mind_data_prompt_intent,
        OBJECT("\"label\",\"confidence\"",
            "\"label\":" TEXT ",\"confidence\":" SHARE ",\"others\":" LIST(
                OBJECT("\"label\",\"confidence\"", "\"label\":" TEXT ",\"confidence\":" SHARE)))},
    [TR_MIND_ENTITIES] = {tr_mind_data_prompt_entities,
        OBJECT("\"entities\"",
            "\"entities\":" LIST(OBJECT("\"kind\",\"text\"",
                "\"text\":" TEXT ",\"kind\":" ENUM("\"person\",\"organisation\",\"place\",\"licence\","
                                                   "\"date\",\"money\",\"email\",\"url\""))))},
    [TR_MIND_SUMMARISE] = {tr_mind_data_prompt_summarise,
        OBJECT("\"text\",\"language\"", "\"text\":" TEXT ",\"language\":" TEXT)},
    [TR_MIND_RANK] = {tr_mind_data_prompt_rank, OBJECT("\"scores\"", "\"scores\":" LIST(SHARE))},
    [TR_MIND_CHOOSE] = {tr_mind_data_prompt_choose,
        OBJECT("\"scores\"", "\"scores\":" LIST(SHARE) ",\"reason\":" TEXT ",\"proposal\":" TEXT)},
    [TR_MIND_REWRITE] = {tr_mind_data_prompt_rewrite,
        OBJECT("\"terms\"", "\"terms\":" LIST(OBJECT("\"term\",\"weight\",\"from\"",
                                "\"term\":" TEXT ",\"weight\":" SHARE
                                ",\"from\":" ENUM("\"query\",\"stem\",\"synonym\",\"acronym\""))))},
    [TR_MIND_INSTRUCTION] = {tr_mind_data_prompt_instruction,
        OBJECT("\"understood\"",
            "\"understood\":{\"type\":\"boolean\"},\"action\":" ACTION
            ",\"parameters\":{\"type\":\"object\"},\"reason\":" TEXT ",\"suggestions\":" LIST(TEXT))},
    [TR_MIND_PLAN] = {tr_mind_data_prompt_plan,
        OBJECT("\"task\",\"priority\",\"subtasks\"",
            "\"task\":" TEXT
            ",\"priority\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9},\"subtasks\":" LIST(
                OBJECT("\"id\",\"description\",\"skills\",\"needs\"",
                    "\"id\":" TEXT ",\"description\":" TEXT
                    ",\"skills\":" LIST(TEXT) ",\"needs\":" LIST(TEXT))))},
    [TR_MIND_ACT] = {tr_mind_data_prompt_act, NULL},
    [TR_MIND_JUDGE] = {tr_mind_data_prompt_judge,
        OBJECT("\"judgements\"",
            "\"judgements\":" LIST(OBJECT("\"score\",\"reason\"", "\"score\":" SHARE ",\"reason\":" TEXT)))},
    [TR_MIND_ANSWER] = {tr_mind_data_prompt_answer, OBJECT("\"text\"", "\"text\":" TEXT)},
    [TR_MIND_DESCRIBE_IMAGE] = {tr_mind_data_prompt_describe_image,
        OBJECT("\"text\",\"words\"", "\"text\":" TEXT ",\"words\":" TEXT)},
    [TR_MIND_DIALOGUE] = {tr_mind_data_prompt_dialogue,
        OBJECT("\"reply\"", "\"action\":" ACTION ",\"parameters\":{\"type\":\"object\"},\"missing\":" TEXT
                            ",\"reply\":{\"type\":\"string\",\"minLength\":1}")},
};

/* The file of the directory; NULL where there is none. */
static int load_own(const char *directory, const char *name, char **ret_own, tr_error_t *error) {
    char path[PATH_MAX];
    size_t length;
    *ret_own = NULL;
    if (directory && (size_t)snprintf(path, sizeof path, "%s/%s.txt", directory, name) >= sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: too long a path", directory);
    return directory && access(path, F_OK) == 0
               ? tr_file_read(path, "prompt", TR_PROMPT_MAX, ret_own, &length, error)
               : 0;
}

static int check_directory(const char *directory, tr_error_t *error) {
    struct stat st;
    int rc = !directory ? 0 : stat(directory, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    return rc < 0 ? tr_error_set(error, rc, "prompts: %s: expected a directory: %s", directory, strerror(-rc))
                  : 0;
}

void tr_mind_prompt_names(const char *ret_names[TR_MIND_OPS + 2]) {
    size_t n = 0;
    for (unsigned op = 0; op < TR_MIND_OPS; op++)
        if (known[op].prompt)
            ret_names[n++] = tr_mind_op_word((tr_mind_op_t)op);
    ret_names[n++] = REPAIR;
    ret_names[n] = NULL;
}

/* ---- versions ---- */

/* That of the first line, "# NAME VERSION"; "" where it is no such line. */
static void read_version(const char *prompt, const char *name, char out[TR_PROMPT_VERSION_SIZE]) {
    size_t length = strlen(name);
    bool is_named =
        strncmp(prompt, "# ", 2) == 0 && strncmp(prompt + 2, name, length) == 0 && prompt[2 + length] == ' ';
    const char *version = is_named ? prompt + 2 + length + 1 : "";
    size_t size = strcspn(version, " \t\r\n");
    bool fits = isdigit((unsigned char)version[0]) && size < TR_PROMPT_VERSION_SIZE;
    snprintf(out, TR_PROMPT_VERSION_SIZE, "%.*s", fits ? (int)size : 0, version);
}

static void compare_version(const char *directory, const char *name, const char *builtin, tr_buffer_t *out) {
    char *own = NULL, version[TR_PROMPT_VERSION_SIZE], known_version[TR_PROMPT_VERSION_SIZE];
    tr_error_t error = {0};
    if (load_own(directory, name, &own, &error) < 0 || !own)
        return; /* that it cannot be read is told where it is to be used, ignoring */
    read_version(own, name, version);
    read_version(builtin, name, known_version);
    const char *apart = out->size > 0 ? "; " : "";
    if (!*version)
        tr_buffer_printf(out, "%s%s/%s.txt does not begin with \"# %s VERSION\" (the built-in one: %s)",
            apart, directory, name, name, known_version);
    else if (strtoul(version, NULL, 10) < strtoul(known_version, NULL, 10))
        tr_buffer_printf(out, "%s%s/%s.txt is of version %s, and the built-in prompt of %s", apart, directory,
            name, version, known_version);
    free(own);
}

char *tr_mind_prompts_warning(const char *directory) {
    tr_buffer_t out;
    tr_buffer_init(&out, 0);
    for (unsigned op = 0; directory && op < TR_MIND_OPS; op++)
        if (known[op].prompt)
            compare_version(directory, tr_mind_op_word((tr_mind_op_t)op), known[op].prompt, &out);
    if (directory)
        compare_version(directory, REPAIR, tr_mind_data_prompt_repair, &out);
    char *text = out.size > 0 && !out.failed ? strdup(tr_buffer_string(&out)) : NULL;
    tr_buffer_finish(&out);
    return text;
}

/* ---- texts ---- */

/* The prompt, what to make of data, and how to answer, in one text; the file of the directory where there is one. */
static int load_text(const char *directory, const char *name, unsigned op, char **ret_text,
    tr_mind_prompt_t *prompt, tr_error_t *error) {
    char *own = NULL;
    int rc = load_own(directory, name, &own, error);
    prompt->is_own = own != NULL;
    read_version(own ? own : known[op].prompt, name, prompt->version);
    if (rc == 0 && asprintf(ret_text, "%s\n%s%s", own ? own : known[op].prompt, tr_mind_data_prompt_data,
                       known[op].schema ? tr_mind_data_prompt_schema : "") < 0) {
        *ret_text = NULL;
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    }
    free(own);
    return rc;
}

/* The intents that the built-in mind knows are those that a model may answer with. */
static json_t *labels_of(const tr_mind_t *builtin) {
    const tr_intent_model_t *intents = tr_builtin_intents((tr_builtin_t *)(uintptr_t)builtin);
    json_t *labels = json_pack("[s]", "unknown");
    for (size_t i = 0; intents && i < tr_intent_model_labels(intents); i++)
        json_array_append_new(labels, json_string(tr_intent_model_label(intents, i)));
    return labels;
}

static void limit_labels(json_t *schema, const tr_mind_t *builtin) {
    json_t *properties = json_object_get(schema, "properties");
    json_t *others =
        json_object_get(json_object_get(json_object_get(properties, "others"), "items"), "properties");
    json_t *labels = json_pack("{s:s, s:o}", "type", "string", "enum", labels_of(builtin));
    json_object_set(properties, "label", labels);
    json_object_set_new(others, "label", labels);
}

/* The prompt with each {mark} filled in. */
static char *with_mark(const char *prompt, const char *mark) {
    tr_textbuf_t out = {0};
    for (const char *at = prompt, *next; *at; at = next + strlen("{mark}")) {
        next = strstr(at, "{mark}");
        tr_textbuf_add(&out, at, next ? (size_t)(next - at) : strlen(at));
        if (!next)
            break;
        tr_textbuf_add_string(&out, mark);
    }
    return tr_textbuf_take(&out);
}

static int load_system(
    const char *directory, unsigned op, const char *mark, tr_mind_prompt_t *prompt, tr_error_t *error) {
    char *text = NULL;
    const char *name = tr_mind_op_word((tr_mind_op_t)op);
    int rc = load_text(directory, name, op, &text, prompt, error);
    char *marked = rc == 0 ? with_mark(text, mark) : NULL;
    if (rc == 0 && !(prompt->system = marked ? json_string(marked) : NULL))
        rc = marked ? tr_error_set(error, -EINVAL, "the prompt %s is not UTF-8", name)
                    : tr_error_set(error, -ENOMEM, "out of memory");
    free(marked);
    free(text);
    return rc;
}

int tr_mind_prompt_repair(const char *directory, uint64_t mark, char **ret_text,
    char ret_version[TR_PROMPT_VERSION_SIZE], tr_error_t *error) {
    char word[32], *own = NULL;
    snprintf(word, sizeof word, "%016" PRIx64, mark);
    int rc = load_own(directory, REPAIR, &own, error);
    const char *prompt = own ? own : tr_mind_data_prompt_repair;
    read_version(prompt, REPAIR, ret_version);
    *ret_text = rc == 0 ? with_mark(prompt, word) : NULL;
    free(own);
    return rc == 0 && !*ret_text ? tr_error_set(error, -ENOMEM, "out of memory") : rc;
}

int tr_mind_prompts_load(const char *directory, const tr_mind_t *builtin, uint64_t mark,
    tr_mind_prompt_t ret_prompts[TR_MIND_OPS], tr_error_t *error) {
    char word[32];
    snprintf(word, sizeof word, "%016" PRIx64, mark);
    int rc = check_directory(directory, error);
    for (unsigned op = 0; rc == 0 && op < TR_MIND_OPS; op++) {
        if (!known[op].prompt)
            continue;
        rc = load_system(directory, op, word, &ret_prompts[op], error);
        if (rc == 0 && known[op].schema && !(ret_prompts[op].schema = json_loads(known[op].schema, 0, NULL)))
            rc = tr_error_set(error, -ENOMEM, "out of memory");
    }
    if (rc == 0)
        limit_labels(ret_prompts[TR_MIND_INTENT].schema, builtin);
    return rc;
}

void tr_mind_prompts_finish(tr_mind_prompt_t prompts[TR_MIND_OPS]) {
    for (unsigned op = 0; op < TR_MIND_OPS; op++) {
        json_decref(prompts[op].system);
        json_decref(prompts[op].schema);
    }
}

json_t *tr_mind_prompt_messages(const tr_mind_prompt_t *prompt, uint64_t mark, const json_t *data) {
    tr_buffer_t content;
    tr_buffer_init(&content, 0);
    tr_buffer_printf(&content, "<data-%016" PRIx64 ">\n", mark);
    tr_llm_dump(data, &content);
    tr_buffer_printf(&content, "\n</data-%016" PRIx64 ">", mark);
    json_t *messages = content.failed
                           ? NULL
                           : json_pack("[{s:s, s:O}, {s:s, s:s%}]", "role", "system", "content",
                                 prompt->system, "role", "user", "content", content.data, content.size);
    tr_buffer_finish(&content);
    return messages;
}

json_t *tr_mind_prompt_schema(const tr_mind_prompt_t *prompt, const json_t *data) {
    const json_t *actions = json_object_get(data, "actions");
    const json_t *own = json_object_get(json_object_get(prompt->schema, "properties"), "action");
    if (!own || json_array_size(actions) == 0)
        return json_incref(prompt->schema);
    json_t *schema = json_deep_copy(prompt->schema);
    json_t *action = json_object_get(json_object_get(schema, "properties"), "action");
    if (json_array_extend(json_object_get(action, "enum"), (json_t *)(uintptr_t)actions) == 0)
        return schema;
    json_decref(schema);
    return NULL;
}

/* As JSON can hold it; white space as single blanks for entities, whose places are counted in that. */
static char *clean(const tr_mind_request_t *request) {
    tr_textbuf_t out = {0};
    uint32_t code;
    bool is_single = request->op == TR_MIND_ENTITIES, was_space = true;
    for (size_t at = 0; at < request->length;) {
        at += tr_utf8_next(request->text + at, request->length - at, &code);
        bool is_space = is_single && (tr_utf8_is_space(code) || code < 0x20);
        if (!is_space && code != 0)
            tr_textbuf_add_code(&out, code);
        else if (!was_space)
            tr_textbuf_add_code(&out, ' ');
        was_space = is_space;
    }
    tr_textbuf_add_string(&out, "");
    return tr_textbuf_take(&out);
}

/* The first texts alone: a model knows what words mean, and each text costs. */
static json_t *shown_corpus(const json_t *corpus) {
    json_t *shown = json_array();
    for (size_t i = 0; i < json_array_size(corpus) && i < CORPUS_SHOWN; i++)
        json_array_append(shown, json_array_get(corpus, i));
    return shown;
}

json_t *tr_mind_prompt_data(const tr_mind_t *builtin, const tr_mind_request_t *request) {
    char *text = clean(request);
    json_t *data =
        text ? (request->input ? json_copy((json_t *)(uintptr_t)request->input) : json_object()) : NULL;
    bool is_well = data && json_object_set_new(data, "text", json_string(text)) == 0;
    if (is_well && request->op == TR_MIND_DIALOGUE)
        is_well =
            json_object_set_new(data, "context", tr_dialogue_context(json_object_get(data, "context"))) == 0;
    if (is_well && request->op == TR_MIND_REWRITE && json_object_get(data, "corpus"))
        is_well = json_object_set_new(data, "corpus", shown_corpus(json_object_get(data, "corpus"))) == 0;
    if (is_well && request->op == TR_MIND_JUDGE)
        is_well = json_object_set_new(data, "criteria", tr_judge_criteria(request->input)) == 0;
    if (is_well && request->op == TR_MIND_INTENT)
        is_well = json_object_set_new(data, "labels", labels_of(builtin)) == 0;
    free(text);
    if (!is_well) {
        json_decref(data);
        return NULL;
    }
    return data;
}
