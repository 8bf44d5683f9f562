#ifndef TR_TEXT_SENTENCE_H
#define TR_TEXT_SENTENCE_H

#include <stddef.h>

#include "agentd/text/language.h"

/*
 * The length of the first sentence of a text, blanks after it not counted; the whole text where no sentence
 * ends in it. `language` tells which words, written with a capital after "Inc." or "etc.", must begin a
 * sentence.
 */
size_t tr_sentence_length(const char *text, size_t length, tr_language_t language);

#endif
