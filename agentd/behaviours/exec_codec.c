#include "agentd/behaviours/exec_codec.h"

#include "proto/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [TR_MESSAGE_DIRECT] = "message",
    [TR_MESSAGE_EVENT] = "event",
    [TR_MESSAGE_FAILED] = "failed",
    [TR_MESSAGE_GAP] = "gap",
};

/* Texts come from other processes: what is not UTF-8 cannot be JSON. */
static json_t *text(const char *bytes, size_t len) {
    json_t *value = json_stringn(bytes, len);
    if (value)
        return value;
    msgpack_object str = {.type = MSGPACK_OBJECT_STR, .via.str = {.size = (uint32_t)len, .ptr = bytes}};
    return tr_value_to_json(&str); /* with U+FFFD for the bytes that are wrong */
}

static void put(json_t *line, const char *key, json_t *value) {
    json_object_set_new(line, key, value);
}

static void put_text(json_t *line, const char *key, const char *value) {
    if (value && *value)
        put(line, key, text(value, strlen(value)));
}

static void put_number(json_t *line, const char *key, uint64_t value) {
    if (value)
        put(line, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void put_true(json_t *line, const char *key, bool value) {
    if (value)
        put(line, key, json_true());
}

static void put_list(json_t *line, const char *key, tr_acl_list_t list) {
    if (!list.count)
        return;
    json_t *array = json_array();
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(array, text(list.items[i], strlen(list.items[i])));
    put(line, key, array);
}

static json_t *binary(const void *bytes, size_t len) {
    msgpack_object bin = {.type = MSGPACK_OBJECT_BIN, .via.bin = {.size = (uint32_t)len, .ptr = bytes}};
    return tr_value_to_json(&bin);
}

/* msgpack as the value that it is, JSON likewise, another language as its text. What does not keep what its
 * language promises goes as bytes. */
static json_t *content_to_json(const char *language, const void *bytes, size_t len) {
    tr_content_t content;
    if (!language || strcmp(language, "msgpack") == 0) {
        if (tr_content_init(&content, bytes, len) < 0)
            return binary(bytes, len);
        json_t *value = tr_value_to_json(&content.root);
        tr_content_finish(&content);
        return value;
    }
    json_t *value = strcmp(language, "json") == 0
                        ? json_loadb(bytes, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                        : NULL;
    if (!value)
        value = json_stringn(bytes, len);
    return value ? value : binary(bytes, len);
}

/* Only what is limited. */
static void put_budget(json_t *line, const tr_budget_t *budget) {
    json_t *object = budget->of_tokens || budget->of_money ? json_object() : NULL;
    if (!object)
        return;
    if (budget->of_tokens)
        put(object, "tokens", json_integer((json_int_t)budget->tokens));
    if (budget->of_money)
        put(object, "micro_cost", json_integer((json_int_t)budget->micro_cost));
    put(line, "budget", object);
}

static void put_parameters(json_t *line, const tr_acl_t *acl) {
    if (acl->performative != TR_ACT_NONE)
        put(line, "performative", json_string(tr_performative_name(acl->performative)));
    put_text(line, "sender", acl->sender);
    put_list(line, "receivers", acl->receivers);
    put_list(line, "reply_to", acl->reply_to);
    put_list(line, "delegation", acl->delegation);
    put_budget(line, &acl->budget);
    put_text(line, "conversation_id", acl->conversation_id);
    put_text(line, "reply_with", acl->reply_with);
    put_text(line, "in_reply_to", acl->in_reply_to);
    put_text(line, "protocol", acl->protocol);
    put_text(line, "ontology", acl->ontology);
    put_text(line, "language", acl->language);
    put_text(line, "encoding", acl->encoding);
    for (size_t i = 0; i < acl->user_count; i++)
        put_text(line, acl->user[i].name, acl->user[i].value);
    put_number(line, "reply_by_ms", acl->reply_by_ms);
    put_number(line, "priority", acl->priority);
}

char *tr_exec_encode(const tr_exec_incoming_t *in) {
    json_t *line = json_object();
    if (!line)
        return NULL;
    put(line, "id", json_integer((json_int_t)in->id));
    put(line, "type", json_string(type_names[in->type]));
    if (in->acl)
        put_parameters(line, in->acl);
    put_true(line, "durable", in->durable);
    put_true(line, "redelivered", in->redelivered);
    put_number(line, "attempt", in->attempt);
    put_text(line, "topic", in->topic);
    put_number(line, "sequence", in->sequence);
    put_number(line, "missed", in->missed);
    if (in->type == TR_MESSAGE_FAILED)
        put(line, "reason", json_string(tr_reason_name(in->reason)));
    if (in->content_len)
        put(line, "content",
            content_to_json(in->acl ? in->acl->language : NULL, in->content, in->content_len));
    char *out = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    size_t len = out ? strlen(out) : 0;
    char *grown = out ? realloc(out, len + 2) : NULL;
    if (!grown) {
        free(out);
        return NULL;
    }
    memcpy(grown + len, "\n", 2);
    return grown;
}

typedef struct decoder {
    tr_exec_outgoing_t *out;
    json_t *content; /* borrowed; NULL = none */
    bool done_given, done;
    tr_error_t *error;
} decoder_t;

static int wrong(decoder_t *self, const char *key, const char *expected) {
    return tr_error_set(self->error, -EINVAL, "\"%s\": expected %s", key, expected);
}

/* An empty text is as good as none. */
static int take_text(decoder_t *self, const json_t *v, const char *key, const char **at) {
    if (!json_is_string(v))
        return wrong(self, key, "a text");
    if (strlen(json_string_value(v)) != json_string_length(v))
        return wrong(self, key, "a text without NUL");
    *at = json_string_length(v) ? json_string_value(v) : NULL;
    return 0;
}

static int take_list(
    decoder_t *self, const json_t *v, const char *key, const char **room, tr_acl_list_t *list) {
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    if (n < 1 || n > TR_EXEC_RECEIVERS_MAX)
        return wrong(self, key, "a name, or a list of 1 to 64 names");
    for (size_t i = 0; i < n; i++) {
        int rc = take_text(self, json_is_array(v) ? json_array_get(v, i) : v, key, &room[i]);
        if (rc == 0 && !room[i])
            rc = wrong(self, key, "a name, or a list of 1 to 64 names");
        if (rc < 0)
            return rc;
    }
    *list = (tr_acl_list_t){room, n};
    return 0;
}

static int take_id(decoder_t *self, json_t *v, const char *key) {
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wrong(self, key, "the id of a message, a number");
    self->out->has_id = true;
    self->out->id = (uint64_t)json_integer_value(v);
    return 0;
}

static int take_to(decoder_t *self, json_t *v, const char *key) {
    return take_list(self, v, key, self->out->receivers, &self->out->acl.receivers);
}

static int take_reply_to(decoder_t *self, json_t *v, const char *key) {
    return take_list(self, v, key, self->out->reply_to, &self->out->acl.reply_to);
}

static int take_publish(decoder_t *self, json_t *v, const char *key) {
    int rc = take_text(self, v, key, &self->out->topic);
    return rc == 0 && !self->out->topic ? wrong(self, key, "a topic") : rc;
}

static int take_performative(decoder_t *self, json_t *v, const char *key) {
    const char *name = NULL;
    int rc = take_text(self, v, key, &name);
    if (rc < 0)
        return rc;
    tr_performative_t act = TR_ACT_NONE;
    const tr_message_kind_t *kind = name ? tr_message_kind_parse(name, strlen(name), &act) : NULL;
    if (kind) {
        act = kind->performative;
        /* What the line itself says about these wins, whichever comes first. */
        if (!self->out->acl.protocol)
            self->out->acl.protocol = kind->protocol;
        if (!self->out->acl.ontology)
            self->out->acl.ontology = kind->ontology;
    }
    self->out->acl.performative = act;
    return act == TR_ACT_NONE ? wrong(self, key, "a performative such as inform, or a message kind") : 0;
}

static int take_content(decoder_t *self, json_t *v, const char *key) {
    (void)key;
    self->content = v;
    return 0;
}

static int take_durable(decoder_t *self, json_t *v, const char *key) {
    if (!json_is_boolean(v))
        return wrong(self, key, "true or false");
    self->out->durable = json_is_true(v);
    return 0;
}

static int take_priority(decoder_t *self, json_t *v, const char *key) {
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > TR_PRIORITY_MAX)
        return wrong(self, key, "a number from 0 to 9");
    self->out->has_priority = true;
    self->out->acl.priority = (uint8_t)json_integer_value(v);
    return 0;
}

static int take_done(decoder_t *self, json_t *v, const char *key) {
    if (!json_is_boolean(v))
        return wrong(self, key, "true or false");
    self->done_given = true;
    self->done = json_is_true(v);
    return 0;
}

static int take_delegate(decoder_t *self, json_t *v, const char *key) {
    if (!json_is_boolean(v))
        return wrong(self, key, "true or false");
    self->out->delegate = json_is_true(v);
    return 0;
}

static int take_amounts(decoder_t *self, json_t *v, const char *key, tr_budget_t *ret_budget) {
    static const char expected[] = "an object with \"tokens\", \"micro_cost\" or both, whole numbers";
    tr_budget_t b = {0};
    const char *name;
    json_t *amount;
    json_object_foreach(v, name, amount) {
        bool tokens = strcmp(name, "tokens") == 0;
        if ((!tokens && strcmp(name, "micro_cost") != 0) || !json_is_integer(amount) ||
            json_integer_value(amount) < 0)
            return wrong(self, key, expected);
        *(tokens ? &b.of_tokens : &b.of_money) = true;
        *(tokens ? &b.tokens : &b.micro_cost) = (uint64_t)json_integer_value(amount);
    }
    if (!json_is_object(v) || !(b.of_tokens || b.of_money))
        return wrong(self, key, expected);
    *ret_budget = b;
    return 0;
}

static int take_budget(decoder_t *self, json_t *v, const char *key) {
    return take_amounts(self, v, key, &self->out->acl.budget);
}

static int take_spent(decoder_t *self, json_t *v, const char *key) {
    self->out->has_spent = true;
    return take_amounts(self, v, key, &self->out->spent);
}

static int take_reply_by(decoder_t *self, json_t *v, const char *key) {
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wrong(self, key, "Unix time in milliseconds");
    self->out->acl.reply_by_ms = (uint64_t)json_integer_value(v);
    return 0;
}

#define TEXT_MEMBER(member)                                                                                  \
    static int take_##member(decoder_t *self, json_t *v, const char *key) {                                  \
        return take_text(self, v, key, &self->out->acl.member);                                              \
    }
TEXT_MEMBER(protocol)
TEXT_MEMBER(ontology)
TEXT_MEMBER(language)
TEXT_MEMBER(encoding)
TEXT_MEMBER(conversation_id)
TEXT_MEMBER(reply_with)
TEXT_MEMBER(in_reply_to)

static const struct {
    const char *key;
    int (*take)(decoder_t *self, json_t *v, const char *key);
} members[] = {
    {"id", take_id},
    {"to", take_to},
    {"publish", take_publish},
    {"performative", take_performative},
    {"content", take_content},
    {"done", take_done},
    {"durable", take_durable},
    {"priority", take_priority},
    {"delegate", take_delegate},
    {"budget", take_budget},
    {"spent", take_spent},
    {"protocol", take_protocol},
    {"ontology", take_ontology},
    {"language", take_language},
    {"encoding", take_encoding},
    {"conversation_id", take_conversation_id},
    {"reply_with", take_reply_with},
    {"in_reply_to", take_in_reply_to},
    {"reply_to", take_reply_to},
    {"reply_by_ms", take_reply_by},
};

static int take_members(decoder_t *self, json_t *root) {
    const char *key;
    json_t *v;
    json_object_foreach(root, key, v) {
        size_t i = 0;
        while (i < sizeof members / sizeof *members && strcmp(members[i].key, key) != 0)
            i++;
        if (i == sizeof members / sizeof *members)
            return tr_error_set(self->error, -EINVAL, "unknown member \"%.60s\"", key);
        int rc = json_is_null(v) && members[i].take != take_content ? 0 : members[i].take(self, v, key);
        if (rc < 0)
            return rc;
    }
    return 0;
}

bool tr_exec_is_interim(const tr_acl_t *acl) {
    bool status =
        acl->performative == TR_INFORM && acl->ontology && !strcmp(acl->ontology, TR_STATUS_ONTOLOGY);
    return status || acl->performative == TR_AGREE;
}

static int take_verb(decoder_t *self) {
    tr_exec_outgoing_t *out = self->out;
    bool says = self->content || out->acl.performative != TR_ACT_NONE;
    if (out->acl.receivers.count && out->topic)
        return wrong(self, "to", "either \"to\" or \"publish\"");
    if (out->acl.receivers.count)
        out->verb = TR_EXEC_SEND;
    else if (out->topic)
        out->verb = TR_EXEC_PUBLISH;
    else
        out->verb = says ? TR_EXEC_REPLY : TR_EXEC_DONE;
    if (out->durable && (out->verb == TR_EXEC_PUBLISH || out->verb == TR_EXEC_DONE))
        return wrong(self, "durable", "a message or an answer: nothing else can be durable");
    bool gives = out->delegate || out->acl.budget.of_tokens || out->acl.budget.of_money;
    if (gives && out->verb != TR_EXEC_SEND)
        return wrong(self, out->delegate ? "delegate" : "budget", "a message to others, with \"to\"");
    if (out->verb == TR_EXEC_DONE && !self->done && !out->has_spent)
        return tr_error_set(self->error, -EINVAL,
            "it says nothing: expected \"content\", \"performative\", \"publish\" or \"done\": true");
    if (out->acl.performative == TR_ACT_NONE)
        out->acl.performative = TR_INFORM;
    bool answers = out->verb == TR_EXEC_REPLY && !tr_exec_is_interim(&out->acl);
    out->finishes = self->done_given ? self->done : answers;
    return 0;
}

static int take_bytes(decoder_t *self) {
    tr_exec_outgoing_t *out = self->out;
    const char *language = out->acl.language;
    const void *bytes = NULL;
    size_t len = 0;
    int rc = 0;
    if (!self->content)
        return 0;
    if (language && strcmp(language, "msgpack") != 0) {
        if (!json_is_string(self->content))
            return wrong(self, "content", "a text, because \"language\" is not msgpack");
        bytes = json_string_value(self->content);
        len = json_string_length(self->content);
    } else {
        rc = tr_json_write(self->content, &out->bytes);
        if (rc == 0)
            rc = tr_content_writer_take(&out->bytes, &bytes, &len);
        if (rc == -EINVAL || rc == -E2BIG)
            return wrong(
                self, "content", rc == -E2BIG ? "a value that is nested less deeply" : "valid $bin, $ext");
    }
    out->acl.content = bytes;
    out->acl.content_len = len;
    return rc;
}

int tr_exec_decode(const char *line, size_t len, tr_exec_outgoing_t *ret_out, tr_error_t *error) {
    json_error_t why;
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return root ? tr_error_set(error, -EINVAL, "expected a JSON object")
                    : tr_error_set(error, -EINVAL, "not JSON at column %d: %.200s", why.column, why.text);
    }
    memset(ret_out, 0, sizeof *ret_out);
    ret_out->root = root;
    tr_content_writer_init(&ret_out->bytes);
    decoder_t decoder = {.out = ret_out, .error = error};
    int rc = take_members(&decoder, root);
    if (rc == 0)
        rc = take_verb(&decoder);
    if (rc == 0)
        rc = take_bytes(&decoder);
    if (rc < 0)
        tr_exec_outgoing_finish(ret_out);
    return rc;
}

tr_exec_about_t tr_exec_about(const char *line, size_t len) {
    tr_exec_about_t about = {0};
    json_t *root = json_loadb(line, len, 0, NULL), *id = json_object_get(root, "id");
    about.others = json_object_get(root, "to") || json_object_get(root, "publish");
    about.has_id = json_is_integer(id) && json_integer_value(id) >= 0;
    about.id = about.has_id ? (uint64_t)json_integer_value(id) : 0;
    json_decref(root);
    return about;
}

void tr_exec_outgoing_finish(tr_exec_outgoing_t *self) {
    tr_content_writer_finish(&self->bytes);
    json_decref(self->root);
    self->root = NULL;
}
