/*
 * The built-in mind's ears, voice and eyes: programs of others (pocketsphinx, espeak-ng, tesseract, ffmpeg), each call in a room of its own (troupe-sandbox: no
 * network, no files but the system's, limits on time and memory), since what they read was written by others. None of them is part of Troupe: where one is not
 * there, the call says which package has it.
 *
 * A call has a thread, which waits for its program and signals an event when it is done; its owner takes the results with
 * tr_senses_take. Threads: all functions belong to the owner's.
 */
#ifndef TR_AGENTD_MIND_SENSES_H
#define TR_AGENTD_MIND_SENSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_SENSES_MOST       4                          /* calls at once */
#define TR_SENSES_INPUT_MAX  ((size_t)8 * 1024 * 1024)  /* bytes of a recording, of an image */
#define TR_SENSES_OUTPUT_MAX ((size_t)16 * 1024 * 1024) /* bytes of what a program may write */
#define TR_SENSES_TIME_MS    180000                     /* of a busy machine; of a processor it is 60 s */

typedef struct tr_senses tr_senses_t;

typedef struct tr_sense_call {
    const char *const
        *command;        /* an absolute path and its arguments, 38 at most, NULL at the end: constants */
    const char *package; /* Debian's, which has it: a constant */
    void *input;         /* of malloc; taken over, also on failure */
    size_t length;
    void *
        arg; /* of malloc: the caller's again with the result, freed by tr_senses_destroy where there is none */
} tr_sense_call_t;

typedef struct tr_sense_result {
    void *arg;
    char *
        output; /* with a NUL behind it, "" where it wrote nothing; the caller frees it. NULL = it failed, and detail says why */
    size_t length;
    char detail[400];
} tr_sense_result_t;

/* event: an eventfd, borrowed, that is signalled when there is a result. NULL when out of memory. */
tr_senses_t *tr_senses_new(int event);
/* Kills what runs. NULL-safe. */
void tr_senses_destroy(tr_senses_t **self);
/* 0, or negative with why not in detail (of 400 bytes): -ENOENT (the program is not there), -ENOTSUP (the room is not), -EBUSY, -ENOMEM. */
int tr_senses_start(tr_senses_t *self, const tr_sense_call_t *call, char detail[400]);
/* Whether there was one. */
bool tr_senses_take(tr_senses_t *self, tr_sense_result_t *ret_result);

/* ---- what is heard and seen ---- */

/* "wav", "mp3", "ogg", "flac", "webm", "mp4"; NULL = none of these. */
const char *tr_sound_kind(const uint8_t *bytes, size_t length);
/* Of a WAV of 16 bits: one channel, 16000 samples a second, as many bytes. NULL, with why in detail, where it is none; the caller frees it. */
uint8_t *tr_sound_plain(const uint8_t *bytes, size_t length, size_t *ret_length, const char **ret_why);
/* A program that writes to a pipe does not know how long it will be: puts that right in its header. */
void tr_sound_mend(uint8_t *bytes, size_t length);
/* "png", "jpeg" and how large; NULL = none of these. */
const char *tr_image_kind(const uint8_t *bytes, size_t length, uint32_t *ret_width, uint32_t *ret_height);

#endif
