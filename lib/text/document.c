#include "lib/text/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text/document_builder.h"
#include "lib/text/document_title.h"

const char *tr_document_format_name(tr_document_format_t format) {
    static const char *const names[] = {"plain", "markdown", "html", "man"};
    return format < sizeof names / sizeof names[0] ? names[format] : "unknown";
}

void tr_document_destroy(tr_document_t **self) {
    if (!self || !*self)
        return;
    free((*self)->name);
    free((*self)->title);
    free((*self)->text);
    free((*self)->blocks);
    free(*self);
    *self = NULL;
}

/* Builder ------------------------------------------------------------------------------------------------ */

void tr_builder_finish(tr_builder_t *self) {
    tr_textbuf_finish(&self->text);
    tr_textbuf_finish(&self->title);
    free(self->blocks);
    *self = (tr_builder_t){0};
}

void tr_builder_begin(tr_builder_t *self, tr_block_kind_t kind) {
    tr_builder_end(self);
    self->kind = kind;
    self->start = self->text.length + (self->text.length > 0 ? 2 : 0);
    self->is_open = true;
    self->has_space = false;
}

static void add_visible(tr_builder_t *self, const char *text, size_t length) {
    if (self->text.length < self->start)
        tr_textbuf_add(&self->text, "\n\n", 2);
    if (self->has_space && self->text.length > self->start)
        tr_textbuf_add(&self->text, " ", 1);
    self->has_space = false;
    tr_textbuf_add(&self->text, text, length);
}

void tr_builder_text(tr_builder_t *self, const char *text, size_t length) {
    if (!self->is_open)
        tr_builder_begin(self, TR_BLOCK_PARAGRAPH);
    if (self->kind == TR_BLOCK_CODE) {
        if (length > 0)
            add_visible(self, text, length);
        return;
    }
    for (size_t at = 0; at < length;) {
        size_t run = strcspn(text + at, " \n\t");
        run = run > length - at ? length - at : run;
        if (run > 0)
            add_visible(self, text + at, run);
        at += run;
        if (at < length) {
            self->has_space = true;
            at++;
        }
    }
}

static size_t trimmed_end(const tr_builder_t *self) {
    size_t end = self->text.length;
    while (end > self->start && strchr(" \n\t", self->text.bytes[end - 1]))
        end--;
    return end;
}

void tr_builder_end(tr_builder_t *self) {
    if (!self->is_open)
        return;
    self->is_open = false;
    size_t end = self->text.length < self->start ? self->start : trimmed_end(self);
    if (end == self->start) {
        /* Nothing visible: take back the separator, too. */
        size_t back = self->start > 0 ? self->start - 2 : 0;
        self->text.length = self->text.length < back ? self->text.length : back;
        return;
    }
    self->text.length = end;
    if (self->text.failed ||
        tr_array_reserve(&self->blocks, self->count, &self->capacity, sizeof *self->blocks) < 0) {
        self->failed = true;
        return;
    }
    self->blocks[self->count++] = (tr_block_t){self->kind, self->start, end - self->start};
}

/* Format ------------------------------------------------------------------------------------------------- */

static const char *base_name(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash && slash[1] ? slash + 1 : name;
}

static bool has_extension(const char *name, const char *const *extensions) {
    const char *dot = strrchr(base_name(name), '.');
    for (; dot && *extensions; extensions++)
        if (strcasecmp(dot + 1, *extensions) == 0)
            return true;
    return false;
}

