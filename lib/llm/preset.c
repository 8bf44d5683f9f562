#include "lib/llm/preset.h"

#include "lib/llm/dialect.h"

const char *const tr_llm_preset_words[] = {
    "compatible", "openai", "azure", "anthropic", "gemini", "vllm", "tgi", "llama.cpp", "ollama", NULL};

#define OPENAI_LIKE .dialect = &tr_llm_dialect_openai, .max_tokens = "max_tokens"

const tr_llm_preset_t tr_llm_presets[] = {
    {"compatible", "openai", NULL, NULL, OPENAI_LIKE},
    {"openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", .dialect = &tr_llm_dialect_openai,
        .max_tokens = "max_completion_tokens"},
    {"azure", "azure.ai.openai", NULL, "AZURE_OPENAI_API_KEY", .dialect = &tr_llm_dialect_openai,
        .auth = TR_LLM_AUTH_API_KEY, .max_tokens = "max_completion_tokens", .deployments = true,
        .api_version = "2024-10-21"},
    {"anthropic", "anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY",
        .dialect = &tr_llm_dialect_anthropic, .auth = TR_LLM_AUTH_X_API_KEY, .schema_way = TR_LLM_SCHEMA_TOOL,
        .max_tokens = "max_tokens", .api_version = "2023-06-01"},
    {"gemini", "gcp.gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY",
        OPENAI_LIKE},
    {"vllm", "vllm", "http://127.0.0.1:8000/v1", NULL, OPENAI_LIKE},
    {"tgi", "tgi", "http://127.0.0.1:8080/v1", NULL, OPENAI_LIKE, .schema_way = TR_LLM_SCHEMA_VALUE},
    {"llama.cpp", "llama.cpp", "http://127.0.0.1:8080/v1", NULL, OPENAI_LIKE},
    {"ollama", "ollama", "http://127.0.0.1:11434/v1", NULL, OPENAI_LIKE},
};
