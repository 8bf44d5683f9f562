/* The option --watch: a view that is shown again and again. */
#ifndef TR_TOOLS_WATCH_H
#define TR_TOOLS_WATCH_H

#include "tools/cli/session.h"

/* S is the verb's struct of options, which has `bool watch` and `int64_t interval_ms`. */
#define TR_WATCH_OPTIONS(S)                                                                                  \
    {"watch", 'w', NULL, TR_BOOL(S, watch), NULL, "Show it again and again, until Ctrl-C.",                  \
        .flags = TR_OPTION_FLAG_ONLY},                                                                       \
    {                                                                                                        \
        "interval", 'i', "TIME", TR_DURATION(S, interval_ms), "2s", "The time between two of --watch.",      \
            .min = 100, .max = 3600000, .flags = TR_OPTION_FLAG_ONLY                                         \
    }

/* Shows it once; exit code. */
typedef int (*tr_cli_show_fn)(tr_cli_session_t *session, const tr_call_t *call);
/* Again and again, on a terminal in the place of what was there. Ctrl-C is no failure. Exit code. */
int tr_cli_watch(tr_cli_session_t *session, const tr_call_t *call, tr_cli_show_fn show, int64_t interval_ms);

/* Looks once whether what is waited for has come, and says nothing where nobody answers. Exit code. */
typedef int (*tr_cli_look_fn)(tr_cli_session_t *session, const tr_call_t *quiet, void *arg);
/* Waits until *done, which messages set. What was told while nobody listened is lost: so it looks again every few seconds, also
 * while nobody answers; only a signal ends it. Exit code. */
int tr_cli_wait_looking(
    tr_cli_session_t *session, const tr_call_t *call, const bool *done, tr_cli_look_fn look, void *arg);

#endif
