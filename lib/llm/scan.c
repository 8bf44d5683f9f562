#include "lib/llm/scan.h"

#include "lib/text/utf8.h"

#include <string.h>

#define INTEGER_DIGITS 18
#define REAL_BYTES     40

static bool scan_value(tr_llm_scan_t *self, unsigned depth);

/* ---- bytes ---- */

static void skip_space(tr_llm_scan_t *self) {
    while (self->at < self->stop &&
           (*self->at == ' ' || *self->at == '\n' || *self->at == '\t' || *self->at == '\r'))
        self->at++;
}

static bool take(tr_llm_scan_t *self, char byte) {
    bool is = self->at < self->stop && *self->at == byte;
    self->at += is;
    return is;
}

static tr_llm_node_t *add(tr_llm_scan_t *self, tr_llm_node_kind_t kind) {
    if (self->count == TR_LLM_SCAN_NODES)
        return NULL;
    tr_llm_node_t *node = &self->nodes[self->count++];
    *node = (tr_llm_node_t){.at = self->at, .end = (uint16_t)self->count, .kind = (uint8_t)kind};
    return node;
}

/* ---- strings ---- */

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

/* The number that four hexadecimal digits are; 0 is none that a string may have. */
static uint32_t code_of(const char *at, const char *stop) {
    uint32_t code = 0;
    if (stop - at < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        char byte = at[i], letter = (char)(byte | 0x20);
        if (is_digit(byte))
            code = code << 4 | (uint32_t)(byte - '0');
        else if (letter >= 'a' && letter <= 'f')
            code = code << 4 | (uint32_t)(letter - 'a' + 10);
        else
            return 0;
    }
    return code;
}

/* What stands at an escape's backslash: its length, and its code; 0 = none. */
static size_t read_escape(const char *at, const char *stop, uint32_t *ret_code) {
    static const char from[] = "\"\\/nrtbf", to[] = "\"\\/\n\r\t\b\f";
    if (stop - at < 2)
        return 0;
    const char *known = at[1] ? strchr(from, at[1]) : NULL;
    if (known) {
        *ret_code = (unsigned char)to[known - from];
        return 2;
    }
    uint32_t code = at[1] == 'u' ? code_of(at + 2, stop) : 0;
    if (code == 0 || (code >= 0xDC00 && code < 0xE000))
        return 0;
    *ret_code = code;
    if (code < 0xD800 || code >= 0xE000)
        return 6;
    uint32_t low = stop - at >= 8 && at[6] == '\\' && at[7] == 'u' ? code_of(at + 8, stop) : 0;
    *ret_code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    return low >= 0xDC00 && low < 0xE000 ? 12 : 0;
}

/* One that stands for itself in a string, and by itself. */
static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* How long what stands there is; 0: it may not stand in a string. */
static size_t length_in_string(const char *at, const char *stop) {
    uint32_t code;
    if (*at == '\\')
        return read_escape(at, stop, &code);
    if ((unsigned char)*at < 0x20)
        return 0;
    return (unsigned char)*at < 0x80 ? 1 : tr_utf8_decode(at, (size_t)(stop - at), &code);
}

static bool scan_string(tr_llm_scan_t *self) {
    tr_llm_node_t *node;
    if (!take(self, '"') || !(node = add(self, TR_LLM_NODE_STRING)))
        return false;
    for (;;) {
        const char *at = self->at, *stop = self->stop;
        while (at < stop && is_plain((unsigned char)*at))
            at++;
        self->at = at;
        if (at == stop || *at == '"')
            break;
        size_t len = length_in_string(at, stop);
        if (len == 0)
            return false;
        node->escaped |= *at == '\\';
        self->at += len;
    }
    node->len = (uint32_t)(self->at - node->at);
    return take(self, '"');
}

/* ---- numbers and words ---- */

static size_t skip_digits(tr_llm_scan_t *self) {
    const char *from = self->at;
    while (self->at < self->stop && is_digit(*self->at))
        self->at++;
    return (size_t)(self->at - from);
}

static bool scan_number(tr_llm_scan_t *self) {
    tr_llm_node_t *node = add(self, TR_LLM_NODE_INTEGER);
    if (!node)
        return false;
    take(self, '-');
    const char *first = self->at;
    size_t digits = skip_digits(self);
    if (digits == 0 || digits > INTEGER_DIGITS || (*first == '0' && digits > 1))
        return false;
    if (take(self, '.')) {
        node->kind = TR_LLM_NODE_REAL;
        digits = skip_digits(self);
        if (digits == 0 || digits > REAL_BYTES)
            return false;
    }
    node->len = (uint32_t)(self->at - node->at);
    return self->at == self->stop || (*self->at | 0x20) != 'e';
}

static bool scan_word(tr_llm_scan_t *self, const char *word) {
    size_t len = strlen(word);
    tr_llm_node_t *node = add(self, TR_LLM_NODE_WORD);
    if (!node || (size_t)(self->stop - self->at) < len || memcmp(self->at, word, len) != 0)
        return false;
    node->len = (uint32_t)len;
    self->at += len;
    return true;
}

