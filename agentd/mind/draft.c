/* A scanner of JSON that keeps one string of it: a byte at a time, since a part may end anywhere. */
#include "agentd/mind/draft.h"

#include <string.h>

enum { OUTSIDE, IN_KEY, IN_REPLY, IN_OTHER };

/* ---- strings ---- */

static bool is_key(const tr_draft_t *self, const char *key) {
    return self->key_length == strlen(key) && memcmp(self->key, key, self->key_length) == 0;
}

static void begin_string(tr_draft_t *self) {
    bool is_member = self->depth == 1 && !self->expects_key;
    self->place = self->depth == 1 && self->expects_key ? IN_KEY
                  : is_member && is_key(self, "reply")  ? IN_REPLY
                                                        : IN_OTHER;
    if (self->place == IN_KEY)
        self->key_length = 0;
    self->has_action |= is_member && is_key(self, "action");
}

/* Half of a pair that nothing followed. */
static void end_half(tr_draft_t *self) {
    if (self->high)
        tr_textbuf_add_code(&self->pending, 0xFFFD);
    self->high = 0;
}

static void put(tr_draft_t *self, char byte) {
    end_half(self);
    if (self->place == IN_KEY && self->key_length < sizeof self->key)
        self->key[self->key_length++] = byte;
    else if (self->place == IN_REPLY)
        tr_textbuf_add(&self->pending, &byte, 1);
    self->is_missing |= self->place == IN_OTHER && self->depth == 1 && is_key(self, "missing");
}

/* A code by its number: halves of a pair are put together, a lone one is U+FFFD. */
static void put_code(tr_draft_t *self, unsigned code) {
    bool is_high = code >= 0xD800 && code < 0xDC00, is_low = code >= 0xDC00 && code < 0xE000;
    if (self->place != IN_REPLY)
        return;
    if (is_low && self->high)
        code = 0x10000 + ((self->high - 0xD800) << 10) + (code - 0xDC00);
    else
        end_half(self);
    self->high = is_high ? code : 0;
    if (!is_high && code != 0)
        tr_textbuf_add_code(&self->pending, is_low && code < 0x10000 ? 0xFFFD : code);
}

static unsigned digit_of(char byte) {
    return byte >= '0' && byte <= '9' ? (unsigned)(byte - '0') : ((unsigned)byte & 0xDFu) - 'A' + 10u;
}

/* An escape that has begun: `\`, or `\u` and some digits. */
static void continue_escape(tr_draft_t *self, char byte) {
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    const char *known = byte ? strchr(from, byte) : NULL;
    bool is_number = self->digits > 1 || byte == 'u';
    if (self->digits > 1) {
        self->code = self->code << 4 | (digit_of(byte) & 15u);
        self->digits--;
    } else if (byte == 'u') {
        self->code = 0;
        self->digits = 5;
    } else {
        self->digits = 0;
        put(self, known ? to[known - from] : byte);
    }
    if (is_number && self->digits == 1) {
        self->digits = 0;
        put_code(self, self->code);
    }
}

static void read_string(tr_draft_t *self, char byte) {
    if (self->digits > 0)
        continue_escape(self, byte);
    else if (byte == '\\')
        self->digits = 1;
    else if (byte == '"') {
        end_half(self);
        self->place = OUTSIDE;
    } else
        put(self, byte);
}

/* ---- between strings ---- */

static void read_outside(tr_draft_t *self, char byte) {
    switch (byte) {
    case '"': begin_string(self); break;
    case '{':
    case '[': self->expects_key = ++self->depth == 1 && byte == '{'; break;
    case '}':
    case ']': self->depth--; break;
    case ',': self->expects_key = self->depth == 1; break;
    case ':': self->expects_key = false; break;
    default: break;
    }
}

void tr_draft_feed(tr_draft_t *self, size_t offset, const char *text, size_t length) {
    if (offset == 0) {
        tr_draft_finish(self);
        self->is_anew = true;
    }
    for (size_t i = 0; i < length; i++)
        if (self->place == OUTSIDE)
            read_outside(self, text[i]);
        else
            read_string(self, text[i]);
}

bool tr_draft_take(tr_draft_t *self, tr_mind_piece_t *ret_piece) {
    if (self->pending.failed || self->pending.length == 0)
        return false;
    tr_textbuf_finish(&self->taken);
    self->taken = self->pending;
    self->pending = (tr_textbuf_t){0};
    *ret_piece = (tr_mind_piece_t){.text = self->taken.bytes,
        .length = self->taken.length,
        .is_first = self->is_anew,
        .acts = self->has_action && !self->is_missing};
    self->is_anew = false;
    return true;
}

void tr_draft_finish(tr_draft_t *self) {
    tr_textbuf_finish(&self->pending);
    tr_textbuf_finish(&self->taken);
    *self = (tr_draft_t){0};
}

size_t tr_draft_sentence(const char *reply) {
    for (const char *at = reply; *at; at++)
        if ((strchr(".!?", *at) && at[1] == ' ') || *at == '\n')
            return (size_t)(at - reply) + 1 + (at[1] == ' ');
    return strlen(reply);
}
