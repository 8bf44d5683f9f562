/* Texts as vectors, as OpenAI's API has it: by the embedder of this machine (docs/minds.md), whatever model is asked for. */
#include "gateway/api/api.h"
#include "gateway/api/wishes.h"
#include "gateway/embedder.h"
#include "gateway/http/server.h"

#include <errno.h>
#include <string.h>

#define TEXTS_MAX 256

/* Of nothing the vector would be zeros, which is near to nothing and spoils an index. */
static bool says_something(const json_t *text) {
    const char *bytes = json_string_value(text);
    return bytes && bytes[strspn(bytes, " \t\r\n")];
}

/* A list of texts, or NULL. */
static json_t *read_texts(const tr_web_exchange_t *e) {
    json_t *input = json_object_get(e->body, "input"), *text;
    size_t i;
    if (json_is_string(input))
        return says_something(input) ? json_pack("[O]", input) : NULL;
    if (!json_array_size(input) || json_array_size(input) > TEXTS_MAX)
        return NULL;
    json_array_foreach(input, i, text) {
        if (!says_something(text))
            return NULL;
    }
    return json_incref(input);
}

static json_t *items(const json_t *vectors) {
    json_t *list = json_array(), *vector;
    size_t i;
    json_array_foreach(vectors, i, vector) {
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:O}", "object", "embedding", "index", (int)i, "embedding", vector));
    }
    return list;
}

static void on_vectors(tr_web_exchange_t *e) {
    json_t *answer = tr_web_reply_json(e->replies[0]);
    const char *error = json_string_value(json_object_get(answer, "error"));
    json_int_t tokens = (json_int_t)(e->raw.size + 3) / 4,
               has = json_integer_value(json_object_get(answer, "dimensions"));
    const json_t *wanted = json_object_get(e->body, "dimensions");
    if (error || !answer)
        tr_web_problem(e, 503, "internal-error", "%s", error ? error : "out of memory");
    else if (json_is_integer(wanted) && json_integer_value(wanted) != has)
        tr_web_problem_of(e, "dimensions", 400, "unrecognised-parameter-value",
            "dimensions: expected %" JSON_INTEGER_FORMAT
            ", as the embedder of this machine has: a part of its "
            "vectors means nothing",
            has);
    else
        tr_web_respond_json(e, 200,
            json_pack("{s:s, s:o, s:O, s:{s:I, s:I}}", "object", "list", "data",
                items(json_object_get(answer, "data")), "model", json_object_get(answer, "model"), "usage",
                "prompt_tokens", tokens, "total_tokens", tokens));
    json_decref(answer);
}

void tr_api_embeddings(tr_web_exchange_t *e) {
    const char *format = tr_web_text(e, "encoding_format");
    json_t *texts = tr_wishes_check(e) ? read_texts(e) : NULL;
    if (!texts) {
        if (e->state != TR_WEB_RESPONDED)
            tr_web_problem_of(e, "input", 400, "unrecognised-parameter-value",
                "input: expected a text that is not empty, or 1 to %d of them", TEXTS_MAX);
        return;
    }
    e->on_replies = on_vectors;
    int rc = tr_web_server_embed(e->server, texts, format && strcmp(format, "base64") == 0, e);
    json_decref(texts);
    if (rc < 0) {
        e->retry_s = 1;
        tr_web_problem(e, 503, "busy", "%s", rc == -EBUSY ? "too many texts wait" : "out of memory");
    }
}