/* ---- arrays and objects ---- */

static bool is_again(const tr_llm_scan_t *self, size_t object, const tr_llm_node_t *name) {
    for (const tr_llm_node_t *at = &self->nodes[object + 1]; at < name; at = &self->nodes[at[1].end])
        if (at->len == name->len && memcmp(at->at, name->at, name->len) == 0)
            return true;
    return false;
}

static bool scan_member(tr_llm_scan_t *self, size_t object, unsigned depth) {
    const tr_llm_node_t *name = &self->nodes[self->count];
    skip_space(self);
    if (!scan_string(self) || name->escaped || is_again(self, object, name))
        return false;
    skip_space(self);
    return take(self, ':') && scan_value(self, depth);
}

static bool scan_all(tr_llm_scan_t *self, tr_llm_node_kind_t kind, unsigned depth) {
    char close = kind == TR_LLM_NODE_OBJECT ? '}' : ']';
    size_t number = self->count;
    if (depth == TR_LLM_SCAN_DEPTH || !add(self, kind))
        return false;
    self->at++;
    skip_space(self);
    bool ended = take(self, close);
    while (!ended) {
        if (!(kind == TR_LLM_NODE_OBJECT ? scan_member(self, number, depth + 1)
                                         : scan_value(self, depth + 1)))
            return false;
        ended = take(self, close);
        if (!ended && !take(self, ','))
            return false;
    }
    self->nodes[number].end = (uint16_t)self->count;
    return true;
}

/* And the space around it. */
static bool scan_value(tr_llm_scan_t *self, unsigned depth) {
    bool taken = false;
    skip_space(self);
    if (self->at == self->stop)
        return false;
    switch (*self->at) {
    case '{': taken = scan_all(self, TR_LLM_NODE_OBJECT, depth); break;
    case '[': taken = scan_all(self, TR_LLM_NODE_ARRAY, depth); break;
    case '"': taken = scan_string(self); break;
    case 't': taken = scan_word(self, "true"); break;
    case 'f': taken = scan_word(self, "false"); break;
    case 'n': taken = scan_word(self, "null"); break;
    default: taken = scan_number(self); break;
    }
    skip_space(self);
    return taken;
}

bool tr_llm_scan(tr_llm_scan_t *self, const char *text, size_t len) {
    self->count = 0;
    self->at = text;
    self->stop = text + len;
    return len <= TR_LLM_SCAN_BYTES && scan_value(self, 0) && self->at == self->stop;
}

/* ---- what is in it ---- */

const tr_llm_node_t *tr_llm_scan_member(
    const tr_llm_scan_t *self, const tr_llm_node_t *object, const char *name) {
    if (!object || object->kind != TR_LLM_NODE_OBJECT)
        return NULL;
    const tr_llm_node_t *end = self->nodes + object->end;
    for (const tr_llm_node_t *at = object + 1; at < end; at = self->nodes + at[1].end)
        if (tr_llm_node_is(at, name))
            return at + 1;
    return NULL;
}

const tr_llm_node_t *tr_llm_scan_only(const tr_llm_scan_t *self, const tr_llm_node_t *array) {
    if (!array || array->kind != TR_LLM_NODE_ARRAY)
        return NULL;
    const tr_llm_node_t *first = array + 1, *end = self->nodes + array->end;
    return first < end && self->nodes + first->end == end ? first : NULL;
}

bool tr_llm_node_is_none(const tr_llm_node_t *self) {
    return !self || (self->kind == TR_LLM_NODE_WORD && *self->at == 'n');
}

bool tr_llm_node_is_string(const tr_llm_node_t *self) {
    return self && self->kind == TR_LLM_NODE_STRING;
}

bool tr_llm_node_is(const tr_llm_node_t *self, const char *word) {
    return tr_llm_node_is_string(self) && !self->escaped && strlen(word) == self->len &&
           memcmp(self->at, word, self->len) == 0;
}

int64_t tr_llm_node_integer(const tr_llm_node_t *self) {
    int64_t value = 0;
    if (!self || self->kind != TR_LLM_NODE_INTEGER)
        return 0;
    bool negative = *self->at == '-';
    for (uint32_t i = negative; i < self->len; i++)
        value = value * 10 + (self->at[i] - '0');
    return negative ? -value : value;
}

bool tr_llm_node_put(const tr_llm_node_t *self, tr_buffer_t *to) {
    const char *at = self->at, *stop = at + self->len;
    if (to->failed || (to->limit && (to->size > to->limit || self->len > to->limit - to->size)))
        return false;
    while (at < stop) {
        const char *escape = self->escaped ? memchr(at, '\\', (size_t)(stop - at)) : NULL;
        tr_buffer_put(to, at, (size_t)((escape ? escape : stop) - at));
        if (!escape)
            break;
        char bytes[4];
        uint32_t code = 0;
        at = escape + read_escape(escape, stop, &code);
        tr_buffer_put(to, bytes, tr_utf8_encode(code, bytes));
    }
    return true;
}
