#include "agentd/mind/senses_convert.h"

#include <string.h>

#define PROGRAM "/usr/bin/ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error"
/* An MP4 is read to and fro: what came through the pipe is kept in /tmp meanwhile, which is the room's own. */
#define DECODE(container)                                                                                    \
    {                                                                                                        \
        PROGRAM, "-protocol_whitelist", "cache,pipe", "-f", container, "-i", "cache:pipe:0", "-map",         \
            "0:a:0", "-t", "480", "-ac", "1", "-ar", "16000", "-f", "s16le", "pipe:1", NULL                  \
    }
#define ENCODE(...)                                                                                          \
    { PROGRAM, "-protocol_whitelist", "pipe", "-f", "wav", "-i", "pipe:0", __VA_ARGS__, "pipe:1", NULL }

static const struct {
    const char *kind;
    const char *command[26];
} decoders[] = {
    {"ogg", DECODE("ogg")},
    {"webm", DECODE("matroska")},
    {"mp4", DECODE("mov")},
    {"mp3", DECODE("mp3")},
    {"flac", DECODE("flac")},
};

static const struct {
    const char *format, *type;
    const char *command[20];
} encoders[] = {
    {"mp3", "audio/mpeg", ENCODE("-b:a", "64k", "-f", "mp3")},
    {"opus", "audio/ogg", ENCODE("-c:a", "libopus", "-b:a", "32k", "-f", "ogg")},
    {"aac", "audio/aac", ENCODE("-b:a", "64k", "-f", "adts")},
    {"flac", "audio/flac", ENCODE("-f", "flac")},
    {"pcm", "audio/pcm", ENCODE("-ac", "1", "-ar", "24000", "-f", "s16le")},
};

const char *const *tr_sense_decoder(const char *kind) {
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (strcmp(decoders[i].kind, kind) == 0)
            return decoders[i].command;
    return NULL;
}

const char *const *tr_sense_encoder(const char *format, const char **ret_type) {
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++)
        if (strcmp(encoders[i].format, format) == 0) {
            *ret_type = encoders[i].type;
            return encoders[i].command;
        }
    return NULL;
}
