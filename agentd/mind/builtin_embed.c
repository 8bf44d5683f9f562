/* The operation embed of the built-in mind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agentd/mind/builtin_private.h"

static int open_embedder(tr_builtin_t *self, char *detail) {
    tr_error_t error = {0};
    int rc = self->embed ? 0 : tr_embed_open(&(tr_embed_options_t){0}, &self->embed, &error);
    if (rc < 0 && rc != -ENOMEM) {
        snprintf(detail, TR_BUILTIN_DETAIL, "%s", error.text);
        rc = TR_MIND_FAILED;
    }
    return rc;
}

static json_t *vector_of(const float *floats, size_t count) {
    json_t *vector = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(vector, json_real((double)floats[i]));
    return vector;
}

static json_t *value_of(const tr_embed_t *embed, const float *vectors, size_t count) {
    size_t dimensions = tr_embed_dimensions(embed);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, vector_of(vectors + i * dimensions, dimensions));
    json_t *value = json_pack("{s:s, s:I, s:o}", "model", tr_embed_model(embed), "dimensions",
        (json_int_t)dimensions, "vectors", list);
    if (value && *tr_embed_warning(embed))
        json_object_set_new(value, "warning", json_string(tr_embed_warning(embed)));
    return value;
}

static int embed_all(tr_embed_t *embed, const tr_embed_text_t *texts, size_t count, json_t **ret_value) {
    float *vectors = calloc(count, tr_embed_dimensions(embed) * sizeof *vectors);
    int rc = vectors ? tr_embed_batch(embed, texts, count, vectors) : -ENOMEM;
    if (rc == 0 && !(*ret_value = value_of(embed, vectors, count)))
        rc = -ENOMEM;
    free(vectors);
    return rc;
}

int tr_builtin_embed(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    tr_builtin_list_t list = {0};
    bool is_list = json_object_get(request->input, "texts");
    if (is_list && !tr_builtin_list(request, "texts", true, detail, &list))
        return 0;
    size_t count = is_list ? list.count : 1;
    tr_embed_text_t *texts = calloc(count, sizeof *texts);
    int rc = texts && (!is_list || list.items) ? open_embedder(self, detail) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        texts[i] = is_list ? (tr_embed_text_t){list.items[i].text, list.items[i].length, 0}
                           : (tr_embed_text_t){request->text ? request->text : "", request->length, 0};
    if (rc == 0)
        rc = embed_all(self->embed, texts, count, ret_value);
    free(texts);
    free(list.items);
    return rc;
}
