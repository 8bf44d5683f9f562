/* What an approval is bound to: one tool, with these arguments and no others. */
#ifndef TR_TOOL_DIGEST_H
#define TR_TOOL_DIGEST_H

#include <jansson.h>

#define TR_TOOL_DIGEST_MAX 64 /* hexadecimal digits */

/* The arguments as text: the same values give the same bytes, however they were written. Allocated; NULL when out of memory. */
char *tr_tool_canonical(const json_t *arguments);
/* BLAKE2b-256 of the tool's name, a zero, and the arguments as tr_tool_canonical gives them. */
void tr_tool_digest(const char *tool, const char *canonical, char out[TR_TOOL_DIGEST_MAX + 1]);

#endif
