/*
 * What a terminal sends, as characters, and what is pasted as one text. Pure.
 *
 * A terminal in bracketed paste mode (xterm's 2004) puts ESC [ 200 ~ before what is pasted and ESC [ 201 ~ behind it, by which several lines are known to be one text, and no
 * line of them is a command that somebody else has written.
 */
#ifndef TR_TOOLS_EDIT_KEYS_H
#define TR_TOOLS_EDIT_KEYS_H

#include "lib/base/buffer.h"

#include <stdint.h>

#define TR_EDIT_PASTE_MAX (1u << 20) /* bytes; what is more is another paste */

#define TR_EDIT_PASTE_ON  "\033[?2004h"
#define TR_EDIT_PASTE_OFF "\033[?2004l"

typedef enum tr_edit_key {
    TR_EDIT_NONE,      /* what there is has no end yet */
    TR_EDIT_CHARACTER, /* *ret_code; escape sequences are those of ESC and of what follows */
    TR_EDIT_PASTE,     /* self->paste */
} tr_edit_key_t;

/* All zero = empty. */
typedef struct tr_edit_keys {
    tr_buffer_t bytes;
    tr_buffer_t
        paste; /* clean: of its control characters there are tabs, and newlines but at its end; until the next call */
    bool is_pasting;
} tr_edit_keys_t;

void tr_edit_keys_finish(tr_edit_keys_t *self);
void tr_edit_keys_put(tr_edit_keys_t *self, const void *bytes, size_t len);
/* Takes the next one out. */
tr_edit_key_t tr_edit_keys_next(tr_edit_keys_t *self, uint32_t *ret_code);

#endif
