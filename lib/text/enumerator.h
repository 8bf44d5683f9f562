#ifndef TR_TEXT_ENUMERATOR_H
#define TR_TEXT_ENUMERATOR_H

#include <stddef.h>

/*
 * Length of the bullet, number or letter that begins a list item, with the blanks after it ("- ", "* ",
 * "1. ", "2.1.3 ", "(a) ", "iv) ", "A. "), or 0 where the text begins otherwise.
 */
size_t tr_enumerator_length(const char *text, size_t length);

#endif
