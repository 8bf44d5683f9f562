#include "lib/yaml/yaml_check.h"

#include "lib/yaml/yaml_table.h"

#include <errno.h>

typedef struct check {
    size_t depth, anchors, documents;
} check_t;

int tr_yaml_parser_error(const yaml_parser_t *parser, const char *file, tr_error_t *error) {
    if (parser->error == YAML_MEMORY_ERROR)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", file);
    /* The reader (encoding, control characters) has no mark of its own for the problem. */
    const yaml_mark_t *mark = parser->error == YAML_READER_ERROR ? &parser->mark : &parser->problem_mark;
    return tr_error_set(error, -EINVAL, "%s:%zu:%zu: this is not YAML: %s", file, mark->line + 1,
        mark->column + 1, parser->problem ? parser->problem : "the parser gave up");
}

static const char *check_event(check_t *self, const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++self->documents > 1)
            return "a second document begins here; expected one document in a file";
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        self->depth++;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        self->depth++;
        break;
    case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor; break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: self->depth--; break;
    default: break;
    }
    if (self->depth > TR_YAML_DEPTH_MAX)
        return "nested too deep; expected at most 20 levels";
    if (anchor && ++self->anchors > TR_YAML_ANCHORS_MAX)
        return "too many anchors; expected at most 100";
    return NULL;
}

static int check_all(yaml_parser_t *parser, const char *file, tr_error_t *error) {
    check_t check = {0};
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return tr_yaml_parser_error(parser, file, error);
        end = event.type == YAML_STREAM_END_EVENT;
        const char *problem = check_event(&check, &event);
        yaml_mark_t mark = event.start_mark;
        yaml_event_delete(&event);
        if (problem)
            return tr_error_set(
                error, -EINVAL, "%s:%zu:%zu: %s", file, mark.line + 1, mark.column + 1, problem);
    }
    return 0;
}

_Static_assert(TR_YAML_DEPTH_MAX == 20 && TR_YAML_ANCHORS_MAX == 100, "the texts above say so");

int tr_yaml_check(const char *bytes, size_t len, size_t most, const char *file, tr_error_t *error) {
    if (len > most)
        return tr_error_set(error, -E2BIG, "%s: too large; expected at most %zu MiB", file, most >> 20);
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return tr_error_set(error, -ENOMEM, "%s: out of memory", file);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
    int rc = check_all(&parser, file, error);
    yaml_parser_delete(&parser);
    return rc;
}
