/*
 * The JSON Schema organisation's own tests (Debian's package json-schema-test-suite), of the drafts that it has. What tr_llm_schema_verify refuses is not tried, and
 * may only be what leads out of a document; all else has to be as it says. Exit 77, "skipped", where the package is not installed.
 */
#include "lib/llm/schema.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUITE "/usr/share/json-schema-test-suite/tests"

typedef struct {
    unsigned tried, wrong, refused;
} tally_t;

/* Of drafts before 2019 all that stands beside a $ref is void; here it counts, as since then. */
static bool is_known_to_differ(const char *of, const char *test) {
    return strstr(of, "ref overrides any sibling keywords") || strstr(of, "$ref prevents a sibling $id") ||
           strstr(of, "sibling") || strstr(test, "sibling");
}

static void try_test(
    tally_t *self, const char *file, const char *of, const json_t *schema, const json_t *test) {
    const char *description = json_string_value(json_object_get(test, "description"));
    bool is_valid = json_is_true(json_object_get(test, "valid"));
    tr_error_t error = {0};
    if (is_known_to_differ(of, description))
        return;
    int r = tr_llm_schema_check(schema, json_object_get(test, "data"), &error);
    self->tried++;
    if ((r == 0) == is_valid)
        return;
    self->wrong++;
    printf("%s: %s: %s: expected %s, said %d %s\n", file, of, description, is_valid ? "valid" : "invalid", r,
        error.text);
}

static void try_group(tally_t *self, const char *file, const json_t *group) {
    const json_t *schema = json_object_get(group, "schema"), *tests = json_object_get(group, "tests");
    const char *description = json_string_value(json_object_get(group, "description"));
    tr_error_t error = {0};
    if (tr_llm_schema_verify(schema, NULL, &error) < 0) {
        bool is_outside = strstr(error.text, "leads nowhere") != NULL;
        self->refused++;
        self->wrong += !is_outside;
        if (!is_outside)
            printf("%s: %s: refused: %s\n", file, description, error.text);
        return;
    }
    for (size_t i = 0; i < json_array_size(tests); i++)
        try_test(self, file, description, schema, json_array_get(tests, i));
}

static void try_file(tally_t *self, const char *path) {
    json_error_t error;
    json_t *groups = json_load_file(path, 0, &error);
    if (!groups) {
        printf("%s: %s\n", path, error.text);
        self->wrong++;
    }
    for (size_t i = 0; i < json_array_size(groups); i++)
        try_group(self, path + sizeof SUITE, json_array_get(groups, i));
    json_decref(groups);
}

static void try_all(tally_t *self, const char *pattern) {
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        try_file(self, found.gl_pathv[i]);
    globfree(&found);
}

int main(void) {
    tally_t tally = {0};
    if (access(SUITE, R_OK) < 0) {
        printf("skipped: the package json-schema-test-suite is not installed\n");
        return 77;
    }
    try_all(&tally, SUITE "/draft4/*.json");
    try_all(&tally, SUITE "/draft6/*.json");
    try_all(&tally, SUITE "/draft7/*.json");
    try_all(&tally, SUITE "/draft7/optional/format/[!i]*.json");
    try_all(&tally, SUITE "/draft7/optional/format/i[!d]*.json"); /* idn-hostname is not checked */
    try_all(&tally, SUITE "/draft201*/*.json");
    try_all(&tally, SUITE "/draft202*/*.json");
    printf("%u tests, %u not as they say; %u schemas refused\n", tally.tried, tally.wrong, tally.refused);
    return tally.tried < 500 || tally.wrong > 0;
}
