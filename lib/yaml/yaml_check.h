/* The first pass over a YAML text that is not trusted: what lib/yaml/yaml_table.h says about depth
 * and anchors. */
#ifndef TR_YAML_CHECK_H
#define TR_YAML_CHECK_H

#include "lib/base/error.h"

#include <yaml.h>

/* 0; -E2BIG over `most` bytes; -EINVAL with the place: not YAML, too deep, too many anchors, a second
 * document. -ENOMEM. */
int tr_yaml_check(const char *bytes, size_t len, size_t most, const char *file, tr_error_t *error);
/* The error of a parser that gave up, with its place. Returns -EINVAL or -ENOMEM. */
int tr_yaml_parser_error(const yaml_parser_t *parser, const char *file, tr_error_t *error);

#endif
