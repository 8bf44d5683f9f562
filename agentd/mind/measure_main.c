/*
 * troupe-mind-measure: how fast the built-in mind is; what `troupe bench minds` shows.
 *
 *     troupe-mind-measure TEXT [REPEAT [FD]]
 *
 * Each sentence of the text is asked for by itself through the port, as a behaviour would; times are of this thread's CPU. To the descriptor goes one line of JSON,
 * {"sentences": a second, "summary_us", "embedded": a second, "embedder"}; without one it says them. For figures that mean something, of an optimised build.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agentd/mind/builtin.h"
#include "agentd/text/tokens.h"
#include "lib/base/file.h"

#define TEXT_MOST    ((size_t)4 << 20)
#define SUMMARY_SIZE ((size_t)50 * 1000)
#define BATCH        64
#define BATCHES      6

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void count(void *arg, const tr_mind_result_t *result) {
    if (result->status == TR_MIND_OK)
        ++*(size_t *)arg;
}

static void ask(tr_mind_t *mind, tr_mind_op_t op, const char *text, size_t length, size_t *answered) {
    tr_mind_request_t request = {.op = op, .text = text, .length = length, .on_done = count, .arg = answered};
    if (tr_mind_ask(mind, &request, NULL) == 0)
        tr_mind_work(mind);
}

/* A second. */
static double measure_sentences(tr_mind_t *mind, const tr_tokens_t *tokens, int repeat) {
    size_t answered = 0, asked = 0;
    double from = seconds();
    for (int i = 0; i < repeat; i++)
        for (size_t k = 0; k < tokens->sentence_count; k++, asked++) {
            const char *text = tokens->document->text + tokens->sentences[k].offset;
            ask(mind, TR_MIND_INTENT, text, tokens->sentences[k].length, &answered);
            ask(mind, TR_MIND_ENTITIES, text, tokens->sentences[k].length, &answered);
        }
    return answered == 2 * asked ? (double)asked / (seconds() - from) : 0;
}

/* Microseconds each. */
static double measure_summary(tr_mind_t *mind, const char *text, size_t length, int repeat) {
    size_t answered = 0;
    double from = seconds();
    for (int i = 0; i < repeat; i++)
        ask(mind, TR_MIND_SUMMARISE, text, length, &answered);
    return answered == (size_t)repeat ? (seconds() - from) / repeat * 1e6 : 0;
}

typedef struct {
    size_t answered;
    char model[40];
} embedded_t;

static void take_vectors(void *arg, const tr_mind_result_t *result) {
    embedded_t *self = arg;
    const char *model = json_string_value(json_object_get(result->value, "model"));
    self->answered += json_array_size(json_object_get(result->value, "vectors"));
    snprintf(self->model, sizeof self->model, "%s", model ? model : "");
}

/* Some sentences, from this one on, as the input of an operation. */
static json_t *batch_of(const tr_tokens_t *tokens, size_t from) {
    json_t *texts = json_array();
    for (size_t i = 0; i < BATCH; i++) {
        const tr_sentence_t *one = &tokens->sentences[(from + i) % tokens->sentence_count];
        json_array_append_new(texts, json_stringn(tokens->document->text + one->offset, one->length));
    }
    return json_pack("{s:o}", "texts", texts);
}

/* A second; the first batch, with which the model is read, does not count. */
static double measure_embedder(tr_mind_t *mind, const tr_tokens_t *tokens, embedded_t *ret) {
    double from = 0;
    if (!tokens->sentence_count)
        return 0;
    for (size_t i = 0; i <= BATCHES; i++) {
        json_t *input = batch_of(tokens, i * BATCH);
        tr_mind_request_t request = {
            .op = TR_MIND_EMBED, .input = input, .on_done = take_vectors, .arg = ret};
        if (tr_mind_ask(mind, &request, NULL) == 0)
            tr_mind_work(mind);
        json_decref(input);
        if (i == 0)
            from = seconds();
    }
    return ret->answered == BATCH * (BATCHES + 1) ? BATCH * BATCHES / (seconds() - from) : 0;
}

static void tell(
    tr_mind_t *mind, const tr_tokens_t *tokens, const char *text, size_t length, int repeat, int fd) {
    size_t size = length < SUMMARY_SIZE ? length : SUMMARY_SIZE;
    embedded_t by = {0};
    double sentences = measure_sentences(mind, tokens, repeat),
           summary = measure_summary(mind, text, size, repeat),
           embedded = measure_embedder(mind, tokens, &by);
    if (fd >= 0)
        dprintf(fd, "{\"sentences\": %.0f, \"summary_us\": %.1f, \"embedded\": %.0f, \"embedder\": \"%s\"}\n",
            sentences, summary, embedded, by.model);
    else
        printf("intent and entities: %.0f sentences/s\nsummary of %zu bytes: %.2f ms\nvectors by %s: %.0f "
               "sentences/s\n",
            sentences, size, summary / 1e3, by.model, embedded);
}

static int measure(const char *path, int repeat, int fd, tr_error_t *error) {
    char *text = NULL;
    size_t length;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    tr_mind_t *mind = NULL;
    int rc = tr_file_read(path, "text", TEXT_MOST, &text, &length, error);
    if (rc == 0)
        rc = tr_document_parse("text.txt", text, length, 0, &document, error);
    if (rc == 0)
        rc = tr_tokens_new(document, TR_LANGUAGE_EN, &tokens);
    if (rc == 0)
        rc = tr_mind_builtin_new(&(tr_mind_builtin_options_t){0}, &mind, error);
    if (rc == 0)
        tell(mind, tokens, text, length, repeat, fd);
    tr_mind_destroy(&mind);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
    free(text);
    return rc;
}

int main(int argc, char **argv) {
    tr_error_t error = {0};
    int repeat = argc > 2 ? atoi(argv[2]) : 10, fd = argc > 3 ? atoi(argv[3]) : -1;
    if (argc < 2 || argc > 4 || repeat < 1) {
        fprintf(stderr, "usage: troupe-mind-measure TEXT [REPEAT [FD]]\n");
        return 1;
    }
    if (measure(argv[1], repeat, fd, &error) == 0)
        return 0;
    fprintf(stderr, "troupe-mind-measure: %s\n", error.text);
    return 3;
}
