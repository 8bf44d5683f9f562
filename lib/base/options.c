/*
 * Every source sets slots, not the caller's struct: the sources may then come in any order (flags first,
 * since they name the file), and the struct is written only when all of them were right.
 */
#include "lib/base/options_private.h"

#include "lib/base/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const no_strings[] = {NULL};

static void strings_free(char ***items, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        free((*items)[i]);
    free(*items);
    *items = NULL;
    *count = 0;
}

int strings_append(char ***items, size_t *count, const char *text) {
    char **grown = realloc(*items, (*count + 2) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    *items = grown;
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    grown[(*count)++] = copy;
    grown[*count] = NULL;
    return 0;
}

void tr_options_destroy(tr_options_t **self) {
    tr_options_t *options = *self;
    if (!options)
        return;
    for (size_t i = 0; options->slots && i < options->program->option_count; i++) {
        free(options->slots[i].text);
        strings_free(&options->slots[i].items, &options->slots[i].count);
    }
    free(options->slots);
    free(options->file);
    strings_free(&options->arguments, &options->argument_count);
    free(options);
    *self = NULL;
}

static tr_options_t *options_new(const tr_program_t *program) {
    tr_options_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->program = program;
    self->slots = calloc(program->option_count + 1, sizeof *self->slots);
    if (!self->slots)
        tr_options_destroy(&self);
    return self;
}

const tr_option_t *options_find(const tr_program_t *program, const char *name, size_t len) {
    for (size_t i = 0; i < program->option_count; i++)
        if (strlen(program->options[i].name) == len && memcmp(program->options[i].name, name, len) == 0)
            return &program->options[i];
    return NULL;
}

static size_t add_names(const tr_program_t *program, bool flags, bool negated, const char **list) {
    size_t n = 0;
    for (size_t i = 0; i < program->option_count; i++) {
        const tr_option_t *option = &program->options[i];
        bool fits = flags || !(option->flags & TR_OPTION_FLAG_ONLY);
        if (!(option->flags & TR_OPTION_HIDDEN) && fits && (!negated || option->type == TR_OPTION_BOOL))
            list[n++] = option->name;
    }
    if (flags && !negated) {
        list[n++] = "help";
        list[n++] = "version";
        if (program->has_file)
            list[n++] = "config";
    }
    return n;
}

const char *options_nearest(
    const tr_program_t *program, const char *name, bool flags, char *room, size_t room_len) {
    const char **list = calloc(program->option_count + 4, sizeof *list);
    if (!list)
        return NULL;
    bool negated = flags && strncmp(name, "no-", 3) == 0;
    size_t n = add_names(program, flags, negated, list);
    list[n] = NULL;
    const char *near = tr_suggest(negated ? name + 3 : name, list);
    if (near)
        snprintf(room, room_len, "%s%s", negated ? "no-" : "", near);
    free(list);
    return near ? room : NULL;
}

/* --- values --------------------------------------------------------------------------------------------- */

static int check_size(const tr_option_t *option, size_t value, tr_error_t *error) {
    size_t most = option->max > 0 ? (size_t)option->max : SIZE_MAX;
    if (value >= (size_t)option->min && value <= most)
        return 0;
    if (option->max > 0)
        return tr_error_set(error, -ERANGE,
            "%zu bytes is out of range: expected %" PRId64 " to %" PRId64 " bytes", value, option->min,
            option->max);
    return tr_error_set(
        error, -ERANGE, "%zu bytes is too small: expected at least %" PRId64, value, option->min);
}

static int check_duration(const tr_option_t *option, int64_t value, tr_error_t *error) {
    int64_t most = option->max > 0 ? option->max : INT64_MAX;
    if (value >= option->min && value <= most)
        return 0;
    if (option->max > 0)
        return tr_error_set(error, -ERANGE,
            "%" PRId64 "ms is out of range: expected %" PRId64 "ms to %" PRId64 "ms", value, option->min,
            option->max);
    return tr_error_set(
        error, -ERANGE, "%" PRId64 "ms is too short: expected at least %" PRId64 "ms", value, option->min);
}

static int parse_limited_int(
    const tr_option_t *option, const char *text, int64_t *ret_value, tr_error_t *error) {
    bool free_range = option->min == 0 && option->max == 0, no_upper = option->max == 0 && option->min > 0;
    return tr_parse_int(text, free_range ? INT64_MIN : option->min,
        free_range || no_upper ? INT64_MAX : option->max, ret_value, error);
}

/* Into a fresh slot. */
static int parse_value(const tr_option_t *option, const char *text, slot_t *slot, tr_error_t *error) {
    int rc = 0;
    switch (option->type) {
    case TR_OPTION_BOOL: return tr_parse_bool(text, &slot->truth, error);
    case TR_OPTION_INT: return parse_limited_int(option, text, &slot->number, error);
    case TR_OPTION_WORD: return tr_parse_word(text, option->words, &slot->word, error);
    case TR_OPTION_SIZE:
        rc = tr_parse_size(text, &slot->size, error);
        return rc ? rc : check_size(option, slot->size, error);
    case TR_OPTION_DURATION:
        rc = tr_parse_duration(text, &slot->number, error);
        return rc ? rc : check_duration(option, slot->number, error);
    case TR_OPTION_STRING:
    case TR_OPTION_LIST: break;
    }
    slot->text = strdup(text);
    return slot->text ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

/* Takes the list of a lower source away. */
static void begin_list(slot_t *slot, tr_option_source_t source) {
    if (!slot->set || slot->source != source)
        strings_free(&slot->items, &slot->count);
    slot->set = true;
    slot->source = source;
}

int options_set_empty(tr_options_t *self, const tr_option_t *option, tr_option_source_t source) {
    slot_t *slot = &self->slots[option - self->program->options];
    if (!slot->set || source >= slot->source)
        begin_list(slot, source);
    return 0;
}

static int append_item(
    slot_t *slot, const tr_option_t *option, tr_option_source_t source, const char *text, tr_error_t *error) {
    begin_list(slot, source);
    if (option->max > 0 && slot->count >= (size_t)option->max)
        return tr_error_set(error, -ERANGE, "too many: expected at most %" PRId64, option->max);
    int rc = strings_append(&slot->items, &slot->count, text);
    return rc ? tr_error_set(error, rc, "out of memory") : 0;
}

int options_set(tr_options_t *self, const tr_option_t *option, tr_option_source_t source, const char *text,
    tr_error_t *error) {
    slot_t *slot = &self->slots[option - self->program->options];
    bool lower = slot->set && source < slot->source;
    if (option->type == TR_OPTION_LIST)
        return lower ? 0 : append_item(slot, option, source, text, error);
    slot_t fresh = {.set = true, .source = source, .word = -1};
    int rc = parse_value(option, text, &fresh, error);
    if (rc && (option->flags & TR_OPTION_SECRET))
        tr_error_set(error, rc, "the value is not valid (not shown, as it is a secret)");
    if (rc || lower) {
        free(fresh.text);
        return rc;
    }
    free(slot->text);
    *slot = fresh;
    return 0;
}

/* --- sources -------------------------------------------------------------------------------------------- */

/* "TROUPE_BROKER" and "mailbox-limit" -> "TROUPE_BROKER_MAILBOX_LIMIT". */
static const char *variable_of(const tr_program_t *program, const char *name, char *room, size_t room_len) {
    int n = snprintf(room, room_len, "%s_%s", program->env_prefix, name);
    if (n < 0 || (size_t)n >= room_len)
        return NULL;
    for (char *at = room + strlen(program->env_prefix); *at; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    const char *value = getenv(room);
    return value && *value ? value : NULL;
}

/* A value with commas between its items. */
static int set_items(tr_options_t *self, const tr_option_t *option, tr_option_source_t source,
    const char *text, tr_error_t *error) {
    char *copy = strdup(text), *rest = copy;
    int rc = copy ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    while (rc == 0 && rest) {
        char *item = strsep(&rest, ",");
        if (*item)
            rc = options_set(self, option, source, item, error);
    }
    free(copy);
    return rc;
}

static int set_text(tr_options_t *self, const tr_option_t *option, tr_option_source_t source,
    const char *text, tr_error_t *error) {
    if (option->type == TR_OPTION_LIST)
        return set_items(self, option, source, text, error);
    return options_set(self, option, source, text, error);
}

static int read_environment(tr_options_t *self, tr_error_t *error) {
    const tr_program_t *program = self->program;
    char name[256];
    for (size_t i = 0; program->env_prefix && i < program->option_count; i++) {
        const tr_option_t *option = &program->options[i];
        if (option->flags & TR_OPTION_FLAG_ONLY)
            continue;
        const char *text = variable_of(program, option->name, name, sizeof name);
        int rc = text ? set_text(self, option, TR_SOURCE_ENVIRONMENT, text, error) : 0;
        if (rc) {
            tr_error_prefix(error, "%s", name);
            return rc;
        }
    }
    return 0;
}

static int read_defaults(tr_options_t *self, tr_error_t *error) {
    for (size_t i = 0; i < self->program->option_count; i++) {
        const tr_option_t *option = &self->program->options[i];
        if (self->slots[i].set)
            continue;
        if (option->flags & TR_OPTION_REQUIRED)
            return tr_error_set(error, -EINVAL, "--%s is missing: give --%s %s", option->name, option->name,
                option->metavar ? option->metavar : "");
        self->slots[i].word = -1;
        int rc = option->initial ? set_text(self, option, TR_SOURCE_DEFAULT, option->initial, error) : 0;
        if (rc) {
            tr_error_prefix(error, "default of --%s", option->name);
            return rc;
        }
    }
    return 0;
}

/* --config, else PREFIX_CONFIG, else no file. */
static int read_file(tr_options_t *self, tr_error_t *error) {
    char name[256];
    if (!self->program->has_file)
        return 0;
    if (!self->file && self->program->env_prefix) {
        const char *path = variable_of(self->program, "config", name, sizeof name);
        self->file = path ? strdup(path) : NULL;
        if (path && !self->file)
            return tr_error_set(error, -ENOMEM, "out of memory");
    }
    return self->file ? options_read_file(self, self->file, error) : 0;
}

/* The n-th name of "FROM TO FILE...", the last one for those beyond. */
static void argument_name(const tr_program_t *program, size_t n, char *room, size_t room_len) {
    const char *at = program->arguments ? program->arguments : "argument";
    size_t len = strcspn(at, " ");
    for (; n > 0 && at[len] == ' '; n--) {
        at += len + 1;
        len = strcspn(at, " ");
    }
    while (len > 0 && strchr("[].", at[len - 1]))
        len--;
    snprintf(room, room_len, "%.*s", (int)len, at);
}

static int check_arguments(const tr_options_t *self, tr_error_t *error) {
    const tr_program_t *program = self->program;
    char name[64];
    if (self->argument_count < program->least_arguments) {
        argument_name(program, self->argument_count, name, sizeof name);
        return tr_error_set(error, -EINVAL, "%s is missing: %s %s", name, program->name,
            program->arguments ? program->arguments : "");
    }
    if (self->argument_count <= program->most_arguments)
        return 0;
    const char *extra = self->arguments[program->most_arguments];
    if (program->most_arguments == 0)
        return tr_error_set(
            error, -EINVAL, "unexpected argument \"%.100s\": %s takes none", extra, program->name);
    return tr_error_set(error, -EINVAL, "unexpected argument \"%.100s\": expected at most %zu (%s)", extra,
        program->most_arguments, program->arguments ? program->arguments : "");
}

/* --- the caller's struct -------------------------------------------------------------------------------- */

static void store(const tr_option_t *option, const slot_t *slot, void *target) {
    char *member = (char *)target + option->offset;
    tr_strings_t list = {slot->count ? (const char *const *)slot->items : no_strings, slot->count};
    const char *text = slot->text;
    switch (option->type) {
    case TR_OPTION_BOOL: memcpy(member, &slot->truth, sizeof slot->truth); break;
    case TR_OPTION_INT:
    case TR_OPTION_DURATION: memcpy(member, &slot->number, sizeof slot->number); break;
    case TR_OPTION_SIZE: memcpy(member, &slot->size, sizeof slot->size); break;
    case TR_OPTION_STRING: memcpy(member, &text, sizeof text); break;
    case TR_OPTION_WORD: memcpy(member, &slot->word, sizeof slot->word); break;
    case TR_OPTION_LIST: memcpy(member, &list, sizeof list); break;
    }
}

static int check_lists(const tr_options_t *self, tr_error_t *error) {
    for (size_t i = 0; i < self->program->option_count; i++) {
        const tr_option_t *option = &self->program->options[i];
        if (option->type == TR_OPTION_LIST && self->slots[i].count < (size_t)option->min)
            return tr_error_set(
                error, -EINVAL, "--%s: expected at least %" PRId64 " of it", option->name, option->min);
    }
    return 0;
}

static int read_all(tr_options_t *self, int argc, char *const *argv, tr_error_t *error) {
    int rc = options_read_flags(self, argc, argv, error);
    if (rc != TR_OPTIONS_RUN)
        return rc;
    rc = read_file(self, error);
    if (rc == 0)
        rc = read_environment(self, error);
    if (rc == 0)
        rc = read_defaults(self, error);
    if (rc == 0)
        rc = check_lists(self, error);
    return rc ? rc : check_arguments(self, error);
}

int tr_options_read(const tr_program_t *program, int argc, char *const *argv, void *target,
    tr_options_t **ret_options, tr_error_t *error) {
    tr_options_t *self = options_new(program);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = read_all(self, argc, argv, error);
    if (rc != TR_OPTIONS_RUN) {
        tr_options_destroy(&self);
        return rc;
    }
    for (size_t i = 0; i < program->option_count; i++)
        store(&program->options[i], &self->slots[i], target);
    *ret_options = self;
    return TR_OPTIONS_RUN;
}

tr_strings_t tr_options_arguments(const tr_options_t *self) {
    return (tr_strings_t){
        self->argument_count ? (const char *const *)self->arguments : no_strings, self->argument_count};
}

int tr_options_consumed(const tr_options_t *self) {
    return self->consumed;
}

tr_option_source_t tr_options_source(const tr_options_t *self, const char *name) {
    const tr_option_t *option = options_find(self->program, name, strlen(name));
    return option ? self->slots[option - self->program->options].source : TR_SOURCE_DEFAULT;
}

const char *tr_options_file(const tr_options_t *self) {
    return self->file;
}
