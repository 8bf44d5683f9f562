#include "lib/text/document.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static tr_document_t *parse(const char *name, const char *text) {
    tr_document_t *document = NULL;
    tr_error_t error = {0};
    if (tr_document_parse(name, text, strlen(text), 0, &document, &error) < 0)
        fail_msg("%s", error.text);
    return document;
}

static void assert_block(
    const tr_document_t *document, size_t index, tr_block_kind_t kind, const char *text) {
    assert_true(index < document->block_count);
    const tr_block_t *block = &document->blocks[index];
    assert_int_equal(block->kind, kind);
    char *found = strndup(document->text + block->offset, block->length);
    assert_string_equal(found, text);
    free(found);
}

static void assert_refused(
    const char *name, const char *bytes, size_t length, size_t limit, int code, const char *part) {
    tr_document_t *document = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_document_parse(name, bytes, length, limit, &document, &error), code);
    assert_null(document);
    assert_int_equal(error.code, code);
    if (!strstr(error.text, part) || !strstr(error.text, name))
        fail_msg("\"%s\" should name %s and say %s", error.text, name, part);
}

static void manual_pages_are_read(void **state) {
    (void)state;
    tr_document_t *document = parse("sail.1",
        ".\\\" A comment\n.de Sp\n.if t .sp .5v\n..\n.TH SAIL 1 2020-01-01 harbour\n.SH NAME\n"
        "sail \\- make a \\fIboat\\fR go\n.SH \"SYNOPSIS AND USE\"\n.B sail\n[\\fB\\-v\\fR]\n.PP\n"
        "It knows \\(lqwind\\(rq\\&; see\n.BR row (1),\nwhich does not.\\\" remark\n.if t only in print\n"
        ".TP\n.BI \\-v \" level\"\nSay more.\n.IP \\(bu 2\nor less\n.nf\ncc  x.c\n  ./x\n.fi\nEnd.\n");
    assert_int_equal(document->format, TR_FORMAT_MAN);
    assert_string_equal(document->title, "SAIL(1)");
    assert_block(document, 0, TR_BLOCK_HEADING, "NAME");
    assert_block(document, 1, TR_BLOCK_PARAGRAPH, "sail - make a boat go");
    assert_block(document, 2, TR_BLOCK_HEADING, "SYNOPSIS AND USE");
    assert_block(document, 3, TR_BLOCK_PARAGRAPH, "sail [-v]");
    assert_block(document, 4, TR_BLOCK_PARAGRAPH, "It knows \"wind\"; see row(1), which does not.");
    assert_block(document, 5, TR_BLOCK_ITEM, "-v level: Say more.");
    assert_block(document, 6, TR_BLOCK_ITEM, "\xe2\x80\xa2: or less");
    assert_block(document, 7, TR_BLOCK_CODE, "cc  x.c\n  ./x");
    assert_block(document, 8, TR_BLOCK_PARAGRAPH, "End.");
    tr_document_destroy(&document);
    document = parse("row.1",
        ".Dd May 1, 2020\n.Dt ROW 1\n.Os\n.Sh NAME\n.Nm row\n.Nd move a boat\n.Sh DESCRIPTION\n"
        ".Nm\nmoves it, or with\n.Fl v\n.Ar level ,\nas in\n.Xr sail 1 .\n.Bl -tag\n.It Fl q Ar how\n"
        "Quietly.\n.El\n");
    assert_string_equal(document->title, "ROW(1)");
    assert_block(document, 1, TR_BLOCK_PARAGRAPH, "row move a boat");
    assert_block(document, 3, TR_BLOCK_PARAGRAPH, "row moves it, or with -v level, as in sail(1).");
    assert_block(document, 4, TR_BLOCK_ITEM, "-q how: Quietly.");
    tr_document_destroy(&document);
}

