#include "tools/cli/output_yaml.h"

#include "tools/cli/terminal_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

/* Texts that some YAML reader takes for something else are quoted; plain ones begin with a letter. */
static bool is_plain(const char *text) {
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", NULL};
    if (!isalpha((unsigned char)text[0]))
        return false;
    for (size_t i = 0; words[i]; i++) {
        if (strcasecmp(words[i], text) == 0)
            return false;
    }
    return true;
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style) {
    yaml_event_t event;
    return yaml_scalar_event_initialize(
               &event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, style) &&
           yaml_emitter_emit(emitter, &event);
}

static bool emit_text(yaml_emitter_t *emitter, const char *text) {
    return emit_scalar(
        emitter, text, is_plain(text) ? YAML_ANY_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool emit(yaml_emitter_t *emitter, const json_t *value);

static bool emit_list(yaml_emitter_t *emitter, const json_t *list) {
    yaml_event_t event;
    if (!yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_ANY_SEQUENCE_STYLE) ||
        !yaml_emitter_emit(emitter, &event))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!emit(emitter, json_array_get(list, i)))
            return false;
    }
    return yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_mapping(yaml_emitter_t *emitter, const json_t *object) {
    yaml_event_t event;
    if (!yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_ANY_MAPPING_STYLE) ||
        !yaml_emitter_emit(emitter, &event))
        return false;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (!emit_text(emitter, key) || !emit(emitter, value))
            return false;
    }
    return yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit(yaml_emitter_t *emitter, const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_ARRAY: return emit_list(emitter, value);
    case JSON_OBJECT: return emit_mapping(emitter, value);
    case JSON_STRING: return emit_text(emitter, json_string_value(value));
    default: break;
    }
    /* Numbers and words are the same in both languages. */
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    bool ok = text && emit_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);
    free(text);
    return ok;
}

static int write_yaml(const json_t *value, bool document, FILE *out) {
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter))
        return -ENOMEM;
    yaml_emitter_set_output_file(&emitter, out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    yaml_event_t event;
    bool ok = yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
              yaml_emitter_emit(&emitter, &event) &&
              yaml_document_start_event_initialize(&event, NULL, NULL, NULL, !document) &&
              yaml_emitter_emit(&emitter, &event) && emit(&emitter, value) &&
              yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(&emitter, &event) &&
              yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(&emitter, &event) &&
              yaml_emitter_flush(&emitter);
    int rc = ok ? 0 : emitter.error == YAML_MEMORY_ERROR ? -ENOMEM : -EIO;
    yaml_emitter_delete(&emitter);
    return rc;
}

/* libyaml escapes control characters, but not all that a terminal must not be shown. */
int tr_output_yaml(const json_t *value, bool document, FILE *out) {
    char *text = NULL;
    size_t len = 0;
    if (!isatty(fileno(out)))
        return write_yaml(value, document, out);
    FILE *memory = open_memstream(&text, &len);
    int rc = memory ? write_yaml(value, document, memory) : -ENOMEM;
    if (memory && fclose(memory) != 0 && rc == 0)
        rc = -ENOMEM;
    if (rc == 0)
        tr_terminal_print(out, text, len);
    free(text);
    return rc;
}
