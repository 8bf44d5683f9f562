#include "broker/core/platform/df_match.h"

#include <string.h>

/* ---- templates ---- */

static bool value_matches(tr_value_t template, tr_value_t v, size_t *steps);

/* Each element of the template's list matches some element of the other. */
static bool list_matches(tr_value_t template, tr_value_t v, size_t *steps) {
    if (!tr_value_is_array(v))
        return false;
    for (size_t i = 0; i < tr_value_size(template); i++) {
        bool found = false;
        for (size_t j = 0; j < tr_value_size(v) && !found && *steps; j++)
            found = value_matches(tr_value_at(template, i), tr_value_at(v, j), steps);
        if (!found)
            return false;
    }
    return true;
}

static bool map_matches(const msgpack_object_map *template, tr_value_t v, size_t *steps) {
    for (uint32_t i = 0; i < template->size && *steps; i++) {
        const msgpack_object *key = &template->ptr[i].key;
        size_t look = tr_value_size(v);
        *steps -= look < *steps ? look : *steps;
        char name[128];
        if (tr_value_copy(key, name, sizeof name) < 0 ||
            !value_matches(&template->ptr[i].val, tr_value_get(v, name), steps))
            return false;
    }
    return *steps > 0;
}

/* A service may be described by its name alone. Matches nothing more once the steps are used up. */
static bool value_matches(tr_value_t template, tr_value_t v, size_t *steps) {
    if (!v || !*steps)
        return false;
    --*steps;
    if (tr_value_is_map(template))
        return map_matches(&template->via.map, v, steps);
    if (tr_value_is_array(template))
        return list_matches(template, v, steps);
    if (tr_value_is_str(template) && tr_value_is_map(v))
        return value_matches(template, tr_value_get(v, "name"), steps);
    return msgpack_object_equal(*template, *v);
}

bool tr_df_query_read(tr_value_t request, tr_df_query_t *ret_query, const char **ret_problem) {
    tr_value_t selector = tr_value_get(request, "selector");
    size_t len = 0;
    const char *text = selector ? tr_value_str(selector, &len) : "";
    ret_query->template = tr_value_get(request, "template");
    if (text)
        return tr_selector_parse(text, len, &ret_query->selector, ret_problem);
    *ret_problem = "it is a text";
    return false;
}

bool tr_df_matches(const tr_df_query_t *query, tr_value_t description, size_t *steps) {
    return tr_selector_matches(&query->selector, tr_value_get(description, "labels"), steps) &&
           (!query->template || value_matches(query->template, description, steps));
}

/* ---- descriptions ---- */

typedef enum kind { TEXT, TEXTS, MAP_OF_TEXTS, ANY_MAP } kind_t;

/* Keys that mean something; what is not among them may be anything. */
typedef struct rule {
    const char *key;
    kind_t kind;
    bool required;
    const char *problem;
} rule_t;

static const rule_t entry_rules[] = {
    {"protocols", TEXTS, false, "protocols: a list of texts"},
    {"ontologies", TEXTS, false, "ontologies: a list of texts"},
    {"languages", TEXTS, false, "languages: a list of texts"},
    {"labels", MAP_OF_TEXTS, false, "labels: a map of texts"},
    {"card", ANY_MAP, false, "card: a map"},
    {NULL, TEXT, false, NULL},
};

static const rule_t service_rules[] = {
    {"type", TEXT, false, "services: a type is a text"},
    {"protocols", TEXTS, false, "services: protocols are a list of texts"},
    {"ontologies", TEXTS, false, "services: ontologies are a list of texts"},
    {"languages", TEXTS, false, "services: languages are a list of texts"},
    {"properties", ANY_MAP, false, "services: properties are a map"},
    {NULL, TEXT, false, NULL},
};

/* As of an agent card of the A2A protocol. */
static const rule_t card_rules[] = {
    {"name", TEXT, false, "card: name is a text"},
    {"description", TEXT, false, "card: description is a text"},
    {"version", TEXT, false, "card: version is a text"},
    {"defaultInputModes", TEXTS, false, "card: defaultInputModes is a list of media types"},
    {"defaultOutputModes", TEXTS, false, "card: defaultOutputModes is a list of media types"},
    {NULL, TEXT, false, NULL},
};