static void wrapped_lines_become_paragraphs(void **state) {
    (void)state;
    tr_document_t *document =
        parse("notes", "                     A SHORT GUIDE\n                  Version 2, May 2020\n\n"
                       " Copyright (C) 2020 Somebody\n Everyone is permitted to read this short guide, which "
                       "is\n wrapped at sixty columns, by who-\n ever wrote it.\n\n"
                       "1. First Steps\n--------------\n\nIt has parts:\n\n  a) one part that is quite long "
                       "and so it must go on in the\n     next line; and\n  b) another.\n\n"
                       "name     size    colour\nball     3       red\ncube     4       blue\n\n$ cc -o x "
                       "x.c && ./x | wc -l >> y; [ -f y ]\n");
    assert_string_equal(document->title, "A SHORT GUIDE, Version 2, May 2020");
    assert_block(document, 0, TR_BLOCK_HEADING, "A SHORT GUIDE");
    assert_block(document, 1, TR_BLOCK_HEADING, "Version 2, May 2020");
    assert_block(document, 2, TR_BLOCK_PARAGRAPH, "Copyright (C) 2020 Somebody");
    assert_block(document, 3, TR_BLOCK_PARAGRAPH,
        "Everyone is permitted to read this short guide, which is wrapped at sixty columns, by who-ever "
        "wrote it.");
    assert_block(document, 4, TR_BLOCK_HEADING, "1. First Steps");
    assert_block(document, 5, TR_BLOCK_PARAGRAPH, "It has parts:");
    assert_block(document, 6, TR_BLOCK_ITEM,
        "a) one part that is quite long and so it must go on in the next line; and");
    assert_block(document, 7, TR_BLOCK_ITEM, "b) another.");
    assert_int_equal(document->blocks[8].kind, TR_BLOCK_TABLE);
    assert_int_equal(document->blocks[9].kind, TR_BLOCK_CODE);
    assert_int_equal(document->block_count, 10);
    tr_document_destroy(&document);
}

static void a_paragraph_a_line_is_not_joined(void **state) {
    (void)state;
    char text[2048];
    const char *line = "This line is long because whoever wrote it never pressed the key at its end, and so "
                       "each one is a paragraph, one after another, which must not be joined to one.";
    snprintf(text, sizeof text, "Title\n%s\n%s\n", line, line);
    tr_document_t *document = parse("x.txt", text);
    assert_int_equal(document->block_count, 3);
    assert_block(document, 2, TR_BLOCK_PARAGRAPH, line);
    tr_document_destroy(&document);
}

static void manual_pages_lose_their_overstriking(void **state) {
    (void)state;
    tr_document_t *document = parse("page", "N\bNA\bAM\bME\bE\n       l\bls\bs - list _\bd_\bi_\br contents "
                                            "of direc\xE2\x80\x90\n       tories\n\n"
                                            "\x1B[1mDESCRIPTION\x1B[0m\n       Lists things.\n");
    assert_block(document, 0, TR_BLOCK_HEADING, "NAME");
    assert_block(document, 1, TR_BLOCK_PARAGRAPH, "ls - list dir contents of directories");
    assert_block(document, 2, TR_BLOCK_HEADING, "DESCRIPTION");
    assert_block(document, 3, TR_BLOCK_PARAGRAPH, "Lists things.");
    tr_document_destroy(&document);
}

static void markdown_keeps_its_structure(void **state) {
    (void)state;
    tr_document_t *document = parse("README.md",
        "<h1 align=\"center\">My <b>Tool</b></h1>\n\nA *small* tool with\na [link](http://x.y/z) and "
        "`code`.\n\n## Usage\n\n* first\n* second\n\n```sh\nmake\nrun\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n");
    assert_int_equal(document->format, TR_FORMAT_MARKDOWN);
    assert_string_equal(document->title, "My Tool");
    assert_block(document, 0, TR_BLOCK_HEADING, "My Tool");
    assert_block(document, 1, TR_BLOCK_PARAGRAPH, "A small tool with a link and code.");
    assert_block(document, 2, TR_BLOCK_HEADING, "Usage");
    assert_block(document, 3, TR_BLOCK_ITEM, "first");
    assert_block(document, 5, TR_BLOCK_CODE, "make\nrun");
    assert_int_equal(document->blocks[6].kind, TR_BLOCK_TABLE);
    tr_document_destroy(&document);
    document = parse("post.md", "---\ndate: 1\ntitle: \"A Post\"\n---\ntext\n");
    assert_string_equal(document->title, "A Post");
    assert_int_equal(document->block_count, 1);
    tr_document_destroy(&document);
}

static void html_is_what_a_reader_sees(void **state) {
    (void)state;
    tr_document_t *document = parse("page.html",
        "<!DOCTYPE html><html><head><title> The\n Page </title><style>p{}</style></head><body><nav>Home "
        "About</nav>"
        "<h1>Head</h1><p>One <em>two</em>&amp;three<br>four<p>Five<script>alert('x')</script> "
        "six<ul><li>item one<li>item <b>two</b></ul>"
        "<pre>a\n  b</pre><div hidden>no</div><table><tr><td>x<td>y</table><div>loose <p>tight</p> "
        "end</div><!-- no --></body></html>");
    assert_int_equal(document->format, TR_FORMAT_HTML);
    assert_string_equal(document->title, "The Page");
    static const struct {
        tr_block_kind_t kind;
        const char *text;
    } blocks[] = {
        {TR_BLOCK_HEADING, "Head"},
        {TR_BLOCK_PARAGRAPH, "One two&three four"},
        {TR_BLOCK_PARAGRAPH, "Five six"},
        {TR_BLOCK_ITEM, "item one"},
        {TR_BLOCK_ITEM, "item two"},
        {TR_BLOCK_CODE, "a\n  b"},
        {TR_BLOCK_TABLE, "x y"},
        {TR_BLOCK_PARAGRAPH, "loose"},
        {TR_BLOCK_PARAGRAPH, "tight"},
        {TR_BLOCK_PARAGRAPH, "end"},
    };
    assert_int_equal(document->block_count, sizeof blocks / sizeof blocks[0]);
    for (size_t i = 0; i < document->block_count; i++)
        assert_block(document, i, blocks[i].kind, blocks[i].text);
    tr_document_destroy(&document);
}

