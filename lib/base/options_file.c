/*
 * The configuration file: YAML, one flat mapping. It is read by libyaml's events, so that every error has its
 * line; anything richer than `key: value` and `key: [value, ...]` is refused by name.
 */
#include "lib/base/options_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define FILE_BYTES_MAX (256 * 1024)

typedef struct reader {
    tr_options_t *options;
    const char *path;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    bool *seen; /* one for each option */
    char place[200];
    tr_error_t *error;
} reader_t;

/* The next event in self->event. */
static int next(reader_t *self) {
    if (self->has_event)
        yaml_event_delete(&self->event);
    self->has_event = yaml_parser_parse(&self->parser, &self->event) != 0;
    if (self->has_event)
        return 0;
    const char *problem = self->parser.problem ? self->parser.problem : "it cannot be read";
    return tr_error_set(self->error, -EINVAL, "%s:%zu: not YAML: %s", self->path,
        self->parser.problem_mark.line + 1, problem);
}

static const char *what(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT: return "a list";
    case YAML_MAPPING_START_EVENT: return "a mapping";
    case YAML_SCALAR_EVENT: return "a value";
    case YAML_ALIAS_EVENT: return "an alias (*name)";
    default: return "nothing";
    }
}

static size_t line_of(const yaml_event_t *event) {
    return event->start_mark.line + 1;
}

static const char *text_of(const yaml_event_t *event) {
    return (const char *)event->data.scalar.value;
}

