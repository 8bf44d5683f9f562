/*
 * From bytes to clean text.
 *
 * What a file is must be guessed from its bytes: a known magic number, a NUL or many control characters say
 * binary; otherwise it is UTF-8 if it is valid as such (or nearly so: one damaged byte in a long text does
 * not turn the rest into gibberish), and else Windows-1252, the superset of ISO 8859-1 that old texts are
 * written in.
 */
#include <errno.h>
#include <string.h>

#include "lib/text/document_builder.h"
#include "lib/text/utf8.h"

typedef struct {
    size_t control, invalid, multibyte, holes;
    bool has_nul;
} census_t;

static const char *known_binary(const char *bytes, size_t length) {
    static const struct {
        const char *magic;
        size_t size;
        const char *reason;
    } kinds[] = {
        {"%PDF-", 5, "binary: a PDF, not a text document; convert it with pdftotext"},
        {"\x1f\x8b", 2, "binary: gzip, not a text document; decompress it with gunzip"},
        {"BZh", 3, "binary: bzip2, not a text document; decompress it with bunzip2"},
        {"\xFD"
         "7zXZ",
            5, "binary: xz, not a text document; decompress it with unxz"},
        {"\x28\xB5\x2F\xFD", 4, "binary: zstd, not a text document; decompress it with unzstd"},
        {"PK\x03\x04", 4,
            "binary: a zip archive or an office document, not a text document; export it as text"},
        {"\x7F"
         "ELF",
            4, "binary: a program, not a text document"},
        {"\x89PNG", 4, "binary: a picture, not a text document"},
        {"\xFF\xD8\xFF", 3, "binary: a picture, not a text document"},
        {"GIF8", 4, "binary: a picture, not a text document"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (length >= kinds[i].size && memcmp(bytes, kinds[i].magic, kinds[i].size) == 0)
            return kinds[i].reason;
    return NULL;
}

static bool is_tolerated_control(unsigned char byte) {
    return byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f' || byte == '\v' || byte == '\b' ||
           byte == 0x1B;
}

static census_t take_census(const char *bytes, size_t length) {
    census_t census = {0};
    for (size_t at = 0; at < length;) {
        uint32_t code;
        size_t size = tr_utf8_decode(bytes + at, length - at, &code);
        unsigned char byte = (unsigned char)bytes[at];
        if (size == 0) {
            census.invalid++;
            census.holes += tr_latin1_decode(byte) == 0;
        } else if (size > 1) {
            census.multibyte++;
        } else if (byte == 0) {
            census.has_nul = true;
        } else if ((byte < 0x20 && !is_tolerated_control(byte)) || byte == 0x7F) {
            census.control++;
        }
        at += size == 0 ? 1 : size;
    }
    return census;
}

/* ESC [ ... letter, as terminals take it: skipped. Returns the bytes to skip. */
static size_t escape_length(const char *bytes, size_t length) {
    size_t at = 1;
    if (at < length && bytes[at] == '[') {
        at++;
        while (at < length && at < 32 && (unsigned char)bytes[at] >= 0x20 && (unsigned char)bytes[at] < 0x40)
            at++;
        if (at < length && (unsigned char)bytes[at] >= 0x40 && (unsigned char)bytes[at] < 0x7F)
            at++;
    }
    return at;
}

/* "_\bN" and "N\bN" are how old formatters print underlined and bold. */
static void erase_last(tr_textbuf_t *out) {
    uint32_t code;
    size_t size = tr_utf8_previous(out->bytes ? out->bytes : "", out->length, &code);
    if (size > 0 && code != '\n')
        out->length -= size;
}

static void add_code(tr_textbuf_t *out, uint32_t code, uint32_t next) {
    if (code == '\r')
        code = next == '\n' ? 0 : '\n';
    else if (code == '\f' || code == '\v' || code == 0x2029)
        code = '\n';
    else if (code == 0x85 || code == 0x2028)
        code = '\n';
    else if (code == 0xAD && next != '\n')
        code = 0; /* a soft hyphen within a line is only advice to printers */
    else if ((code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0))
        code = 0;
    else if (code == 0xFEFF || (code >= 0x200B && code <= 0x200F) || code == 0x2060)
        code = 0;
    else if (tr_utf8_is_space(code) && code != '\n' && code != '\t')
        code = ' ';
    if (code == 0)
        return;
    tr_textbuf_add_code(out, code);
}

static uint32_t next_code(const char *bytes, size_t length, bool is_utf8) {
    uint32_t code = 0;
    if (length == 0)
        return 0;
    if (!is_utf8)
        return tr_latin1_decode((unsigned char)bytes[0]);
    return tr_utf8_decode(bytes, length, &code) > 0 ? code : 0;
}

static void clean(const char *bytes, size_t length, bool is_utf8, tr_textbuf_t *out) {
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        size_t size = 1;
        if (!is_utf8)
            code = tr_latin1_decode((unsigned char)bytes[at]);
        else if ((size = tr_utf8_decode(bytes + at, length - at, &code)) == 0)
            size = 1, code = 0xFFFD;
        if (code == 0x1B) {
            at += escape_length(bytes + at, length - at);
            continue;
        }
        at += size;
        if (code == '\b')
            erase_last(out);
        else
            add_code(out, code, next_code(bytes + at, length - at, is_utf8));
    }
    tr_textbuf_add(out, "", 0);
}

static int decode_utf16(const char *bytes, size_t length, bool is_big, tr_textbuf_t *out) {
    tr_textbuf_t utf8 = {0};
    uint32_t high = 0;
    for (size_t at = 2; at + 1 < length; at += 2) {
        unsigned char first = (unsigned char)bytes[at], second = (unsigned char)bytes[at + 1];
        uint32_t unit = is_big ? (uint32_t)first << 8 | second : (uint32_t)second << 8 | first;
        if (unit >= 0xD800 && unit < 0xDC00) {
            high = unit;
        } else if (unit >= 0xDC00 && unit < 0xE000) {
            tr_textbuf_add_code(&utf8, high ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : 0xFFFD);
            high = 0;
        } else if (unit != 0) {
            tr_textbuf_add_code(&utf8, unit);
            high = 0;
        }
    }
    bool failed = utf8.failed;
    if (!failed && utf8.length > 0)
        clean(utf8.bytes, utf8.length, true, out);
    tr_textbuf_finish(&utf8);
    return failed || out->failed ? -ENOMEM : 0;
}

static const char *why_binary(const char *bytes, size_t length, const census_t *census, bool is_utf8) {
    const char *known = known_binary(bytes, length);
    if (known)
        return known;
    if (census->has_nul)
        return "binary: not a text document (it contains NUL bytes)";
    if (census->control > length / 100 + 1)
        return "binary: not a text document (too many control characters)";
    if (!is_utf8 && (census->holes > 0 || census->invalid > length / 3 + 1))
        return "binary: not a text document (neither UTF-8 nor Latin-1)";
    return NULL;
}

int tr_document_decode(
    const char *bytes, size_t length, tr_textbuf_t *out, const char **ret_encoding, const char **ret_reason) {
    if (length >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0)) {
        *ret_encoding = "utf-16";
        return decode_utf16(bytes, length, bytes[0] == '\xFE', out);
    }
    census_t census = take_census(bytes, length);
    bool is_utf8 =
        census.invalid == 0 || (census.multibyte >= 10 * census.invalid && census.invalid <= length / 200);
    const char *reason = why_binary(bytes, length, &census, is_utf8);
    if (reason) {
        *ret_reason = reason;
        return -EILSEQ;
    }
    clean(bytes, length, is_utf8, out);
    *ret_encoding = is_utf8 ? "utf-8" : "windows-1252";
    return out->failed ? -ENOMEM : 0;
}
