#ifndef TR_TEXT_HTML_DEPTH_H
#define TR_TEXT_HTML_DEPTH_H

#include <stddef.h>

/*
 * How deep the elements of an HTML text nest, at least as deep as a parser would make them: a lexical count
 * that closes an element only for its own end tag. Stops beyond `enough`, so the answer is enough + 1 at
 * most. The text is NUL-terminated.
 */
size_t tr_html_depth(const char *text, size_t length, size_t enough);

#endif
