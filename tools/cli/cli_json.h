/* Small pieces of the requests that verbs make. */
#ifndef TR_TOOLS_CLI_JSON_H
#define TR_TOOLS_CLI_JSON_H

#include "lib/base/options.h"

#include <jansson.h>
#include <stdio.h>

/* As json_dumpf; on a terminal what might not go there (terminal_text.h) is written as JSON writes control characters, "\\u009b", so that it is the same value. */
int tr_cli_dump_json(const json_t *value, FILE *out, size_t flags);
/* Nothing where the text is NULL. */
void tr_cli_set_text(json_t *object, const char *key, const char *text);
/* Nothing where it is 0. */
void tr_cli_set_number(json_t *object, const char *key, int64_t n);
/* A number, as people write it; what is none goes as a text, and is refused by who reads it. */
void tr_cli_set_percent(json_t *object, const char *key, const char *text);
/* A new list. */
json_t *tr_cli_texts(const tr_strings_t *strings);

#endif
