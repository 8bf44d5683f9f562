/*
 * A small JSON text (RFC 8259) as the places of its values: what the events of a stream are read by, of which there are many
 * and in each of which little counts. Nothing is allocated and nothing copied.
 *
 * It takes less than tr_llm_json does, and never more: what it takes means the same there. Not taken are texts of more values
 * or deeper than below, names with escapes, numbers with an exponent or of more than 18 digits, and whatever is no JSON.
 *
 * Pure. The places are within the text, which outlives them.
 */
#ifndef TR_LLM_SCAN_H
#define TR_LLM_SCAN_H

#include "lib/base/buffer.h"

#include <stdint.h>

#define TR_LLM_SCAN_NODES 64
#define TR_LLM_SCAN_DEPTH 8
#define TR_LLM_SCAN_BYTES 65536

typedef enum tr_llm_node_kind {
    TR_LLM_NODE_WORD, /* true, false, null */
    TR_LLM_NODE_INTEGER,
    TR_LLM_NODE_REAL,
    TR_LLM_NODE_STRING,
    TR_LLM_NODE_ARRAY,
    TR_LLM_NODE_OBJECT,
} tr_llm_node_kind_t;

/* A value; of an object's members the name is one before its value. */
typedef struct tr_llm_node {
    const char *at; /* of a string what is between its quotes, as it stands there */
    uint32_t len;
    uint16_t end; /* the number of the node behind it and all that is in it */
    uint8_t kind;
    bool escaped; /* a string with escapes */
} tr_llm_node_t;

typedef struct tr_llm_scan {
    tr_llm_node_t nodes[TR_LLM_SCAN_NODES]; /* the first is the whole */
    size_t count;
    const char *at, *stop; /* while it scans */
} tr_llm_scan_t;

/* False: not taken. */
bool tr_llm_scan(tr_llm_scan_t *self, const char *text, size_t len);

/* The member of that name; NULL where there is none, or `object` is NULL or no object. */
const tr_llm_node_t *tr_llm_scan_member(
    const tr_llm_scan_t *self, const tr_llm_node_t *object, const char *name);
/* The only item of an array; NULL where it is none, or has none or more. */
const tr_llm_node_t *tr_llm_scan_only(const tr_llm_scan_t *self, const tr_llm_node_t *array);

/* All of these take NULL, which is no value. */
bool tr_llm_node_is_none(const tr_llm_node_t *self); /* NULL, or null */
bool tr_llm_node_is_string(const tr_llm_node_t *self);
/* A string without escapes that is this word. */
bool tr_llm_node_is(const tr_llm_node_t *self, const char *word);
/* Of an integer; 0 of all else. */
int64_t tr_llm_node_integer(const tr_llm_node_t *self);
/* Appends what a string says. False, and nothing is appended, where it might not fit: escapes take more than they stand for. */
bool tr_llm_node_put(const tr_llm_node_t *self, tr_buffer_t *to);

#endif
