/* Answers of servers in both dialects, as bodies and as streams: an answer is complete or a failure with a reason, and its calls
 * of tools are whole. What is read of a stream's events as pieces is what their trees say. The first byte chooses: 1 Anthropic's
 * dialect, 2 a stream, 4 the answer is a tool's arguments, 8 of few bytes. */
#include "lib/llm/dialect.h"
#include "lib/llm/other.h"
#include "lib/llm/sse.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define BYTES_MAX  65536
#define SOME_BYTES 16 /* that a text soon is over */

typedef struct reader {
    const tr_llm_dialect_t *dialect;
    tr_llm_dialect_t by_tree; /* the same, without pieces */
    tr_llm_answer_t answer, of_trees;
    tr_error_t error;
    int r;
} reader_t;

static void check_same_text(const tr_buffer_t *a, const tr_buffer_t *b) {
    PROMISE(a->size == b->size && a->failed == b->failed);
    PROMISE(memcmp(tr_buffer_string(a), tr_buffer_string(b), a->size) == 0);
}

static bool is_same_word(const char *a, const char *b) {
    return !a == !b && (!a || strcmp(a, b) == 0);
}

static void check_same(const tr_llm_answer_t *a, const tr_llm_answer_t *b) {
    check_same_text(&a->text, &b->text);
    PROMISE(
        is_same_word(a->finish, b->finish) && is_same_word(a->model, b->model) && is_same_word(a->id, b->id));
    PROMISE(a->has_usage == b->has_usage && a->ended == b->ended);
    PROMISE(a->input_tokens == b->input_tokens && a->output_tokens == b->output_tokens);
    PROMISE(a->tools_n == b->tools_n);
    for (size_t i = 0; i < a->tools_n; i++) {
        PROMISE(a->tools[i].index == b->tools[i].index);
        PROMISE(
            is_same_word(a->tools[i].id, b->tools[i].id) && is_same_word(a->tools[i].name, b->tools[i].name));
        check_same_text(&a->tools[i].arguments, &b->tools[i].arguments);
    }
}

/* What is taken without a tree is JSON. */
static void check_scan(const char *data, size_t len) {
    tr_llm_scan_t scan;
    if (!tr_llm_scan(&scan, data, len))
        return;
    json_t *json = tr_llm_json(data, len, NULL);
    PROMISE(json && scan.nodes[0].end == scan.count);
    PROMISE(json_is_object(json) == (scan.nodes[0].kind == TR_LLM_NODE_OBJECT));
    json_decref(json);
}

static bool on_event(void *arg, const char *name, char *data, size_t len) {
    reader_t *self = arg;
    tr_error_t error = {0};
    check_scan(data, len);
    self->r = tr_llm_dialect_event(self->dialect, &self->answer, name, data, len, &self->error);
    PROMISE(tr_llm_dialect_event(&self->by_tree, &self->of_trees, name, data, len, &error) == self->r);
    PROMISE(strcmp(error.text, self->error.text) == 0);
    check_same(&self->answer, &self->of_trees);
    return self->r == 0 && !self->answer.ended;
}

static void read_stream(reader_t *self, const char *text, size_t len) {
    tr_llm_sse_t sse;
    tr_llm_sse_init(&sse, BYTES_MAX);
    tr_llm_sse_feed(&sse, text, len, on_event, self);
    tr_llm_sse_finish(&sse);
}

static void check_tools(const json_t *tools) {
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *call = json_array_get(tools, i);
        PROMISE(json_is_string(json_object_get(call, "id")) && json_is_string(json_object_get(call, "name")));
        PROMISE(json_is_object(json_object_get(call, "arguments")));
    }
}

static void check_end(reader_t *self) {
    json_t *tools = NULL;
    tr_error_t error = {0};
    tr_llm_status_t status = tr_llm_answer_end(&self->answer, &tools, &error);
    PROMISE(status == TR_LLM_OK ? *self->answer.finish != '\0' : !tools && *error.text);
    check_tools(tools);
    json_decref(tools);
    json_decref(tr_llm_answer_json(tr_buffer_string(&self->answer.text), self->answer.text.size, &error));
}

static void read_others(const char *text, size_t len) {
    tr_llm_vectors_t vectors;
    tr_error_t error = {0};
    char *transcript = NULL, out[40];
    size_t transcript_len;
    if (tr_llm_embed_answer(text, len, 2, &vectors, &error) == 0) {
        PROMISE(vectors.n == 2 && vectors.dimensions > 0);
        free(vectors.values);
    }
    if (tr_llm_transcribe_answer(text, len, &transcript, &transcript_len, &error) == 0)
        PROMISE(strlen(transcript) <= transcript_len);
    free(transcript);
    tr_llm_dialect_complaint(text, len, out, sizeof out);
    PROMISE(strlen(out) < sizeof out && !strpbrk(out, "\r\n"));
    tr_llm_dialect_complaint_code(text, len, out, sizeof out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    char *text = malloc(
        size); /* of its own size, so that one byte too many is seen; a NUL stands behind all that is read */
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    reader_t reader = {.dialect = data[0] & 1 ? &tr_llm_dialect_anthropic : &tr_llm_dialect_openai};
    reader.by_tree = *reader.dialect;
    reader.by_tree.piece = NULL;
    size_t bytes_max = data[0] & 8 ? SOME_BYTES : BYTES_MAX;
    tr_llm_answer_init(&reader.answer, bytes_max);
    tr_llm_answer_init(&reader.of_trees, bytes_max);
    reader.answer.answers_by_tool = reader.of_trees.answers_by_tool = data[0] & 4;
    if (data[0] & 2)
        read_stream(&reader, text, size - 1);
    else
        reader.r = tr_llm_dialect_body(reader.dialect, &reader.answer, text, size - 1, &reader.error);
    PROMISE(reader.r == 0 || *reader.error.text);
    if (reader.r == 0)
        check_end(&reader);
    read_others(text, size - 1);
    tr_llm_answer_finish(&reader.answer);
    tr_llm_answer_finish(&reader.of_trees);
    free(text);
    return 0;
}
