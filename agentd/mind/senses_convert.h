/*
 * Sound in other clothes: ffmpeg as a program apart (senses.h), which is no part of Troupe. It is told what it is given, so that it does not guess (a list that
 * names other files is none of these), and may read nothing but its input.
 */
#ifndef TR_AGENTD_MIND_SENSES_CONVERT_H
#define TR_AGENTD_MIND_SENSES_CONVERT_H

#include <stddef.h>

#define TR_SENSE_CONVERTER "ffmpeg"      /* Debian's package */
#define TR_SENSE_HEARD_MAX ((size_t)480) /* seconds of a recording that are made plain */
#define TR_SENSE_PLAIN_MAX (TR_SENSE_HEARD_MAX * 16000 * sizeof(short)) /* bytes of so many */

/* What makes a recording of that kind (tr_sound_kind) plain: one channel, 16000 samples of 16 bits a second. NULL = there is none. */
const char *const *tr_sense_decoder(const char *kind);
/* What makes a WAV that format ("mp3", "opus", "aac", "flac", "pcm": 24000 samples of 16 bits a second), and its media type. NULL = there is none. */
const char *const *tr_sense_encoder(const char *format, const char **ret_type);

#endif
