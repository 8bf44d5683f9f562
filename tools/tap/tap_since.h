/* Moments as people type them. Pure but for the local time zone. */
#ifndef TR_TOOLS_TAP_SINCE_H
#define TR_TOOLS_TAP_SINCE_H

#include "lib/base/error.h"

#include <stdint.h>

/* "14:30", "14:30:05" (today), "2026-01-31 14:30[:05]" (or with a T), all in local time; or "30s", "5m": so
 * long ago. now_ms, *ret_ms: Unix time. 0, or -EINVAL with what was expected. */
int tr_tap_parse_since(const char *text, int64_t now_ms, int64_t *ret_ms, tr_error_t *error);

#endif
