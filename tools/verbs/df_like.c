#include "tools/verbs/df_like.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_OF 64 /* of one description: what comes after them is not compared */

/* The texts of all descriptions, one behind the other; the first is the question. */
typedef struct parts {
    char **texts;
    size_t *owners; /* the description's place in the list */
    size_t n, cap;
    bool failed;
} parts_t;

static void add(parts_t *p, size_t owner, char *text) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        char **texts = realloc(p->texts, cap * sizeof *texts);
        size_t *owners = texts ? realloc(p->owners, cap * sizeof *owners) : NULL;
        p->texts = texts ? texts : p->texts;
        p->owners = owners ? owners : p->owners;
        p->cap = owners ? cap : p->cap;
    }
    p->failed |= !text || p->n == p->cap;
    if (!text || p->n == p->cap) {
        free(text);
        return;
    }
    p->texts[p->n] = text;
    p->owners[p->n++] = owner;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* "a, b" of a list of texts, onto the end. */
static void print_list(FILE *out, const json_t *list) {
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) {
        if (json_is_string(one))
            fprintf(out, "%s%s", i ? ", " : "", json_string_value(one));
    }
}

/* A part: some members of an object, as words. NULL when out of memory. */
static char *words_of(const json_t *object, const char *const *keys) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (; *keys; keys++) {
        fprintf(out, "%s. ", text_of(object, *keys));
        print_list(out, json_object_get(object, *keys));
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static void add_each(parts_t *p, size_t owner, const json_t *list, const char *const *keys) {
    size_t i, before = p->n;
    const json_t *one;
    json_array_foreach(list, i, one) {
        if (p->n - before >= PARTS_OF)
            return;
        if (json_is_object(one))
            add(p, owner, words_of(one, keys));
        else if (json_is_string(one))
            add(p, owner, strdup(json_string_value(one)));
    }
}

static void add_description(parts_t *p, size_t owner, const json_t *description) {
    static const char *const of_card[] = {"name", "description", NULL};
    static const char *const of_skill[] = {"name", "description", "tags", "examples", NULL};
    static const char *const of_service[] = {"name", "type", "description", NULL};
    const json_t *card = json_object_get(description, "card");
    if (card)
        add(p, owner, words_of(card, of_card));
    add_each(p, owner, json_object_get(card, "skills"), of_skill);
    add_each(p, owner, json_object_get(description, "services"), of_service);
}

static void finish(parts_t *p) {
    for (size_t i = 0; i < p->n; i++)
        free(p->texts[i]);
    free(p->texts);
    free(p->owners);
}

/* ---- comparing ---- */

static double product(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void note(json_t *found, const parts_t *p, const float *vectors, size_t dimensions) {
    size_t i;
    json_t *one;
    json_array_foreach(found, i, one) json_object_set_new(one, "likeness", json_real(0));
    for (i = 1; i < p->n; i++) {
        double like = product(vectors, vectors + i * dimensions, dimensions);
        one = json_array_get(found, p->owners[i]);
        if (like > json_real_value(json_object_get(one, "likeness")))
            json_object_set_new(one, "likeness", json_real(like < 1 ? like : 1));
    }
}

static int compare(tr_embed_t *embed, json_t *found, const parts_t *p, tr_error_t *error) {
    size_t dimensions = tr_embed_dimensions(embed);
    tr_embed_text_t *texts = calloc(p->n, sizeof *texts);
    float *vectors = calloc(p->n * dimensions, sizeof *vectors);
    int rc = texts && vectors ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < p->n; i++)
        texts[i] = (tr_embed_text_t){p->texts[i], strlen(p->texts[i]), 0};
    if (rc == 0)
        rc = tr_embed_batch(embed, texts, p->n, vectors);
    if (rc == 0)
        note(found, p, vectors, dimensions);
    else
        tr_error_set(error, rc, "out of memory");
    free(texts);
    free(vectors);
    return rc;
}

int tr_df_like(tr_embed_t *embed, const char *text, json_t *found, tr_error_t *error) {
    parts_t p = {0};
    size_t i;
    const json_t *one;
    add(&p, 0, strdup(text));
    json_array_foreach(found, i, one) add_description(&p, i, one);
    int rc = p.failed ? tr_error_set(error, -ENOMEM, "out of memory") : compare(embed, found, &p, error);
    finish(&p);
    return rc;
}
