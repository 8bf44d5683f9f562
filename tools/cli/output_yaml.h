/* A jansson value as YAML, for -o yaml. */
#ifndef TR_TOOLS_OUTPUT_YAML_H
#define TR_TOOLS_OUTPUT_YAML_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* `document`: begins with a "---" line, for streams. 0, -EIO or -ENOMEM. */
int tr_output_yaml(const json_t *value, bool document, FILE *out);

#endif
