/* A part of a YAML document as JSON text: plain scalars by YAML 1.2's core schema, quoted ones as strings. */
#ifndef TR_YAML_JSON_H
#define TR_YAML_JSON_H

#include "lib/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

typedef struct tr_yaml_json {
    yaml_document_t *document;     /* in */
    size_t nodes_left;             /* in and out: nodes that may still be visited */
    char *text;                    /* out: in the arena */
    const yaml_node_t *wrong_node; /* out, of -EINVAL */
    const char *reason;            /* out, of -EINVAL */
} tr_yaml_json_t;

/* 0, -EINVAL, -ENOMEM. */
int tr_yaml_json_print(tr_yaml_json_t *self, const yaml_node_t *node, tr_arena_t *arena);
/* "~", "null", "Null", "NULL", "" */
bool tr_yaml_json_is_null(const char *text);

#endif
