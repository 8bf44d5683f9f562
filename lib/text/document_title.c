#include "lib/text/document_title.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"

#define LONGEST_TITLE 120

static bool has_small_letter(const char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        uint32_t code;
        at += tr_utf8_next(text + at, length - at, &code);
        if (tr_utf8_is_letter(code) && !tr_utf8_is_upper(code))
            return true;
    }
    return false;
}

/* The same words elsewhere in the text, but not all in capitals ("GNU General Public License"): NULL where
 * there are none. */
static const char *find_mixed_case(const tr_document_t *document, const char *title, size_t length) {
    if (length < 4)
        return NULL;
    const char *best = NULL;
    size_t best_capitals = 0;
    for (const char *at = document->text; (at = strcasestr(at, title)) != NULL; at++) {
        if (!has_small_letter(at, length))
            continue;
        size_t capitals = 0;
        for (size_t i = 0; i < length; i++)
            capitals += at[i] >= 'A' && at[i] <= 'Z' && (i == 0 || at[i - 1] == ' ');
        if (capitals > best_capitals) {
            best = at;
            best_capitals = capitals;
        }
    }
    return best;
}

static bool begins_with_version(const char *text, size_t length) {
    static const char *const words[] = {"version ", "release ", "revision ", "edition ", "v. "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (length > strlen(words[i]) && strncasecmp(text, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static bool is_title(const tr_document_t *document, const tr_block_t *block) {
    const char *text = document->text + block->offset;
    if (block->kind == TR_BLOCK_HEADING)
        return block->length >= 2 && block->length <= LONGEST_TITLE &&
               !begins_with_version(text, block->length);
    return false;
}

static void add_trimmed(tr_textbuf_t *out, const char *text, size_t length) {
    /* Bold and italic numbers, "1. ", and a colon at the end are not part of a title. */
    while (length > 0 && (text[length - 1] == ':' || text[length - 1] == ' '))
        length--;
    if (length > LONGEST_TITLE) {
        length = LONGEST_TITLE;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    tr_textbuf_add(out, text, length);
}

static char *title_from_heading(const tr_document_t *document, size_t index) {
    const tr_block_t *block = &document->blocks[index];
    char *title = strndup(document->text + block->offset, block->length);
    if (!title)
        return NULL;
    if (!has_small_letter(title, block->length)) {
        const char *mixed = find_mixed_case(document, title, block->length);
        if (mixed)
            memcpy(title, mixed, block->length);
    }
    tr_textbuf_t out = {0};
    add_trimmed(&out, title, block->length);
    free(title);
    if (index + 1 < document->block_count) {
        const tr_block_t *next = &document->blocks[index + 1];
        const char *text = document->text + next->offset;
        if (next->length <= 60 && begins_with_version(text, next->length)) {
            tr_textbuf_add_string(&out, ", ");
            add_trimmed(&out, text, next->length);
        }
    }
    return tr_textbuf_take(&out);
}

char *tr_document_choose_title(const tr_document_t *document, const char *told, const char *file_name) {
    if (told && *told) {
        tr_textbuf_t out = {0};
        add_trimmed(&out, told, strlen(told));
        return tr_textbuf_take(&out);
    }
    /* A heading deep in the text is that of a section, not of the document. */
    for (size_t i = 0; i < document->block_count && i < 6; i++)
        if (is_title(document, &document->blocks[i]))
            return title_from_heading(document, i);
    return strdup(file_name);
}
