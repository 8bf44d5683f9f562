/* What the verbs about streams share: questions to the AMS about them (docs/protocol.md, section 23). */
#ifndef TR_TOOLS_STREAMS_H
#define TR_TOOLS_STREAMS_H

#include "lib/base/options.h"
#include "tools/cli/session.h"

#include <jansson.h>

/* How much a stream keeps; 0 = no limit. */
typedef struct tr_stream_bounds {
    int64_t age_ms, records;
    size_t bytes;
} tr_stream_bounds_t;

/* S is the verb's struct of options, which has `tr_stream_bounds_t bounds`. */
#define TR_STREAM_BOUND_OPTIONS(S)                                                                           \
    {"max-age", 0, "TIME", TR_DURATION(S, bounds.age_ms), "0", "Forget what is older (7d).", .min = 0,       \
        .max = INT64_C(1) << 44, .flags = TR_OPTION_FLAG_ONLY},                                              \
        {"max-bytes", 0, "SIZE", TR_SIZE(S, bounds.bytes), "0", "Forget the oldest beyond this size.",       \
            .min = 0, .max = INT64_C(1) << 50, .flags = TR_OPTION_FLAG_ONLY},                                \
    {                                                                                                        \
        "max-records", 0, "N", TR_INT(S, bounds.records), "0", "Forget the oldest beyond this number.",      \
            .min = 0, .max = INT64_C(1) << 50, .flags = TR_OPTION_FLAG_ONLY                                  \
    }

/* Asks the AMS; finishes the request. Exit code; *ret_answer is a map, json_decref it (NULL otherwise). */
int tr_streams_ask(tr_cli_session_t *session, tr_content_writer_t *request, json_t **ret_answer);
int tr_streams_declare(
    tr_cli_session_t *session, const char *name, const char *pattern, const tr_stream_bounds_t *bounds);

#endif
