/* What troupe-kbd was asked to do: command line, environment (TROUPE_KBD_...), file (--config). */
#ifndef TR_KBD_OPTIONS_H
#define TR_KBD_OPTIONS_H

#include "lib/base/options.h"

typedef enum tr_kbd_exit {
    TR_KBD_GO = -1, /* no exit code: the process goes on */
    TR_KBD_OK = 0,
    TR_KBD_USAGE = 1,
    TR_KBD_UNREACHABLE = 2,
    TR_KBD_REFUSED = 3, /* by the broker, or something that it was given is not valid */
    TR_KBD_DISK = 5,    /* what is acknowledged can no longer be promised */
} tr_kbd_exit_t;

typedef struct tr_kbd_options {
    const char *connect;
    const char *cert;
    const char *name;
    const char *data;    /* directory */
    const char *restore; /* a snapshot; NULL = none */
    int64_t chunk_tokens, chunk_overlap;
    int64_t connect_ms;
    int64_t ready_fd; /* -1 = none */
    int64_t die_with; /* pid, 0 = none */
    int log_level, log_format;
    tr_options_t *flags; /* owns the strings above */
} tr_kbd_options_t;

/* TR_KBD_GO; then tr_kbd_options_finish is to be called. Or the exit code: what the user asked for, or what is wrong, was
 * printed. */
int tr_kbd_options_read(int argc, char *const *argv, tr_kbd_options_t *ret_options);
void tr_kbd_options_finish(tr_kbd_options_t *self);

#endif
