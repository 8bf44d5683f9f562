/* Recordings and images, as far as they have to be understood here. Every size that stands in one is checked against the bytes that are there. */
#include "agentd/mind/senses.h"

#include <stdlib.h>
#include <string.h>

#define RATE 16000u

typedef struct {
    const char *kind;
    size_t at;
    const char *bytes;
    size_t length;
} mark_t;

static const mark_t sounds[] = {{"wav", 8, "WAVE", 4}, {"ogg", 0, "OggS", 4}, {"flac", 0, "fLaC", 4},
    {"webm", 0, "\x1a\x45\xdf\xa3", 4}, {"mp4", 4, "ftyp", 4}, {"mp3", 0, "ID3", 3},
    {"mp3", 0, "\xff\xfb", 2}, {"mp3", 0, "\xff\xf3", 2}};

const char *tr_sound_kind(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++) {
        const mark_t *m = &sounds[i];
        if (length >= m->at + m->length && memcmp(bytes + m->at, m->bytes, m->length) == 0)
            return m->kind;
    }
    return NULL;
}

static uint32_t little(const uint8_t *p, size_t bytes) {
    uint32_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n |= (uint32_t)p[i] << (8 * i);
    return n;
}

static void put_little(uint8_t *p, uint32_t n) {
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(n >> (8 * i));
}

static uint32_t big(const uint8_t *p, size_t bytes) {
    uint32_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return n;
}

/* ---- WAV ---- */

typedef struct {
    uint32_t format, channels, rate, bits;
    size_t at, length; /* of the samples */
} wave_t;

/* Where the body of a chunk is, of as many bytes as there are; 0 = there is none. */
static size_t find_chunk(const uint8_t *bytes, size_t length, const char *name, size_t *ret_length) {
    for (size_t at = 12; at + 8 <= length;) {
        size_t said = little(bytes + at + 4, 4), left = length - at - 8;
        size_t there = said < left ? said : left;
        if (memcmp(bytes + at, name, 4) == 0) {
            *ret_length = there;
            return at + 8;
        }
        at += 8 + there + (there & 1);
    }
    return 0;
}

static bool read_wave(const uint8_t *bytes, size_t length, wave_t *ret) {
    size_t size = 0;
    if (length < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return false;
    size_t at = find_chunk(bytes, length, "fmt ", &size);
    if (!at || size < 16)
        return false;
    *ret = (wave_t){.format = little(bytes + at, 2),
        .channels = little(bytes + at + 2, 2),
        .rate = little(bytes + at + 4, 4),
        .bits = little(bytes + at + 14, 2)};
    ret->at = find_chunk(bytes, length, "data", &ret->length);
    return ret->at > 0;
}

void tr_sound_mend(uint8_t *bytes, size_t length) {
    wave_t wave;
    if (length > UINT32_MAX || !read_wave(bytes, length, &wave))
        return;
    put_little(bytes + 4, (uint32_t)(length - 8));
    put_little(bytes + wave.at - 4, (uint32_t)(length - wave.at));
}

/* The mean of the channels. */
static int32_t sample_at(const uint8_t *samples, uint32_t channels, size_t frame) {
    int32_t sum = 0;
    for (uint32_t c = 0; c < channels; c++)
        sum += (int16_t)(uint16_t)little(samples + 2 * (frame * channels + c), 2);
    return sum / (int32_t)channels;
}

static const char *wrong_wave(const uint8_t *bytes, size_t length, wave_t *ret) {
    if (!read_wave(bytes, length, ret))
        return "expected a WAV with a header and samples";
    if ((ret->format != 1 && ret->format != 0xfffe) || ret->bits != 16)
        return "expected samples of 16 bits (PCM)";
    if (ret->channels < 1 || ret->channels > 8 || ret->rate < 4000 || ret->rate > 192000)
        return "expected 1 to 8 channels and 4000 to 192000 samples a second";
    return ret->length < 2 * (size_t)ret->channels ? "there is no sample in it" : NULL;
}

/* Between two samples it is a line: good enough for speech. */
uint8_t *tr_sound_plain(const uint8_t *bytes, size_t length, size_t *ret_length, const char **ret_why) {
    wave_t wave;
    *ret_why = wrong_wave(bytes, length, &wave);
    if (*ret_why)
        return NULL;
    const uint8_t *samples = bytes + wave.at;
    size_t frames = wave.length / (2 * (size_t)wave.channels);
    size_t count = (size_t)((uint64_t)frames * RATE / wave.rate);
    uint8_t *out = malloc(2 * count + 2);
    *ret_why = out ? NULL : "out of memory";
    for (size_t i = 0; out && i < count; i++) {
        uint64_t place = (uint64_t)i * wave.rate;
        size_t frame = (size_t)(place / RATE), next = frame + 1 < frames ? frame + 1 : frame;
        int32_t a = sample_at(samples, wave.channels, frame), b = sample_at(samples, wave.channels, next);
        int32_t mixed = a + (int32_t)((int64_t)(b - a) * (int64_t)(place % RATE) / RATE);
        out[2 * i] = (uint8_t)mixed;
        out[2 * i + 1] = (uint8_t)(mixed >> 8);
    }
    *ret_length = 2 * count;
    return out;
}

/* ---- images ---- */

/* The frame header of a JPEG says how large it is. */
static bool read_jpeg(const uint8_t *bytes, size_t length, uint32_t *ret_width, uint32_t *ret_height) {
    for (size_t at = 2; at + 9 <= length;) {
        uint8_t kind = bytes[at + 1];
        if (bytes[at] != 0xff)
            return false;
        if (kind == 0xff) { /* padding */
            at++;
            continue;
        }
        if (kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 && kind != 0xcc) {
            *ret_height = big(bytes + at + 5, 2);
            *ret_width = big(bytes + at + 7, 2);
            return *ret_width > 0 && *ret_height > 0;
        }
        size_t size = big(bytes + at + 2, 2);
        if (size < 2)
            return false;
        at += 2 + size;
    }
    return false;
}

const char *tr_image_kind(const uint8_t *bytes, size_t length, uint32_t *ret_width, uint32_t *ret_height) {
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (length >= 24 && memcmp(bytes, png, sizeof png) == 0 && memcmp(bytes + 12, "IHDR", 4) == 0) {
        *ret_width = big(bytes + 16, 4);
        *ret_height = big(bytes + 20, 4);
        return *ret_width > 0 && *ret_height > 0 ? "png" : NULL;
    }
    if (length >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8 &&
        read_jpeg(bytes, length, ret_width, ret_height))
        return "jpeg";
    return NULL;
}
