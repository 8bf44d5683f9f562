/*
 * HTML to blocks, by gumbo.
 *
 * Gumbo trusts its input more than a daemon may: it frees its tree by recursion, never checks an allocation,
 * and a page of a megabyte can make it build gigabytes (formatting elements are copied into each later
 * block). So it gets an arena with a budget as allocator, which leaves by longjmp when the budget is used up,
 * and which is dropped as a whole afterwards; and pages that nest deeper than any real one are refused
 * before, because its searches of the open elements would take quadratic time. The tree is walked without
 * recursion.
 */
#include <errno.h>
#include <gumbo.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text/document_builder.h"
#include "lib/text/html_depth.h"

#define DEEPEST         512
#define BUDGET_PER_BYTE 48
#define BUDGET_MINIMUM  ((size_t)4 * 1024 * 1024)
#define ARENA_CHUNK     ((size_t)32 * 1024)
#define ARENA_ALIGNMENT 16

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(ARENA_ALIGNMENT) char bytes[];
} chunk_t;

typedef struct {
    chunk_t *chunks;
    size_t left; /* of the budget */
    jmp_buf exhausted;
} arena_t;

static void *arena_allocate(void *userdata, size_t size) {
    arena_t *arena = userdata;
    size = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    chunk_t *chunk = arena->chunks;
    if (!chunk || size > chunk->size - chunk->used) {
        size_t room = size > ARENA_CHUNK ? size : ARENA_CHUNK;
        chunk = room <= arena->left ? malloc(sizeof *chunk + room) : NULL;
        if (!chunk)
            longjmp(arena->exhausted, 1);
        arena->left -= room;
        *chunk = (chunk_t){.next = arena->chunks, .size = room};
        arena->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

static void arena_keep(void *userdata, void *memory) {
    (void)userdata;
    (void)memory; /* freed with the arena */
}

static void arena_finish(arena_t *arena) {
    while (arena->chunks) {
        chunk_t *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

/* The tree ----------------------------------------------------------------------------------------------- */

typedef enum {
    TAG_INLINE,
    TAG_SKIP,
    TAG_BLOCK,
    TAG_HEADING,
    TAG_ITEM,
    TAG_CODE,
    TAG_TABLE,
    TAG_CELL,
    TAG_BREAK
} role_t;

static role_t role_of(GumboTag tag) {
    static const unsigned char roles[GUMBO_TAG_LAST + 1] = {
        [GUMBO_TAG_SCRIPT] = TAG_SKIP,
        [GUMBO_TAG_STYLE] = TAG_SKIP,
        [GUMBO_TAG_NAV] = TAG_SKIP,
        [GUMBO_TAG_HEAD] = TAG_SKIP,
        [GUMBO_TAG_TEMPLATE] = TAG_SKIP,
        [GUMBO_TAG_NOSCRIPT] = TAG_SKIP,
        [GUMBO_TAG_IFRAME] = TAG_SKIP,
        [GUMBO_TAG_SVG] = TAG_SKIP,
        [GUMBO_TAG_MATH] = TAG_SKIP,
        [GUMBO_TAG_SELECT] = TAG_SKIP,
        [GUMBO_TAG_BUTTON] = TAG_SKIP,
        [GUMBO_TAG_TEXTAREA] = TAG_SKIP,
        [GUMBO_TAG_OBJECT] = TAG_SKIP,
        [GUMBO_TAG_H1] = TAG_HEADING,
        [GUMBO_TAG_H2] = TAG_HEADING,
        [GUMBO_TAG_H3] = TAG_HEADING,
        [GUMBO_TAG_H4] = TAG_HEADING,
        [GUMBO_TAG_H5] = TAG_HEADING,
        [GUMBO_TAG_H6] = TAG_HEADING,
        [GUMBO_TAG_LI] = TAG_ITEM,
        [GUMBO_TAG_DD] = TAG_ITEM,
        [GUMBO_TAG_PRE] = TAG_CODE,
        [GUMBO_TAG_LISTING] = TAG_CODE,
        [GUMBO_TAG_XMP] = TAG_CODE,
        [GUMBO_TAG_TR] = TAG_TABLE,
        [GUMBO_TAG_TD] = TAG_CELL,
        [GUMBO_TAG_TH] = TAG_CELL,
        [GUMBO_TAG_BR] = TAG_BREAK,
        [GUMBO_TAG_ADDRESS] = TAG_BLOCK,
        [GUMBO_TAG_ARTICLE] = TAG_BLOCK,
        [GUMBO_TAG_ASIDE] = TAG_BLOCK,
        [GUMBO_TAG_BLOCKQUOTE] = TAG_BLOCK,
        [GUMBO_TAG_BODY] = TAG_BLOCK,
        [GUMBO_TAG_CAPTION] = TAG_BLOCK,
        [GUMBO_TAG_CENTER] = TAG_BLOCK,
        [GUMBO_TAG_DIV] = TAG_BLOCK,
        [GUMBO_TAG_DL] = TAG_BLOCK,
        [GUMBO_TAG_DT] = TAG_BLOCK,
        [GUMBO_TAG_FIELDSET] = TAG_BLOCK,
        [GUMBO_TAG_FIGCAPTION] = TAG_BLOCK,
        [GUMBO_TAG_FIGURE] = TAG_BLOCK,
        [GUMBO_TAG_FOOTER] = TAG_BLOCK,
        [GUMBO_TAG_FORM] = TAG_BLOCK,
        [GUMBO_TAG_HEADER] = TAG_BLOCK,
        [GUMBO_TAG_HR] = TAG_BLOCK,
        [GUMBO_TAG_HTML] = TAG_BLOCK,
        [GUMBO_TAG_MAIN] = TAG_BLOCK,
        [GUMBO_TAG_OL] = TAG_BLOCK,
        [GUMBO_TAG_P] = TAG_BLOCK,
        [GUMBO_TAG_SECTION] = TAG_BLOCK,
        [GUMBO_TAG_TABLE] = TAG_BLOCK,
        [GUMBO_TAG_TBODY] = TAG_BLOCK,
        [GUMBO_TAG_THEAD] = TAG_BLOCK,
        [GUMBO_TAG_UL] = TAG_BLOCK,
    };
    return tag < GUMBO_TAG_LAST ? (role_t)roles[tag] : TAG_INLINE;
}

static bool is_hidden(const GumboNode *node) {
    const GumboVector *attributes = &node->v.element.attributes;
    if (gumbo_get_attribute(attributes, "hidden"))
        return true;
    const GumboAttribute *aria = gumbo_get_attribute(attributes, "aria-hidden");
    const GumboAttribute *role = gumbo_get_attribute(attributes, "role");
    return (aria && strcasecmp(aria->value, "true") == 0) ||
           (role && strcasecmp(role->value, "navigation") == 0);
}

/* A row of more than two cells, or of short ones, is a table; one or two long cells are only layout. */
static tr_block_kind_t kind_of_row(const GumboNode *row) {
    size_t cells = 0;
    const GumboVector *children = &row->v.element.children;
    for (unsigned i = 0; i < children->length; i++) {
        const GumboNode *child = children->data[i];
        cells += child->type == GUMBO_NODE_ELEMENT && role_of(child->v.element.tag) == TAG_CELL;
    }
    return cells > 1 ? TR_BLOCK_TABLE : TR_BLOCK_PARAGRAPH;
}

/* The kind of block that text below this node belongs to. */
static tr_block_kind_t kind_for(const GumboNode *node, role_t role, tr_block_kind_t outer) {
    switch (role) {
    case TAG_HEADING: return TR_BLOCK_HEADING;
    case TAG_ITEM: return TR_BLOCK_ITEM;
    case TAG_CODE: return TR_BLOCK_CODE;
    case TAG_TABLE: return kind_of_row(node);
    default: return outer == TR_BLOCK_HEADING ? TR_BLOCK_PARAGRAPH : outer;
    }
}

/* One level of the walk: a node, the child to visit next, and the kind that its text has. */
typedef struct {
    const GumboNode *node;
    unsigned next;
    tr_block_kind_t kind;
    bool is_block;
} level_t;

typedef struct {
    tr_builder_t *builder;
    level_t *levels;
    size_t count, capacity;
} walk_t;

static void add_node_text(walk_t *walk, const GumboNode *node, tr_block_kind_t kind) {
    tr_builder_t *builder = walk->builder;
    if (!builder->is_open) {
        const char *text = node->v.text.text;
        if (kind != TR_BLOCK_CODE && text[strspn(text, " \n\t")] == '\0')
            return;
        tr_builder_begin(builder, kind);
    }
    tr_builder_text(builder, node->v.text.text, strlen(node->v.text.text));
}

static void add_alternative(walk_t *walk, const GumboNode *node) {
    /* An image is what its description says. */
    const GumboAttribute *alternative = gumbo_get_attribute(&node->v.element.attributes, "alt");
    if (node->v.element.tag == GUMBO_TAG_IMG && alternative && walk->builder->is_open)
        tr_builder_text(walk->builder, alternative->value, strlen(alternative->value));
}

static int enter_element(walk_t *walk, const GumboNode *node, tr_block_kind_t outer) {
    role_t role = role_of(node->v.element.tag);
    if (role == TAG_SKIP || is_hidden(node))
        return 0;
    bool is_block = role >= TAG_BLOCK && role < TAG_CELL;
    if (is_block)
        tr_builder_end(walk->builder);
    else if (role != TAG_INLINE && walk->builder->is_open)
        tr_builder_text(walk->builder, role == TAG_BREAK && outer == TR_BLOCK_CODE ? "\n" : " ", 1);
    add_alternative(walk, node);
    if (tr_array_reserve(&walk->levels, walk->count, &walk->capacity, sizeof *walk->levels) < 0)
        return -ENOMEM;
    tr_block_kind_t kind = role == TAG_INLINE || role == TAG_CELL ? outer : kind_for(node, role, outer);
    walk->levels[walk->count++] = (level_t){.node = node, .kind = kind, .is_block = is_block};
    return 0;
}

static int visit(walk_t *walk, const GumboNode *node, tr_block_kind_t kind) {
    switch (node->type) {
    case GUMBO_NODE_ELEMENT: return enter_element(walk, node, kind);
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_CDATA:
    case GUMBO_NODE_WHITESPACE: add_node_text(walk, node, kind); return 0;
    default: return 0;
    }
}

static int walk_tree(tr_builder_t *builder, const GumboNode *root) {
    walk_t walk = {.builder = builder};
    int rc = visit(&walk, root, TR_BLOCK_PARAGRAPH);
    while (rc == 0 && walk.count > 0) {
        level_t *level = &walk.levels[walk.count - 1];
        const GumboVector *children = &level->node->v.element.children;
        if (level->next < children->length) {
            const GumboNode *child = children->data[level->next++];
            rc = visit(&walk, child, level->kind);
            continue;
        }
        if (level->is_block)
            tr_builder_end(builder);
        walk.count--;
    }
    free(walk.levels);
    return rc;
}

static const GumboNode *find_child(const GumboNode *parent, GumboTag tag) {
    if (!parent || parent->type != GUMBO_NODE_ELEMENT)
        return NULL;
    const GumboVector *children = &parent->v.element.children;
    for (unsigned i = 0; i < children->length; i++) {
        const GumboNode *child = children->data[i];
        if (child->type == GUMBO_NODE_ELEMENT && child->v.element.tag == tag)
            return child;
    }
    return NULL;
}

static void read_title(tr_builder_t *builder, const GumboNode *root) {
    const GumboNode *title = find_child(find_child(root, GUMBO_TAG_HEAD), GUMBO_TAG_TITLE);
    if (!title || builder->title.length > 0)
        return;
    const GumboVector *children = &title->v.element.children;
    const GumboNode *text = children->length > 0 ? children->data[0] : NULL;
    if (!text || text->type != GUMBO_NODE_TEXT)
        return;
    for (const char *at = text->v.text.text; *at;) {
        size_t space = strspn(at, " \n\t"), run = strcspn(at + space, " \n\t");
        if (space > 0 && run > 0 && builder->title.length > 0)
            tr_textbuf_add(&builder->title, " ", 1);
        tr_textbuf_add(&builder->title, at + space, run);
        at += space + run;
    }
}

int tr_document_read_html(tr_builder_t *builder, const char *text, size_t length) {
    if (tr_html_depth(text, length, DEEPEST) > DEEPEST)
        return -E2BIG;
    arena_t arena = {.left = BUDGET_MINIMUM + length * BUDGET_PER_BYTE};
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = arena_allocate;
    options.deallocator = arena_keep;
    options.userdata = &arena;
    options.max_errors = 0;
    if (setjmp(arena.exhausted) != 0) {
        arena_finish(&arena);
        return -E2BIG;
    }
    GumboOutput *output = gumbo_parse_with_options(&options, text, length);
    /* From here on nothing allocates in the arena. */
    read_title(builder, output->root);
    int rc = walk_tree(builder, output->root);
    arena_finish(&arena);
    return rc;
}
