#ifndef TR_TEXT_DOCUMENT_TITLE_H
#define TR_TEXT_DOCUMENT_TITLE_H

#include "lib/text/document.h"

/*
 * The title that a reader would give: `told` (by the source; may be NULL), else the first heading within the
 * first blocks with the version line that follows it, else the file's name. One in capitals is written as the
 * text itself writes it elsewhere. Allocated.
 */
char *tr_document_choose_title(const tr_document_t *document, const char *told, const char *file_name);

#endif
