#include "agentd/behaviours/args.h"

#include "lib/base/suggest.h"
#include "proto/aid.h"
#include "proto/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16

bool tr_arg_is_aid(const char *text, size_t len) {
    tr_aid_t aid;
    return tr_aid_parse(&aid, text, len) == 0;
}

bool tr_arg_is_service(const char *text, size_t len) {
    return len == 0 || tr_name_valid(text, len);
}

/* A value as an error quotes it: short, on one line. */
static void show(tr_value_t value, char *out, size_t size) {
    json_t *json = tr_value_to_json(value);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    snprintf(out, size, "%s", text ? text : "what cannot be shown");
    if (text && strlen(text) >= size)
        strcpy(out + size - 4, "...");
    free(text);
    json_decref(json);
}

static void full_key(const char *key, char *out, size_t size) {
    snprintf(out, size, "args.%s", key);
}

int tr_args_wrong(tr_problem_t *problem, const char *key, tr_value_t found, const char *expected) {
    char full[80], shown[64];
    full_key(key, full, sizeof full);
    show(found, shown, sizeof shown);
    return tr_problem_set(problem, -EINVAL, full, "expected %s, found %s", expected, shown);
}

int tr_args_unknown(tr_problem_t *problem, tr_value_t key, const char *const *words) {
    char text[TR_SUGGEST_WORD_MAX + 1], full[80], known[200] = "";
    size_t used = 0;
    if (tr_value_copy(key, text, sizeof text) < 0)
        return tr_problem_set(problem, -EINVAL, "args", "a key of it is no word");
    full_key(text, full, sizeof full);
    const char *near = tr_suggest(text, words);
    if (near)
        return tr_problem_set(problem, -EINVAL, full, "unknown argument, did you mean \"%s\"?", near);
    for (size_t i = 0; words[i] && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", words[i]);
    return words[0] ? tr_problem_set(problem, -EINVAL, full, "unknown argument; the arguments are %s", known)
                    : tr_problem_set(problem, -EINVAL, full, "this behaviour takes no arguments");
}

static int read_text(const tr_arg_t *arg, tr_value_t value, char *at, tr_problem_t *problem) {
    if (tr_value_copy(value, at, arg->size) < 0 || (arg->check && !arg->check(at, strlen(at))))
        return tr_args_wrong(problem, arg->key, value, arg->expected ? arg->expected : "a text");
    return 0;
}

static int read_whole(const tr_arg_t *arg, tr_value_t value, int64_t *at, tr_problem_t *problem) {
    char expected[80];
    int64_t number = tr_value_int(value, INT64_MIN);
    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, arg->min, arg->max);
    if (number < arg->min || number > arg->max)
        return tr_args_wrong(problem, arg->key, value, expected);
    *at = number;
    return 0;
}

static int read_real(const tr_arg_t *arg, tr_value_t value, double *at, tr_problem_t *problem) {
    char expected[80];
    double number = tr_value_double(value, NAN);
    snprintf(expected, sizeof expected, "a number from %" PRId64 " to %" PRId64, arg->min, arg->max);
    if (!(number >= (double)arg->min && number <= (double)arg->max))
        return tr_args_wrong(problem, arg->key, value, expected);
    *at = number;
    return 0;
}

static int read_one(const tr_arg_t *arg, tr_value_t value, char *target, tr_problem_t *problem) {
    void *at = target + arg->offset;
    switch (arg->kind) {
    case TR_ARG_TEXT: return read_text(arg, value, at, problem);
    case TR_ARG_WHOLE: return read_whole(arg, value, at, problem);
    case TR_ARG_REAL: return read_real(arg, value, at, problem);
    case TR_ARG_ANY: return 0;
    }
    return 0;
}

static int read_pair(
    const tr_arg_t *table, size_t count, const msgpack_object_kv *pair, void *target, tr_problem_t *problem) {
    const char *words[KEYS_MAX + 1];
    size_t word_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (table[i].kind != TR_ARG_ANY)
            words[word_count++] = table[i].key;
        if (!tr_value_equals(&pair->key, table[i].key))
            continue;
        return pair->val.type == MSGPACK_OBJECT_NIL ? 0 : read_one(&table[i], &pair->val, target, problem);
    }
    words[word_count] = NULL;
    return tr_args_unknown(problem, &pair->key, words);
}

static bool is_given(tr_value_t args, const char *key) {
    tr_value_t value = tr_value_get(args, key);
    return value && value->type != MSGPACK_OBJECT_NIL;
}

int tr_args_read(const tr_arg_t *table, size_t count, tr_value_t args, void *target, tr_problem_t *problem) {
    size_t pairs = tr_value_is_map(args) ? tr_value_size(args) : 0;
    for (size_t i = 0; i < pairs; i++) {
        int rc = read_pair(table, count, &args->via.map.ptr[i], target, problem);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        if (table[i].required && !is_given(args, table[i].key))
            return tr_problem_set(
                problem, -EINVAL, "args", "missing key \"%s\": expected %s", table[i].key, table[i].expected);
    }
    return 0;
}
