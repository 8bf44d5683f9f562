/*
 * Why a daemon did not start, in the words that it left: the last line of its log, where that is the event
 * "cannot start" (A012, B005, C007, K007; docs/operations.md), says what was wrong and what to do.
 */
#ifndef TR_TOOLS_LOG_WHY_H
#define TR_TOOLS_LOG_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The reason within one line, readable or JSON. False, and nothing written, where it is no such event. */
bool tr_log_reason(const char *line, char *out, size_t size);

/* For people: "REASON (its log: PATH)"; where the log, from byte `from` on, does not end with such a line "its
 * log PATH ends with:" and its last lines; or "its log PATH is empty". Returns `out`. */
const char *tr_log_why(const char *path, int64_t from, char *out, size_t size);

#endif