static void formats_are_sniffed(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
        tr_document_format_t format;
    } cases[] = {
        {"page", "  <!DOCTYPE HTML><p>x", TR_FORMAT_HTML},
        {"page", "<?xml version='1.0'?>\n<html><body>x</body></html>", TR_FORMAT_HTML},
        {"README", "# Head\n\nSee [this](http://x.y).\n", TR_FORMAT_MARKDOWN},
        {"script", "# a comment\necho hello\n", TR_FORMAT_PLAIN},
        {"x.txt", "# Head\n\nSee [this](http://x.y).\n", TR_FORMAT_PLAIN},
        {"a.b/GPL-3", "plain words\n", TR_FORMAT_PLAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tr_document_t *document = parse(cases[i].name, cases[i].text);
        assert_int_equal(document->format, cases[i].format);
        tr_document_destroy(&document);
    }
}

static void encodings_become_utf8(void **state) {
    (void)state;
    tr_document_t *document = parse("old", "Gr\xFC\xDF"
                                           "e aus K\xF6ln, \x93gut\x94 gemacht.");
    assert_string_equal(document->text, "Grüße aus Köln, “gut” gemacht.");
    assert_string_equal(document->encoding, "windows-1252");
    tr_document_destroy(&document);
    const char wide[] = "\xFF\xFEH\0i\0 \0\x3D\xD8\x00\xDE\xFC\0";
    assert_int_equal(tr_document_parse("wide", wide, sizeof wide - 1, 0, &document, NULL), 0);
    assert_string_equal(document->text, "Hi 😀ü");
    assert_string_equal(document->encoding, "utf-16");
    tr_document_destroy(&document);
    document = parse("dos", "\xEF\xBB\xBFone\r\ntwo\r\n\r\nthree\rfour");
    assert_block(document, 0, TR_BLOCK_PARAGRAPH, "one two");
    tr_document_destroy(&document);
}

static void what_is_no_text_is_refused(void **state) {
    (void)state;
    assert_refused("a.bin", "ab\0cd", 5, 0, -EILSEQ, "binary: not a text document");
    assert_refused("b.pdf", "%PDF-1.4 and text", 17, 0, -EILSEQ, "pdftotext");
    assert_refused("c.gz", "\x1F\x8B\x08\x01\x02", 5, 0, -EILSEQ, "gunzip");
    assert_refused("d", "\x01\x02\x03\x04\x05\x06 text", 11, 0, -EILSEQ, "control characters");
    assert_refused("e", "\x81\x8D\xFF\xFE\x90 \x81\x8D", 8, 0, -EILSEQ, "binary");
    assert_refused("f", "", 0, 0, -ENODATA, "empty");
    assert_refused("g.html", "<p> </p>", 8, 0, -ENODATA, "empty");
    assert_refused("h", "0123456789", 10, 9, -EFBIG, "10 bytes, but at most 9");
}

