/* A process of a plan as a line for a shell. */
#include "tools/fleet/plan.h"

#include "lib/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool needs_quotes(const char *text) {
    return *text == '\0' ||
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./:@%,")] !=
               '\0';
}

static void put_quoted(tr_buffer_t *out, const char *text) {
    if (!needs_quotes(text)) {
        tr_buffer_text(out, text);
        return;
    }
    tr_buffer_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            tr_buffer_text(out, "'\\''");
        else
            tr_buffer_char(out, *text);
    }
    tr_buffer_char(out, '\'');
}

char *tr_plan_command(const tr_plan_process_t *process) {
    tr_buffer_t out;
    tr_buffer_init(&out, 0);
    for (size_t i = 0; process->argv[i]; i++) {
        if (i > 0)
            tr_buffer_char(&out, ' ');
        put_quoted(&out, process->argv[i]);
    }
    char *text = out.failed ? NULL : strdup(tr_buffer_string(&out));
    tr_buffer_finish(&out);
    return text;
}
