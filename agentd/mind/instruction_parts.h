/* Pieces of an instruction, and how they are cut. Words are compared without case; nothing is copied. Only for instruction*.c. */
#ifndef TR_AGENTD_MIND_INSTRUCTION_PARTS_H
#define TR_AGENTD_MIND_INSTRUCTION_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct tr_part {
    const char *text;
    size_t length;
} tr_part_t;

/* Without blanks, commas and the end's . ! ? around it. */
tr_part_t tr_part_trim(tr_part_t part);
/* The bytes of the phrase that it begins with, as whole words; 0 where it does not. */
size_t tr_part_begins(tr_part_t part, const char *phrase);
/* What comes after the first `size` bytes, trimmed. */
tr_part_t tr_part_after(tr_part_t part, size_t size);
/* At the first (the last) of a word; false where it does not stand there with something before and behind it. */
bool tr_part_split(tr_part_t part, const char *word, tr_part_t *ret_before, tr_part_t *ret_after);
bool tr_part_split_last(tr_part_t part, const char *word, tr_part_t *ret_before, tr_part_t *ret_after);
tr_part_t tr_part_without_article(tr_part_t part);

/* False where it is empty (or memory is out): nothing is put then. */
bool tr_part_put(json_t *object, const char *key, tr_part_t part);

/* These take a piece off, put it under the key, and return the rest; the whole where there is none. */
tr_part_t tr_part_without_last(tr_part_t part, json_t *out, const char *key);   /* "in the archive" */
tr_part_t tr_part_without_number(tr_part_t part, json_t *out, const char *key); /* "top 5", "the first 5" */
tr_part_t tr_part_without_size(
    tr_part_t part, json_t *out, const char *key); /* "in 3 sentences", "in one line" */
tr_part_t tr_part_without_priority(
    tr_part_t part, json_t *out, const char *key); /* "urgent", "with low priority" */
tr_part_t tr_part_without_time(tr_part_t part, json_t *out, const char *key); /* "by Friday", "tomorrow" */

/* "A, B or C" as a list; NULL where it is no list of two at least. */
json_t *tr_part_options(tr_part_t part);

#endif
