/* A build without libedit. */
#include "tools/cli/edit_line.h"

#include <errno.h>

bool tr_edit_line_possible(int in, FILE *out) {
    (void)in, (void)out;
    return false;
}

int tr_edit_line_new(const tr_edit_line_config_t *config, tr_edit_line_t **ret_self, tr_error_t *error) {
    (void)config, (void)ret_self;
    return tr_error_set(error, -ENOTSUP, "this build edits no lines (libedit was missing)");
}

void tr_edit_line_destroy(tr_edit_line_t **self) {
    (void)self;
}

int tr_edit_line_attach(tr_edit_line_t *self, tr_cli_session_t *session) {
    (void)self, (void)session;
    return 0;
}

int tr_edit_line_read(tr_edit_line_t *self, tr_edit_event_t *ret_event) {
    (void)self;
    *ret_event = (tr_edit_event_t){.kind = TR_EDIT_ENDED};
    return TR_EXIT_OK;
}

void tr_edit_line_forget(tr_edit_line_t *self) {
    (void)self;
}

void tr_edit_line_hide(tr_edit_line_t *self) {
    (void)self;
}

void tr_edit_line_show(tr_edit_line_t *self) {
    (void)self;
}