static const rule_t skill_rules[] = {
    {"id", TEXT, true, "card: each skill has an id"},
    {"name", TEXT, true, "card: each skill has a name"},
    {"description", TEXT, false, "card: the description of a skill is a text"},
    {"tags", TEXTS, false, "card: the tags of a skill are a list of texts"},
    {"examples", TEXTS, false, "card: the examples of a skill are a list of texts"},
    {"inputModes", TEXTS, false, "card: the inputModes of a skill are a list of media types"},
    {"outputModes", TEXTS, false, "card: the outputModes of a skill are a list of media types"},
    {NULL, TEXT, false, NULL},
};

static bool are_texts(tr_value_t list) {
    if (!tr_value_is_array(list))
        return false;
    for (size_t i = 0; i < tr_value_size(list); i++)
        if (!tr_value_is_str(tr_value_at(list, i)))
            return false;
    return true;
}

static bool is_map_of_texts(tr_value_t map) {
    if (!tr_value_is_map(map))
        return false;
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (!tr_value_is_str(&map->via.map.ptr[i].key) || !tr_value_is_str(&map->via.map.ptr[i].val))
            return false;
    return true;
}

static bool is_of_kind(tr_value_t v, kind_t kind) {
    switch (kind) {
    case TEXT: return tr_value_is_str(v);
    case TEXTS: return are_texts(v);
    case MAP_OF_TEXTS: return is_map_of_texts(v);
    default: return tr_value_is_map(v);
    }
}

static const char *check(tr_value_t map, const rule_t *rules) {
    for (; rules->key; rules++) {
        tr_value_t v = tr_value_get(map, rules->key);
        if (v ? !is_of_kind(v, rules->kind) : rules->required)
            return rules->problem;
    }
    return NULL;
}

/* Of each map in a list; what is no map is checked elsewhere. */
static const char *check_each(tr_value_t list, const rule_t *rules) {
    for (size_t i = 0; i < tr_value_size(list); i++) {
        tr_value_t v = tr_value_at(list, i);
        const char *problem = tr_value_is_map(v) ? check(v, rules) : NULL;
        if (problem)
            return problem;
    }
    return NULL;
}

static const char *check_skills(tr_value_t skills) {
    if (!skills)
        return NULL;
    for (size_t i = 0; i < tr_value_size(skills); i++)
        if (!tr_value_is_map(tr_value_at(skills, i)))
            return "card: skills is a list of maps";
    return tr_value_is_array(skills) ? check_each(skills, skill_rules) : "card: skills is a list of maps";
}

const char *tr_df_description_problem(tr_value_t description) {
    tr_value_t card = tr_value_get(description, "card");
    const char *problem = check(description, entry_rules);
    if (!problem)
        problem = check_each(tr_value_get(description, "services"), service_rules);
    if (!problem)
        problem = check(card, card_rules);
    return problem ? problem : check_skills(tr_value_get(card, "skills"));
}

/* What would mean nothing where it stands, because it belongs to the other of the two. */
typedef struct misplaced {
    const char *key, *detail;
} misplaced_t;

static const misplaced_t not_of_entry[] = {
    {"capacity", "df-agent-description capacity: it is a service's"},
    {"durable", "df-agent-description durable: it is a service's"},
    {NULL, NULL},
};

static const misplaced_t not_of_service[] = {
    {"services", "service-description services: it is the agent's"},
    {"labels", "service-description labels: it is the agent's"},
    {"card", "service-description card: it is the agent's"},
    {"lease-ms", "service-description lease-ms: it is the agent's"},
    {NULL, NULL},
};

static const char *find_misplaced(tr_value_t map, const misplaced_t *keys) {
    while (keys->key && !tr_value_get(map, keys->key))
        keys++;
    return keys->detail;
}

const char *tr_df_unexpected_parameter(tr_value_t description) {
    tr_value_t services = tr_value_get(description, "services");
    const char *detail = find_misplaced(description, not_of_entry);
    for (size_t i = 0; i < tr_value_size(services) && !detail; i++)
        if (tr_value_is_map(tr_value_at(services, i)))
            detail = find_misplaced(tr_value_at(services, i), not_of_service);
    return detail;
}