/* `key:` and `key: ~` and `key: null` say nothing. */
static bool is_null(const yaml_event_t *event) {
    const char *text = text_of(event);
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    return *text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static int fail_expected(reader_t *self, const tr_option_t *option) {
    const char *metavar = option->metavar ? option->metavar : "true or false";
    bool nothing = self->event.type == YAML_SCALAR_EVENT;
    return tr_error_set(self->error, -EINVAL, "%s: expected %s%s, found %s", self->place, metavar,
        option->type == TR_OPTION_LIST ? " or a list of it" : "", nothing ? "nothing" : what(&self->event));
}

/* The scalar of the current event as a value of `option`. */
static int set_scalar(reader_t *self, const tr_option_t *option) {
    if (self->event.type != YAML_SCALAR_EVENT || is_null(&self->event))
        return fail_expected(self, option);
    const char *text = text_of(&self->event);
    if (strlen(text) != self->event.data.scalar.length)
        return tr_error_set(self->error, -EINVAL, "%s: the value has a NUL character", self->place);
    int rc = options_set(self->options, option, TR_SOURCE_FILE, text, self->error);
    if (rc)
        tr_error_prefix(self->error, "%s", self->place);
    return rc;
}

static int set_sequence(reader_t *self, const tr_option_t *option) {
    int rc = options_set_empty(self->options, option, TR_SOURCE_FILE);
    while (rc == 0) {
        rc = next(self);
        if (rc || self->event.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        snprintf(
            self->place, sizeof self->place, "%s:%zu: %s", self->path, line_of(&self->event), option->name);
        rc = set_scalar(self, option);
    }
    return rc;
}

/* The option that a key names; NULL with the error set. */
static const tr_option_t *find_key(reader_t *self) {
    const tr_program_t *program = self->options->program;
    const char *key = text_of(&self->event);
    char room[96];
    snprintf(self->place, sizeof self->place, "%s:%zu: %.60s", self->path, line_of(&self->event), key);
    const tr_option_t *option = options_find(program, key, strlen(key));
    if (option && (option->flags & TR_OPTION_FLAG_ONLY)) {
        tr_error_set(
            self->error, -EINVAL, "%s: cannot stand in a file: give --%s", self->place, option->name);
        return NULL;
    }
    if (!option) {
        const char *near = options_nearest(program, key, false, room, sizeof room);
        tr_error_set(self->error, -EINVAL, near ? "%s: unknown key; did you mean %s?" : "%s: unknown key%s",
            self->place, near ? near : "");
        return NULL;
    }
    bool *seen = &self->seen[option - program->options];
    if (*seen) {
        tr_error_set(self->error, -EINVAL, "%s: the key is given twice", self->place);
        return NULL;
    }
    *seen = true;
    return option;
}

static int read_pair(reader_t *self) {
    if (self->event.type != YAML_SCALAR_EVENT)
        return tr_error_set(self->error, -EINVAL, "%s:%zu: expected a key, found %s", self->path,
            line_of(&self->event), what(&self->event));
    const tr_option_t *option = find_key(self);
    if (!option)
        return -EINVAL;
    int rc = next(self);
    if (rc)
        return rc;
    if (option->type == TR_OPTION_LIST && self->event.type == YAML_SEQUENCE_START_EVENT)
        return set_sequence(self, option);
    return set_scalar(self, option);
}

static int read_mapping(reader_t *self) {
    for (;;) {
        int rc = next(self);
        if (rc || self->event.type == YAML_MAPPING_END_EVENT)
            return rc;
        rc = read_pair(self);
        if (rc)
            return rc;
    }
}

/* Stream start, at most one document whose root is a mapping, stream end. */
static int read_stream(reader_t *self) {
    int rc = next(self);
    if (rc == 0)
        rc = next(self);
    if (rc || self->event.type == YAML_STREAM_END_EVENT)
        return rc;
    rc = next(self);
    if (rc)
        return rc;
    if (self->event.type == YAML_MAPPING_START_EVENT)
        rc = read_mapping(self);
    else if (self->event.type != YAML_SCALAR_EVENT || !is_null(&self->event))
        return tr_error_set(self->error, -EINVAL, "%s:%zu: expected lines of `key: value`, found %s",
            self->path, line_of(&self->event), what(&self->event));
    if (rc == 0)
        rc = next(self);
    if (rc == 0)
        rc = next(self);
    if (rc == 0 && self->event.type != YAML_STREAM_END_EVENT)
        return tr_error_set(self->error, -EINVAL, "%s:%zu: a second document: expected one", self->path,
            line_of(&self->event));
    return rc;
}

/* Devices and pipes would block, or not end. */
static int load(const char *path, char **ret_bytes, size_t *ret_len, tr_error_t *error) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return tr_error_set(error, -errno, "cannot read %s: %s", path, strerror(errno));
    int rc = fstat(fd, &info) == 0 ? 0 : -errno;
    if (rc == 0 && !S_ISREG(info.st_mode))
        rc = tr_error_set(error, -EINVAL, "cannot read %s: it is not a file", path);
    else if (rc == 0 && info.st_size > FILE_BYTES_MAX)
        rc = tr_error_set(error, -EFBIG, "cannot read %s: a configuration has at most 256 KiB", path);
    char *bytes = rc == 0 ? malloc((size_t)info.st_size + 1) : NULL;
    ssize_t n = bytes ? pread(fd, bytes, (size_t)info.st_size, 0) : -1;
    if (rc == 0 && n < 0)
        rc = tr_error_set(error, bytes ? -errno : -ENOMEM, "cannot read %s: %s", path,
            bytes ? strerror(errno) : "out of memory");
    close(fd);
    if (rc) {
        free(bytes);
        return rc;
    }
    *ret_bytes = bytes;
    *ret_len = (size_t)n;
    return 0;
}

int options_read_file(tr_options_t *self, const char *path, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    int rc = load(path, &bytes, &len, error);
    if (rc)
        return rc;
    reader_t reader = {.options = self, .path = path, .error = error};
    reader.seen = calloc(self->program->option_count + 1, sizeof *reader.seen);
    if (!reader.seen || !yaml_parser_initialize(&reader.parser))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    else {
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, len);
        rc = read_stream(&reader);
        if (reader.has_event)
            yaml_event_delete(&reader.event);
        yaml_parser_delete(&reader.parser);
    }
    free(reader.seen);
    free(bytes);
    return rc;
}