static void hostile_html_costs_nothing(void **state) {
    (void)state;
    size_t size = 512 * 1024;
    char *text = malloc(size + 1);
    static const struct {
        const char *unit;
        int code;
    } cases[] = {
        {"<div>", -E2BIG},
        {"<p><b></x>", -E2BIG},
        {"<svg><style><div>", -E2BIG},
        {"<table><tr><td>", -E2BIG},
        {"<!---->", -ENODATA},
        {"<a b='", -ENODATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t unit = strlen(cases[i].unit);
        size_t whole = size - size % unit;
        for (size_t at = 0; at < whole; at++)
            text[at] = cases[i].unit[at % unit];
        assert_refused("x.html", text, whole, 0, cases[i].code, "x.html");
    }
    /* 300 formatting elements that each of many paragraphs copies: the budget ends it. */
    size_t at = 0;
    for (int i = 0; i < 300; i++)
        at += (size_t)sprintf(text + at, "<b id=%d>", i);
    while (at + 3 < size)
        at += (size_t)sprintf(text + at, "<p>");
    assert_refused("y.html", text, at, 0, -E2BIG, "y.html");
    free(text);
}

/* Damaged bytes of every kind: nothing may crash, and what is accepted is clean UTF-8 within its blocks. */
static void damaged_input_is_survived(void **state) {
    (void)state;
    static const char *const names[] = {"x.html", "x.md", "x", "x.man"};
    static const char *const parts[] = {"<p", "</", ">", "&#x", ";", "<!--", "-->", "<![CDATA[", "\n", "\n\n",
        "# ", "```", "- ", "|", "\t", "[a](", ")", "\xC3", "\xA9", "\xE2\x80", "\xF0\x9F", "word ", "Word. ",
        "<table>", "<td>", "<script>", "===\n", "\b", "\x1B[", "\f", "1. ", "\r", "\n.TH ", "\n.SH ",
        "\n.IP ", "\n.It Fl ", "\n.Xr ", "\\", "\\(", "\\[", "\\*", "\"", "\n.if n ", "\n.de\n"};
    unsigned seed = 12345;
    for (int round = 0; round < 3000; round++) {
        char text[400] = "";
        size_t length = 0;
        for (int i = 0; i < 40; i++) {
            seed = seed * 1103515245u + 12345u;
            const char *part = parts[(seed >> 16) % (sizeof parts / sizeof parts[0])];
            length += (size_t)snprintf(text + length, sizeof text - length, "%s", part);
        }
        tr_document_t *document = NULL;
        if (tr_document_parse(names[round % 4], text, length, 0, &document, NULL) < 0)
            continue;
        size_t end = 0;
        for (size_t i = 0; i < document->block_count; i++) {
            assert_true(document->blocks[i].length > 0 && document->blocks[i].offset >= end);
            end = document->blocks[i].offset + document->blocks[i].length;
        }
        assert_true(end <= document->text_length && document->title[0] != '\0');
        tr_document_destroy(&document);
    }
}

static void assert_load_fails(const char *path, int code, const char *part) {
    tr_document_t *document = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_document_load(path, 0, &document, &error), code);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, part));
}

static void files_are_loaded_or_refused_with_the_reason(void **state) {
    (void)state;
    char folder[] = "/tmp/troupe-text-XXXXXX", path[64], link[64], big[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/NOTES", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(big, sizeof big, "%s/big", folder);
    FILE *file = fopen(path, "w");
    fputs("A title\n\nSome words that follow it here.\n", file);
    fclose(file);
    assert_int_equal(symlink(path, link), 0);
    tr_document_t *document = NULL;
    assert_int_equal(tr_document_load(link, 0, &document, NULL), 0);
    assert_string_equal(document->title, "A title");
    assert_string_equal(document->name, link);
    assert_int_equal(document->bytes, 41);
    tr_document_destroy(&document);
    assert_load_fails(folder, -EISDIR, "directory");
    assert_load_fails("/nonexistent/file", -ENOENT, "No such file");
    assert_load_fails("/dev/zero", -EINVAL, "not a regular file");
    file = fopen(big, "w");
    assert_int_equal(ftruncate(fileno(file), (off_t)TR_DOCUMENT_DEFAULT_LIMIT + 1), 0);
    fclose(file);
    assert_load_fails(big, -EFBIG, "at most 4194304");
    unlink(big);
    unlink(link);
    unlink(path);
    rmdir(folder);
}

static void real_licences_have_their_titles(void **state) {
    (void)state;
    static const struct {
        const char *path, *title;
    } cases[] = {
        {"/usr/share/common-licenses/GPL-3", "GNU General Public License, Version 3, 29 June 2007"},
        {"/usr/share/common-licenses/Apache-2.0", "Apache License, Version 2.0, January 2004"},
        {"/usr/share/common-licenses/MPL-1.1", "Mozilla Public License, Version 1.1"},
        {"/usr/share/common-licenses/BSD", "BSD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (access(cases[i].path, R_OK) < 0)
            skip(); /* not a Debian */
        tr_document_t *document = NULL;
        assert_int_equal(tr_document_load(cases[i].path, 0, &document, NULL), 0);
        assert_string_equal(document->title, cases[i].title);
        tr_document_destroy(&document);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manual_pages_are_read),
        cmocka_unit_test(wrapped_lines_become_paragraphs),
        cmocka_unit_test(a_paragraph_a_line_is_not_joined),
        cmocka_unit_test(manual_pages_lose_their_overstriking),
        cmocka_unit_test(markdown_keeps_its_structure),
        cmocka_unit_test(html_is_what_a_reader_sees),
        cmocka_unit_test(formats_are_sniffed),
        cmocka_unit_test(encodings_become_utf8),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(hostile_html_costs_nothing),
        cmocka_unit_test(damaged_input_is_survived),
        cmocka_unit_test(files_are_loaded_or_refused_with_the_reason),
        cmocka_unit_test(real_licences_have_their_titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
