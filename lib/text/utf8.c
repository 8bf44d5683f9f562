#include "lib/text/utf8.h"

#include <string.h>

#define REPLACEMENT 0xFFFDu

size_t tr_utf8_decode(const char *text, size_t length, uint32_t *ret_code) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length == 0)
        return 0;
    unsigned char lead = (unsigned char)text[0];
    if (lead < 0x80) {
        *ret_code = lead;
        return 1;
    }
    size_t size = lead >= 0xF5 ? 0 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (size == 0 || size > length)
        return 0;
    uint32_t code = lead & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (byte & 0x3Fu);
    }
    if (code < smallest[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return size;
}

size_t tr_utf8_next(const char *text, size_t length, uint32_t *ret_code) {
    if ((unsigned char)*text < 0x80) { /* most of what there is */
        *ret_code = (unsigned char)*text;
        return 1;
    }
    size_t size = tr_utf8_decode(text, length, ret_code);
    if (size > 0)
        return size;
    *ret_code = REPLACEMENT;
    return 1;
}

size_t tr_utf8_previous(const char *text, size_t end, uint32_t *ret_code) {
    *ret_code = 0;
    for (size_t back = 1; back <= 4 && back <= end; back++) {
        if (((unsigned char)text[end - back] & 0xC0) == 0x80)
            continue;
        return tr_utf8_decode(text + end - back, back, ret_code) == back ? back
                                                                         : tr_utf8_next("\xFF", 1, ret_code);
    }
    return end == 0 ? 0 : tr_utf8_next("\xFF", 1, ret_code);
}

size_t tr_utf8_cut(const char *text, size_t length, size_t most) {
    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

size_t tr_utf8_drop_broken(char *text, size_t length) {
    size_t left = 0;
    uint32_t code;
    for (size_t at = 0; at < length;) {
        size_t n = tr_utf8_decode(text + at, length - at, &code);
        memmove(text + left, text + at, n);
        left += n;
        at += n ? n : 1;
    }
    return left;
}

size_t tr_utf8_encode(uint32_t code, char out[4]) {
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        code = REPLACEMENT;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(lead[size] | code);
    return size;
}

typedef struct {
    uint32_t first, last;
} range_t;

static bool in_ranges(const range_t *ranges, size_t count, uint32_t code) {
    for (size_t i = 0; i < count && code >= ranges[i].first; i++)
        if (code <= ranges[i].last)
            return true;
    return false;
}

#define IN(ranges, code) in_ranges(ranges, sizeof(ranges) / sizeof(ranges)[0], code)

bool tr_utf8_is_letter(uint32_t code) {
    if (code < 0x80)
        return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
    /* What lies above 0xAA and is no letter: signs, punctuation, symbols, private use, pictures. */
    static const range_t others[] = {
        {0x80, 0xA9},
        {0xAB, 0xB4},
        {0xB6, 0xB9},
        {0xBB, 0xBF},
        {0xD7, 0xD7},
        {0xF7, 0xF7},
        {0x2C2, 0x2DF},
        {0x300, 0x36F},
        {0x37E, 0x37E},
        {0x387, 0x387},
        {0x483, 0x489},
        {0x55A, 0x55F},
        {0x589, 0x5CF},
        {0x5F3, 0x61F},
        {0x64B, 0x66D},
        {0x6D4, 0x6ED},
        {0x6F0, 0x6F9},
        {0x964, 0x96F},
        {0xE3F, 0xE3F},
        {0x2000, 0x2070},
        {0x2072, 0x207E},
        {0x2080, 0x208F},
        {0x20A0, 0x20FF},
        {0x2100, 0x2101},
        {0x2116, 0x2118},
        {0x2120, 0x2123},
        {0x2140, 0x2BFF},
        {0x2E00, 0x2FFF},
        {0x3000, 0x3004},
        {0x3007, 0x3030},
        {0x303D, 0x303F},
        {0x30FB, 0x30FB},
        {0xE000, 0xF8FF},
        {0xFD3E, 0xFD4F},
        {0xFE00, 0xFE6F},
        {0xFEFF, 0xFF20},
        {0xFF3B, 0xFF40},
        {0xFF5B, 0xFF65},
        {0xFFE0, 0xFFFF},
        {0x1D000, 0x1D3FF},
        {0x1D7CE, 0x1D7FF},
        {0x1F000, 0x1FBFF},
        {0xE0000, 0x10FFFF},
    };
    return !IN(others, code);
}

bool tr_utf8_is_mark(uint32_t code) {
    static const range_t marks[] = {
        {0x300, 0x36F}, {0x483, 0x489}, {0x591, 0x5BD}, {0x64B, 0x65F}, {0x1AB0, 0x1AFF}};
    return IN(marks, code);
}

bool tr_utf8_is_digit(uint32_t code) {
    return (code >= '0' && code <= '9') || (code >= 0x660 && code <= 0x669) ||
           (code >= 0xFF10 && code <= 0xFF19);
}

bool tr_utf8_is_space(uint32_t code) {
    static const range_t spaces[] = {
        {0x09, 0x0D},
        {0x20, 0x20},
        {0x85, 0x85},
        {0xA0, 0xA0},
        {0x1680, 0x1680},
        {0x2000, 0x200B},
        {0x2028, 0x2029},
        {0x202F, 0x202F},
        {0x205F, 0x205F},
        {0x3000, 0x3000},
        {0xFEFF, 0xFEFF},
    };
    return IN(spaces, code);
}

/* Blocks where capital and small letters alternate: even (or odd) codes are the capitals. */
static bool is_alternating_upper(uint32_t code) {
    static const range_t even[] = {
        {0x100, 0x12F},
        {0x132, 0x137},
        {0x14A, 0x177},
        {0x1DE, 0x1EF},
        {0x1F8, 0x21F},
        {0x222, 0x233},
        {0x460, 0x481},
        {0x48A, 0x4BF},
        {0x4D0, 0x52F},
        {0x1E00, 0x1E95},
        {0x1EA0, 0x1EFF},
    };
    static const range_t odd[] = {{0x139, 0x148}, {0x179, 0x17E}, {0x1CD, 0x1DC}};
    return code % 2 == 0 ? IN(even, code) : IN(odd, code);
}

uint32_t tr_utf8_lower(uint32_t code) {
    static const struct {
        uint32_t first, last, distance;
    } shifts[] = {
        {'A', 'Z', 32},
        {0xC0, 0xD6, 32},
        {0xD8, 0xDE, 32},
        {0x386, 0x386, 38},
        {0x388, 0x38A, 37},
        {0x38C, 0x38C, 64},
        {0x38E, 0x38F, 63},
        {0x391, 0x3A1, 32},
        {0x3A3, 0x3AB, 32},
        {0x400, 0x40F, 80},
        {0x410, 0x42F, 32},
        {0x531, 0x556, 48},
    };
    if (code < 'A' || (code > 'Z' && code < 0xC0))
        return code;
    if (code == 0x178)
        return 0xFF;
    if (code == 0x130)
        return 'i';
    for (size_t i = 0; i < sizeof shifts / sizeof shifts[0]; i++)
        if (code >= shifts[i].first && code <= shifts[i].last)
            return code + shifts[i].distance;
    return is_alternating_upper(code) ? code + 1 : code;
}

bool tr_utf8_is_upper(uint32_t code) {
    return tr_utf8_lower(code) != code;
}

size_t tr_utf8_lower_copy(const char *text, size_t length, char *out, size_t capacity) {
    size_t written = 0;
    if (capacity == 0)
        return 0;
    for (size_t at = 0; at < length;) {
        uint32_t code;
        char bytes[4];
        unsigned char byte = (unsigned char)text[at];
        if (byte < 0x80 && written + 1 < capacity) { /* most of what there is */
            out[written++] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
            at++;
            continue;
        }
        at += tr_utf8_next(text + at, length - at, &code);
        size_t size = tr_utf8_encode(tr_utf8_lower(code), bytes);
        if (written + size >= capacity)
            break;
        for (size_t i = 0; i < size; i++)
            out[written++] = bytes[i];
    }
    out[written] = '\0';
    return written;
}

uint32_t tr_latin1_decode(unsigned char byte) {
    static const uint16_t windows[32] = {
        0x20AC,
        0,
        0x201A,
        0x0192,
        0x201E,
        0x2026,
        0x2020,
        0x2021,
        0x02C6,
        0x2030,
        0x0160,
        0x2039,
        0x0152,
        0,
        0x017D,
        0,
        0,
        0x2018,
        0x2019,
        0x201C,
        0x201D,
        0x2022,
        0x2013,
        0x2014,
        0x02DC,
        0x2122,
        0x0161,
        0x203A,
        0x0153,
        0,
        0x017E,
        0x0178,
    };
    return byte < 0x80 || byte > 0x9F ? byte : windows[byte - 0x80];
}
