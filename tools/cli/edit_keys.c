#include "tools/cli/edit_keys.h"

#include "lib/text/utf8.h"
#include "tools/cli/terminal_text.h"

#include <string.h>

#define BEGINS "\033[200~"
#define ENDS   "\033[201~"
#define MARK   (sizeof BEGINS - 1)

void tr_edit_keys_finish(tr_edit_keys_t *self) {
    tr_buffer_finish(&self->bytes);
    tr_buffer_finish(&self->paste);
    self->is_pasting = false;
}

void tr_edit_keys_put(tr_edit_keys_t *self, const void *bytes, size_t len) {
    tr_buffer_put(&self->bytes, bytes, len);
}

/* Terminals send a line's end as a carriage return. */
static void clean(tr_buffer_t *out, const char *text, size_t len) {
    tr_buffer_drop(out, out->size);
    for (size_t at = 0, n; at < len; at += n) {
        uint32_t code = 0;
        n = tr_utf8_decode(text + at, len - at, &code);
        bool is_end = code == '\n' || code == '\r';
        if (is_end && n && !(code == '\n' && at > 0 && text[at - 1] == '\r'))
            tr_buffer_char(out, '\n');
        else if (n && !is_end && (code == '\t' || tr_terminal_is_safe(code)))
            tr_buffer_put(out, text + at, n);
        n = n ? n : 1;
    }
    while (out->size > 0 && out->data[out->size - 1] == '\n')
        out->data[--out->size] = '\0';
}

static tr_edit_key_t next_of_paste(tr_edit_keys_t *self) {
    const char *bytes = tr_buffer_string(&self->bytes), *end = memmem(bytes, self->bytes.size, ENDS, MARK);
    if (!end && self->bytes.size < TR_EDIT_PASTE_MAX)
        return TR_EDIT_NONE;
    size_t len = end ? (size_t)(end - bytes) : tr_utf8_cut(bytes, self->bytes.size, TR_EDIT_PASTE_MAX - MARK);
    clean(&self->paste, bytes, len);
    tr_buffer_drop(&self->bytes, len + (end ? MARK : 0));
    self->is_pasting = !end;
    return TR_EDIT_PASTE;
}

tr_edit_key_t tr_edit_keys_next(tr_edit_keys_t *self, uint32_t *ret_code) {
    size_t size = self->bytes.size;
    const char *bytes = tr_buffer_string(&self->bytes);
    if (self->is_pasting)
        return next_of_paste(self);
    if (size == 0 || memcmp(bytes, BEGINS, size < MARK ? size : MARK) == 0) {
        if (size < MARK)
            return TR_EDIT_NONE;
        tr_buffer_drop(&self->bytes, MARK);
        self->is_pasting = true;
        return next_of_paste(self);
    }
    if (tr_terminal_unfinished(bytes, size < 4 ? size : 4) == size)
        return TR_EDIT_NONE;
    tr_buffer_drop(&self->bytes, tr_utf8_next(bytes, size, ret_code));
    return TR_EDIT_CHARACTER;
}
