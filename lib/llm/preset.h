/* What differs between servers of models that speak nearly the same. */
#ifndef TR_LLM_PRESET_H
#define TR_LLM_PRESET_H

#include "lib/llm/llm.h"

typedef enum tr_llm_auth {
    TR_LLM_AUTH_BEARER,    /* Authorization: Bearer KEY */
    TR_LLM_AUTH_API_KEY,   /* api-key: KEY */
    TR_LLM_AUTH_X_API_KEY, /* x-api-key: KEY */
} tr_llm_auth_t;

/* How an answer by a schema is asked for. It is checked here in any case. */
typedef enum tr_llm_schema_way {
    TR_LLM_SCHEMA_FORMAT, /* response_format {"type": "json_schema", "json_schema": {...}} */
    TR_LLM_SCHEMA_VALUE,  /* response_format {"type": "json_object", "value": schema} */
    TR_LLM_SCHEMA_TOOL,   /* a tool that it must call, whose arguments are the answer */
} tr_llm_schema_way_t;

struct tr_llm_dialect;

typedef struct tr_llm_preset {
    const char *name;
    const char *system;   /* gen_ai.provider.name */
    const char *base_url; /* NULL = it must be given */
    const char *key_env;  /* the usual variable; NULL = servers that want no key */
    const struct tr_llm_dialect *dialect;
    tr_llm_auth_t auth;
    tr_llm_schema_way_t schema_way;
    const char *max_tokens;  /* the member's name */
    bool deployments;        /* Azure: the model is in the URL, with an api-version */
    const char *api_version; /* default of that, or of the anthropic-version header; NULL = none */
} tr_llm_preset_t;

extern const tr_llm_preset_t tr_llm_presets[];
/* Their names, in their order, ended by NULL. */
extern const char *const tr_llm_preset_words[];

#endif
