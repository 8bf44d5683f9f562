/*
 * The text of a PDF, by poppler's pdftotext: a program of its own, because what reads PDFs has been broken often. It gets the file as
 * its stdin and nothing else: no environment, no descriptor, no files but those of programs (confine.h) and no network where the kernel lets us
 * take them away, no more privileges, and limits of time, memory and output. It is killed when it takes too long or this process ends.
 *
 * The thread that starts one must live as long as the process.
 */
#ifndef TR_KBD_PDF_H
#define TR_KBD_PDF_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TR_PDF_SECONDS  30
#define TR_PDF_TEXT_MAX ((size_t)16 << 20)

typedef struct tr_pdf {
    pid_t pid;   /* 0 = none */
    int process; /* pidfd: readable when it has ended */
    int out;     /* a file in memory */
} tr_pdf_t;

/* Whether bytes are those of a PDF. */
bool tr_pdf_is(const void *bytes, size_t len);
/* Starts the program; the bytes are copied. 0; negative with a text: -ENOENT where it is not installed ... */
int tr_pdf_start(tr_pdf_t *self, const void *bytes, size_t len, tr_error_t *error);
/* After `process` was readable: its text (UTF-8, a form feed after each page), to be freed. 0; -EILSEQ with why: not a PDF, encrypted,
 * over a limit; -ENOMEM. It is finished then. */
int tr_pdf_take(tr_pdf_t *self, char **ret_text, size_t *ret_len, tr_error_t *error);
/* Kills it. Idempotent. */
void tr_pdf_finish(tr_pdf_t *self);

#endif
