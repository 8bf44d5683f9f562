#include "tools/cli/watch.h"

#include "lib/base/clock.h"

#include <unistd.h>

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
