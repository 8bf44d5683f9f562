#include "tools/cli/watch.h"

#include "lib/base/clock.h"

#include <unistd.h>

#define LOOK_MS 5000

int tr_cli_watch(tr_cli_session_t *session, const tr_call_t *call, tr_cli_show_fn show, int64_t interval_ms) {
    static const bool never = false;
    bool live = isatty(fileno(call->out));
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK) {
        if (live)
            fputs("\033[H\033[J", call->out);
        tr_cli_session_renew(session);
        code = show(session, call);
        fflush(call->out);
        if (code == TR_EXIT_OK)
            code = tr_cli_wait(session, &never, tr_clock_ms() + interval_ms);
        code = code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
    }
    return code >= TR_EXIT_SIGNAL ? TR_EXIT_OK : code;
}

int tr_cli_wait_looking(
    tr_cli_session_t *session, const tr_call_t *call, const bool *done, tr_cli_look_fn look, void *arg) {
    tr_call_t quiet = *call;
    quiet.err = fopen("/dev/null", "we");
    int code = quiet.err ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    while (code == TR_EXIT_OK && !*done) {
        code = tr_cli_wait(session, done, tr_clock_ms() + LOOK_MS);
        if (code != TR_EXIT_TIMEOUT)
            continue;
        tr_cli_session_renew(session);
        code = look(session, &quiet, arg);
        code = code < TR_EXIT_SIGNAL ? TR_EXIT_OK : code;
    }
    if (quiet.err)
        fclose(quiet.err);
    return code;
}
