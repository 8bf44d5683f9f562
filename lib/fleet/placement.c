#include "lib/fleet/placement.h"

#include "lib/fleet/description.h"
#include "proto/aid.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(a)  (sizeof(a) / sizeof *(a))
#define AT(member)   offsetof(tr_placement_t, member)
#define DAY_MS       INT64_C(86400000)
#define LABEL_MAX    63
#define MEMORY_LIMIT "256Mi"

static const tr_placement_t placement_initial = TR_PLACEMENT_DEFAULT;
static const tr_autoscale_t autoscale_initial = {.backlog = 10, .cooldown_ms = 60000, .begin = -1};

/* Digits, perhaps with a point, and one of the suffixes (separated by spaces, "" is one). */
static bool quantity(const char *text, size_t len, const char *const *suffixes) {
    size_t digits = strspn(text, "0123456789"), n = digits;
    if (digits == 0 || digits > 15)
        return false;
    if (text[n] == '.') {
        size_t more = strspn(text + n + 1, "0123456789");
        if (more == 0 || more > 9)
            return false;
        n += 1 + more;
    }
    for (size_t i = 0; suffixes[i]; i++)
        if (strlen(suffixes[i]) == len - n && memcmp(suffixes[i], text + n, len - n) == 0)
            return true;
    return false;
}

static bool cores(const char *text, size_t len) {
    static const char *const suffixes[] = {"", "m", NULL};
    return quantity(text, len, suffixes);
}

static bool bytes(const char *text, size_t len) {
    static const char *const suffixes[] = {"", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", NULL};
    return quantity(text, len, suffixes);
}

/* A key of a label: NAME or PREFIX/NAME. */
static bool label(const char *text, size_t len) {
    const char *slash = memchr(text, '/', len);
    size_t prefix = slash ? (size_t)(slash - text) : 0, name = slash ? len - prefix - 1 : len;
    const char *begin = slash ? slash + 1 : text;
    if (name == 0 || name > LABEL_MAX || (slash && (prefix == 0 || prefix > 253)))
        return false;
    for (size_t i = 0; i < name; i++)
        if (!isalnum((unsigned char)begin[i]) && !strchr("-_.", begin[i]))
            return false;
    for (size_t i = 0; i < prefix; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && !strchr("-.", text[i]))
            return false;
    return isalnum((unsigned char)begin[0]) && isalnum((unsigned char)begin[name - 1]);
}

#define SOME_CORES "cores, as 2 or 250m"
#define SOME_BYTES "bytes, as 128Mi or 1G"

static const tr_yaml_field_t placement_fields[] = {
    {"nodes", TR_YAML_PAIRS, AT(nodes), .max = 32, .check = label, .expected = "the name of a node's label"},
    {"cpu", TR_YAML_TEXT, AT(cpu), .check = cores, .expected = SOME_CORES},
    {"memory", TR_YAML_TEXT, AT(memory), .check = bytes, .expected = SOME_BYTES},
    {"cpu-limit", TR_YAML_TEXT, AT(cpu_limit), .check = cores, .expected = SOME_CORES},
    {"memory-limit", TR_YAML_TEXT, AT(memory_limit), .check = bytes, .expected = SOME_BYTES},
    {"storage", TR_YAML_TEXT, AT(storage), .check = bytes, .expected = SOME_BYTES},
    {"replicas", TR_YAML_WHOLE, AT(replicas), .min = 1, .max = TR_PLACEMENT_REPLICAS_MAX},
};

/* What a quantity is: cores or bytes. */
static double amount(const char *text) {
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"m", 1e-3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"Ki", 0x1p10}, {"Mi", 0x1p20},
        {"Gi", 0x1p30}, {"Ti", 0x1p40}};
    char *end;
    double value = strtod(text, &end);
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strcmp(end, units[i].suffix) == 0)
            value *= units[i].factor;
    return value;
}

const char *tr_placement_memory_limit(const tr_placement_t *self) {
    if (self->memory_limit)
        return self->memory_limit;
    return amount(self->memory) > amount(MEMORY_LIMIT) ? self->memory : MEMORY_LIMIT;
}

/* A cluster takes none that asks for more than it may have. */
static int check_placement(void *item, char *reason, size_t reason_size) {
    const tr_placement_t *p = item, *initial = &placement_initial;
    const struct {
        const char *what, *asked, *limit, *usual;
    } both[] = {
        {"cpu", p->cpu, p->cpu_limit, initial->cpu}, {"memory", p->memory, p->memory_limit, initial->memory}};
    for (size_t i = 0; i < COUNT_OF(both); i++)
        if (both[i].limit && amount(both[i].asked) > amount(both[i].limit)) {
            snprintf(reason, reason_size,
                "expected a %s-limit (%s) of at least the %s that is asked for (%s%s)", both[i].what,
                both[i].limit, both[i].what, both[i].asked,
                strcmp(both[i].asked, both[i].usual) == 0 ? " where none is said" : "");
            return -EINVAL;
        }
    return 0;
}

const tr_yaml_table_t tr_placement_table = {placement_fields, COUNT_OF(placement_fields),
    sizeof(tr_placement_t), &placement_initial, 0, check_placement};

static bool is_elsewhere(const char *text, size_t len) {
    tr_aid_t aid;
    return tr_aid_parse(&aid, text, len) == 0 && *aid.platform;
}

static const tr_yaml_field_t autoscale_fields[] = {
    {"min", TR_YAML_WHOLE, offsetof(tr_autoscale_t, min), .min = 0, .max = TR_FLEET_PROCESSES_MAX},
    {"max", TR_YAML_WHOLE, offsetof(tr_autoscale_t, max), true, .min = 1, .max = TR_FLEET_PROCESSES_MAX},
    {"backlog", TR_YAML_WHOLE, offsetof(tr_autoscale_t, backlog), .min = 1, .max = 1000000},
    {"cooldown", TR_YAML_DURATION, offsetof(tr_autoscale_t, cooldown_ms), .min = 1, .max = DAY_MS},
    {"by", TR_YAML_TEXT, offsetof(tr_autoscale_t, by), .check = is_elsewhere,
        .expected = "an agent and its platform, as coordinator@office-0"},
    {"begin", TR_YAML_WHOLE, offsetof(tr_autoscale_t, begin), .min = 0, .max = TR_FLEET_PROCESSES_MAX},
};

static int check_autoscale(void *item, char *reason, size_t reason_size) {
    const tr_autoscale_t *a = item;
    if (a->begin >= 0 && !a->by) {
        snprintf(reason, reason_size, "begin goes with by: elsewhere expected `count`");
        return -EINVAL;
    }
    if (a->min <= a->max)
        return 0;
    snprintf(reason, reason_size, "expected a max (%" PRId64 ") of at least the min (%" PRId64 ")", a->max,
        a->min);
    return -EINVAL;
}

const tr_yaml_table_t tr_autoscale_table = {autoscale_fields, COUNT_OF(autoscale_fields),
    sizeof(tr_autoscale_t), &autoscale_initial, 0, check_autoscale};