static bool looks_like_html(const char *text) {
    text += strspn(text, " \n\t");
    if (strncasecmp(text, "<?xml", 5) == 0 || strncmp(text, "<!--", 4) == 0) {
        const char *end = strchr(text, '>');
        text = end ? end + 1 + strspn(end + 1, " \n\t") : text;
    }
    static const char *const starts[] = {"<!doctype html", "<html", "<head", "<body", "<title"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncasecmp(text, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* Two different signs of Markdown within the first lines; one alone may be a shell script or a plain list. */
static bool looks_like_markdown(const char *text) {
    bool has_heading = false, has_fence = false, has_link = false, has_emphasis = false;
    for (int lines = 0; *text && lines < 200; lines++) {
        size_t length = strcspn(text, "\n");
        size_t hashes = strspn(text, "#");
        has_heading |= hashes >= 1 && hashes <= 6 && text[hashes] == ' ';
        has_fence |= strncmp(text, "```", 3) == 0;
        const char *link = memmem(text, length, "](", 2);
        has_link |= link != NULL && memchr(link, ')', length - (size_t)(link - text)) != NULL;
        const char *strong = memmem(text, length, "**", 2);
        has_emphasis |= strong != NULL && strong + 2 < text + length && strong[2] != ' ' &&
                        strong[2] != '*' &&
                        memmem(strong + 2, length - (size_t)(strong + 2 - text), "**", 2) != NULL;
        text += length + (text[length] == '\n');
    }
    return has_heading + has_fence + has_link + has_emphasis >= 2;
}

static tr_document_format_t format_of(const char *name, const char *text) {
    static const char *const html[] = {"html", "htm", "xhtml", NULL};
    static const char *const markdown[] = {"md", "markdown", "mdown", "mkd", NULL};
    static const char *const plain[] = {"txt", "text", "log", "rst", "adoc", "c", "h", "py", "sh", NULL};
    static const char *const man[] = {"man", "mdoc", NULL};
    if (has_extension(name, html))
        return TR_FORMAT_HTML;
    if (has_extension(name, markdown))
        return TR_FORMAT_MARKDOWN;
    if (has_extension(name, man) || tr_document_looks_like_man(text))
        return TR_FORMAT_MAN;
    if (looks_like_html(text))
        return TR_FORMAT_HTML;
    return !has_extension(name, plain) && looks_like_markdown(text) ? TR_FORMAT_MARKDOWN : TR_FORMAT_PLAIN;
}

/* Parse -------------------------------------------------------------------------------------------------- */

static int hand_over(tr_builder_t *builder, tr_document_t *document) {
    tr_builder_end(builder);
    if (builder->failed || builder->text.failed || builder->title.failed)
        return -ENOMEM;
    document->text_length = builder->text.length;
    document->text = tr_textbuf_take(&builder->text);
    document->blocks = builder->blocks;
    document->block_count = builder->count;
    builder->blocks = NULL;
    if (!document->text)
        return -ENOMEM;
    document->text[document->text_length] = '\0';
    char *told = builder->title.length > 0 ? tr_textbuf_take(&builder->title) : NULL;
    document->title = tr_document_choose_title(document, told, base_name(document->name));
    free(told);
    return document->title ? 0 : -ENOMEM;
}

static int read_format(tr_document_t *document, const char *text, size_t length, tr_error_t *error) {
    static int (*const readers[])(tr_builder_t *, const char *, size_t) = {
        [TR_FORMAT_PLAIN] = tr_document_read_plain,
        [TR_FORMAT_MARKDOWN] = tr_document_read_markdown,
        [TR_FORMAT_HTML] = tr_document_read_html,
        [TR_FORMAT_MAN] = tr_document_read_man,
    };
    tr_builder_t builder = {0};
    document->format = format_of(document->name, text);
    int rc = readers[document->format](&builder, text, length);
    if (rc == 0)
        rc = hand_over(&builder, document);
    tr_builder_finish(&builder);
    if (rc == -E2BIG)
        return tr_error_set(error, rc,
            "%s: HTML nested deeper than any page is written; convert it to text first", document->name);
    if (rc < 0)
        return tr_error_set(error, rc, "%s: out of memory", document->name);
    if (document->block_count == 0)
        return tr_error_set(error, -ENODATA, "%s: empty: there is no text in it", document->name);
    return 0;
}

static int parse(tr_document_t *document, const char *bytes, size_t length, tr_error_t *error) {
    tr_textbuf_t text = {0};
    const char *reason = "binary: not a text document";
    int rc = tr_document_decode(bytes, length, &text, &document->encoding, &reason);
    if (rc == -EILSEQ)
        tr_error_set(error, rc, "%s: %s", document->name, reason);
    else if (rc < 0)
        tr_error_set(error, rc, "%s: out of memory", document->name);
    else
        rc = read_format(document, text.bytes ? text.bytes : "", text.length, error);
    tr_textbuf_finish(&text);
    return rc;
}

static size_t effective_limit(size_t limit) {
    if (limit == 0)
        return TR_DOCUMENT_DEFAULT_LIMIT;
    return limit > TR_DOCUMENT_HIGHEST_LIMIT ? TR_DOCUMENT_HIGHEST_LIMIT : limit;
}

static int too_large(const char *name, size_t length, size_t limit, tr_error_t *error) {
    return tr_error_set(error, -EFBIG, "%s: %zu bytes, but at most %zu are read; raise the limit or split it",
        name, length, limit);
}

int tr_document_parse(const char *name, const char *bytes, size_t length, size_t limit,
    tr_document_t **ret_document, tr_error_t *error) {
    limit = effective_limit(limit);
    if (length > limit)
        return too_large(name, length, limit, error);
    tr_document_t *document = calloc(1, sizeof *document);
    if (document)
        document->name = strdup(name);
    if (!document || !document->name) {
        tr_document_destroy(&document);
        return tr_error_set(error, -ENOMEM, "%s: out of memory", name);
    }
    document->bytes = length;
    int rc = parse(document, bytes, length, error);
    if (rc < 0) {
        tr_document_destroy(&document);
        return rc;
    }
    *ret_document = document;
    return 0;
}

/* Load --------------------------------------------------------------------------------------------------- */

/* Reads up to limit + 1 bytes, so that a file that grows, or whose size the system does not tell (/proc), is
 * bounded as well. */
static int read_all(int fd, const char *path, size_t limit, tr_textbuf_t *out, tr_error_t *error) {
    char chunk[64 * 1024];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tr_error_set(error, -errno, "%s: cannot be read: %s", path, strerror(errno));
        if (n == 0)
            return out->failed ? tr_error_set(error, -ENOMEM, "%s: out of memory", path) : 0;
        if ((size_t)n > limit - out->length)
            return too_large(path, out->length + (size_t)n, limit, error);
        tr_textbuf_add(out, chunk, (size_t)n);
    }
}

static int check_kind(int fd, const char *path, size_t limit, tr_error_t *error) {
    struct stat status;
    if (fstat(fd, &status) < 0)
        return tr_error_set(error, -errno, "%s: cannot be examined: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return tr_error_set(error, -EISDIR, "%s: is a directory; name the files in it", path);
    if (!S_ISREG(status.st_mode))
        return tr_error_set(error, -EINVAL, "%s: is not a regular file but a device, pipe or socket", path);
    if (status.st_size > 0 && (unsigned long long)status.st_size > limit)
        return too_large(path, (size_t)status.st_size, limit, error);
    return 0;
}

int tr_document_load(const char *path, size_t limit, tr_document_t **ret_document, tr_error_t *error) {
    limit = effective_limit(limit);
    /* O_NONBLOCK: opening a pipe that nobody writes to must not hang; it means nothing for files. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return tr_error_set(error, -errno, "%s: cannot be opened: %s", path, strerror(errno));
    tr_textbuf_t bytes = {0};
    int rc = check_kind(fd, path, limit, error);
    if (rc == 0)
        rc = read_all(fd, path, limit, &bytes, error);
    if (rc == 0)
        rc =
            tr_document_parse(path, bytes.bytes ? bytes.bytes : "", bytes.length, limit, ret_document, error);
    tr_textbuf_finish(&bytes);
    close(fd);
    return rc;
}
