/* Markdown to blocks, by cmark (CommonMark). Its tree is walked with cmark's own iterator, which does not
 * recurse. */
#include <cmark.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/text/document_builder.h"

/* "title: X" between two lines of "---" at the very start (front matter of site generators). Returns the
 * bytes to skip. */
static size_t read_front_matter(tr_builder_t *builder, const char *text, size_t length) {
    if (length < 8 || strncmp(text, "---\n", 4) != 0)
        return 0;
    const char *end = strstr(text + 3, "\n---\n");
    if (!end)
        return 0;
    for (const char *line = text + 4; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        if (strncasecmp(line, "title:", 6) == 0 && builder->title.length == 0) {
            const char *first = line + 6, *last = stop;
            while (first < last && strchr(" \t\"'", *first))
                first++;
            while (last > first && strchr(" \t\"'", last[-1]))
                last--;
            tr_textbuf_add(&builder->title, first, (size_t)(last - first));
        }
        line = stop + 1;
    }
    return (size_t)(end - text) + 5;
}

static bool is_in_item(cmark_node *node) {
    cmark_node *parent = cmark_node_parent(node);
    return parent && cmark_node_get_type(parent) == CMARK_NODE_ITEM;
}

static void add_literal(tr_builder_t *builder, cmark_node *node) {
    const char *literal = cmark_node_get_literal(node);
    if (literal)
        tr_builder_text(builder, literal, strlen(literal));
}

static void add_code(tr_builder_t *builder, cmark_node *node) {
    tr_builder_begin(builder, TR_BLOCK_CODE);
    add_literal(builder, node);
    tr_builder_end(builder);
}

/* A block of HTML within Markdown (centred titles, badges): only what it would show. */
static int add_html(tr_builder_t *builder, cmark_node *node) {
    const char *literal = cmark_node_get_literal(node);
    tr_builder_end(builder);
    return literal ? tr_document_read_html(builder, literal, strlen(literal)) : 0;
}

static int enter(tr_builder_t *builder, cmark_node *node) {
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_HEADING: tr_builder_begin(builder, TR_BLOCK_HEADING); return 0;
    case CMARK_NODE_PARAGRAPH:
        tr_builder_begin(builder, is_in_item(node) ? TR_BLOCK_ITEM : TR_BLOCK_PARAGRAPH);
        return 0;
    case CMARK_NODE_CODE_BLOCK: add_code(builder, node); return 0;
    case CMARK_NODE_HTML_BLOCK: return add_html(builder, node);
    case CMARK_NODE_TEXT:
    case CMARK_NODE_CODE: add_literal(builder, node); return 0;
    case CMARK_NODE_SOFTBREAK:
    case CMARK_NODE_LINEBREAK: tr_builder_text(builder, " ", 1); return 0;
    default: return 0;
    }
}

/* CommonMark knows no tables; those of GitHub come as paragraphs with bars. */
static void close_paragraph(tr_builder_t *builder) {
    if (builder->is_open && builder->text.length > builder->start + 2) {
        const char *text = builder->text.bytes + builder->start;
        if (text[0] == '|' || strstr(text, "|---") || strstr(text, "| ---") || strstr(text, "|:-"))
            builder->kind = TR_BLOCK_TABLE;
    }
    tr_builder_end(builder);
}

static int walk(tr_builder_t *builder, cmark_iter *iterator) {
    cmark_event_type event;
    int rc = 0;
    while (rc == 0 && (event = cmark_iter_next(iterator)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iterator);
        cmark_node_type type = cmark_node_get_type(node);
        if (event == CMARK_EVENT_ENTER)
            rc = enter(builder, node);
        else if (type == CMARK_NODE_PARAGRAPH)
            close_paragraph(builder);
        else if (type == CMARK_NODE_HEADING)
            tr_builder_end(builder);
    }
    return rc;
}

int tr_document_read_markdown(tr_builder_t *builder, const char *text, size_t length) {
    size_t skip = read_front_matter(builder, text, length);
    cmark_node *root = cmark_parse_document(text + skip, length - skip, CMARK_OPT_DEFAULT);
    if (!root)
        return -ENOMEM;
    int rc = -ENOMEM;
    cmark_iter *iterator = cmark_iter_new(root);
    if (iterator) {
        rc = walk(builder, iterator);
        cmark_iter_free(iterator);
    }
    cmark_node_free(root);
    return rc;
}
