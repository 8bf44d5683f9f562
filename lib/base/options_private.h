/* What the parts of options share: options.c (slots, environment), options_flags.c (argv), options_file.c
 * (YAML). */
#ifndef TR_BASE_OPTIONS_PRIVATE_H
#define TR_BASE_OPTIONS_PRIVATE_H

#include "lib/base/options.h"

/* The value of one option so far, and which source gave it. */
typedef struct slot {
    bool set;
    tr_option_source_t source;
    bool truth;
    int64_t number;
    size_t size;
    int word;
    char *text;   /* of a string */
    char **items; /* of a list: count and a NULL */
    size_t count;
} slot_t;

struct tr_options {
    const tr_program_t *program;
    slot_t *slots; /* one for each option of the table */
    char *file;
    char **arguments;
    size_t argument_count;
    int consumed;
};

/* The option of that name, NULL where there is none. */
const tr_option_t *options_find(const tr_program_t *program, const char *name, size_t len);
/* Reads `text` as the value of an option; a source below the one that set the slot is checked and dropped.
 * The error does not name the place: that is the caller's to put before it. */
int options_set(tr_options_t *self, const tr_option_t *option, tr_option_source_t source, const char *text,
    tr_error_t *error);
/* An empty list from a source, so that it replaces a lower one. */
int options_set_empty(tr_options_t *self, const tr_option_t *option, tr_option_source_t source);
/* The suggestion for a name that is not in the table (borrowed), or NULL. `flags`: with built-in options and
 * the no- of bools. */
const char *options_nearest(
    const tr_program_t *program, const char *name, bool flags, char *room, size_t room_len);
/* Appends a copy to a list that ends with NULL. */
int strings_append(char ***items, size_t *count, const char *text);

/* argv into flags and arguments; returns a tr_options_ask_t or an error. */
int options_read_flags(tr_options_t *self, int argc, char *const *argv, tr_error_t *error);
int options_read_file(tr_options_t *self, const char *path, tr_error_t *error);

#endif
