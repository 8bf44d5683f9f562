/*
 * The operation dialogue of the built-in mind: frames and slots. An action of the grammar (instruction.h) is a frame, what it needs is its
 * slots. A frame with an empty slot stays pending, and the next turn is read as its answer: as what would have followed the words that
 * began it. Small talk is answered by its intent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/dialogue.h"
#include "agentd/mind/instruction.h"
#include "agentd/mind/instruction_parts.h"

#define HELP_SURE 0.9f

static const struct {
    const char *intent, *reply;
} small_talk[] = {
    {"greet", "Hello. What can I do for you?"},
    {"farewell", "Goodbye."},
    {"thank", "You are welcome."},
    {"affirm", "Good."},
    {"deny", "All right."},
    {"complain", "I am sorry about that. What should have happened instead?"},
};

static const struct {
    const char *action, *question;
} questions[] = {
    {"search", "What shall I search for?"},
    {"analyse", "What shall I analyse?"},
    {"summarise", "What shall I summarise?"},
    {"task", "What is to be done?"},
    {"query", "What do you want to know?"},
    {"decide", "What is to be decided?"},
    {"send", "To whom, and what?"},
};

/* Questions that are not for a knowledge base. */
static const struct {
    const char *question, *reply;
} courtesies[] = {
    {"how are you", "I am well, thank you. What can I do for you?"},
    {"how are you today", "I am well, thank you. What can I do for you?"},
    {"how are you doing", "I am well, thank you. What can I do for you?"},
    {"how is it going", "All is well. What can I do for you?"},
    {"how's it going", "All is well. What can I do for you?"},
    {"are you there", "I am here. What can I do for you?"},
    {"how do you do", "I am well, thank you. What can I do for you?"},
    {"what is your name", "I have none of my own. Ask me \"what can you do?\" for what I am good for."},
    {"what's your name", "I have none of my own. Ask me \"what can you do?\" for what I am good for."},
    {"what are you", "I am a program that has work done by others. Ask me \"what can you do?\"."},
    {"are you a robot", "I am a program, and no person."},
    {"are you human", "I am a program, and no person."},
};

static json_t *chat(const char *state, const char *reply) {
    return json_pack("{s:s, s:s}", "state", state, "reply", reply);
}

static json_t *not_understood(void) {
    json_t *reply = json_sprintf("I did not understand that. You can say, for example: \"%s\" or \"%s\".",
        tr_instruction_example(0), tr_instruction_example(2));
    return json_pack("{s:s, s:o}", "state", "unclear", "reply", reply);
}

/* What can be said to it; `others`: names of actions that the grammar does not have, or NULL. */
static json_t *help(const json_t *others) {
    json_t *reply = json_string("I take what you say in plain words, for example:");
    for (size_t i = 0; reply && tr_instruction_example(i); i++) {
        json_t *longer = json_sprintf("%s\n- %s", json_string_value(reply), tr_instruction_example(i));
        json_decref(reply);
        reply = longer;
    }
    for (size_t i = 0; reply && i < json_array_size(others); i++) {
        const char *name = json_string_value(json_array_get(others, i));
        json_t *longer = json_sprintf("%s\n- %s ...", json_string_value(reply), name ? name : "");
        json_decref(reply);
        reply = longer;
    }
    return json_pack("{s:s, s:o}", "state", "chat", "reply", reply);
}

/* The intent, where it is sure enough; "". */
static const char *intent_of(tr_builtin_t *self, const char *text, float sure) {
    tr_intent_guess_t guess;
    const tr_intent_model_t *intents = tr_builtin_intents(self);
    tr_mind_words_read(text, strlen(text), &self->words);
    size_t count = intents ? tr_intent_classify(intents, &self->words, 1, &guess) : 0;
    return count > 0 && guess.confidence >= sure ? guess.label : "";
}

static bool is_dropping(const char *text) {
    static const char *const phrases[] = {
        "never mind", "nevermind", "cancel", "forget it", "forget that", "stop", "no", "nothing"};
    tr_part_t part = tr_part_trim((tr_part_t){text, strlen(text)});
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        size_t size = tr_part_begins(part, phrases[i]);
        if (size > 0 && tr_part_after(part, size).length == 0)
            return true;
    }
    return false;
}

/* To whoever says how he is. */
static json_t *sympathy(tr_builtin_t *self, const char *text) {
    tr_mind_words_t words;
    tr_mind_words_read(text, strlen(text), &words);
    const char *mood = tr_sentiment_label(tr_sentiment_score(self->sentiment, &words));
    return chat("chat", strcmp(mood, "positive") == 0 ? "I am glad to hear that. What can I do for you?"
                        : strcmp(mood, "negative") == 0
                            ? "I am sorry to hear that. Is there something that I can do?"
                            : "Thank you for telling me. Is there something that I can do?");
}

static json_t *small_talk_of(tr_builtin_t *self, const char *text, const json_t *others) {
    const char *intent = intent_of(self, text, TR_INTENT_UNSURE);
    for (size_t i = 0; i < sizeof small_talk / sizeof *small_talk; i++)
        if (strcmp(intent, small_talk[i].intent) == 0)
            return chat("chat", small_talk[i].reply);
    if (strcmp(intent, "help") == 0)
        return help(others);
    if (strcmp(intent, "mood") == 0)
        return sympathy(self, text);
    return is_dropping(text) ? chat("chat", "All right.") : not_understood();
}

/* "What can you do?" is a question by its form, and not one for a knowledge base. */
static bool is_for_help(tr_builtin_t *self, const char *text, const tr_instruction_t *instruction) {
    return instruction->status == TR_INSTRUCTION_OK && strcmp(instruction->action, "query") == 0 &&
           strcmp(intent_of(self, text, HELP_SURE), "help") == 0;
}

/* ---- frames ---- */

/* "it" in a parameter is what was last acted on. */
static void resolve(json_t *parameters, const json_t *subject) {
    static const char *const words[] = {"it", "this", "that", "them", "these", "those"};
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(parameters, next, key, value) {
        for (size_t i = 0; subject && json_is_string(value) && i < sizeof words / sizeof *words; i++)
            if (strcasecmp(json_string_value(value), words[i]) == 0) {
                json_object_set(parameters, key, (json_t *)(uintptr_t)subject);
                break;
            }
    }
}

static json_t *act(const tr_instruction_t *instruction, json_t *context) {
    resolve(instruction->parameters, json_object_get(context, "subject"));
    json_object_set_new(context, "pending", json_null());
    json_t *reply = json_sprintf("I take it: %s.", instruction->action);
    return json_pack("{s:s, s:o, s:s, s:O}", "state", "act", "reply", reply, "action", instruction->action,
        "parameters", instruction->parameters);
}

/* "What shall I tell Anna?", where it is said whom; new, NULL where it is not. */
static json_t *ask_what_to_tell(const tr_instruction_t *instruction, const char *said) {
    static const char *const tellers[] = {"tell", "notify", "inform", "message"};
    tr_part_t part = tr_part_trim((tr_part_t){said, strlen(said)});
    size_t polite = tr_part_begins(part, "please"), size = 0;
    if (strcmp(instruction->action, "send") != 0)
        return NULL;
    if (polite > 0)
        part = tr_part_after(part, polite);
    for (size_t i = 0; size == 0 && i < sizeof tellers / sizeof *tellers; i++)
        size = tr_part_begins(part, tellers[i]);
    tr_part_t whom = size > 0 ? tr_part_trim(tr_part_after(part, size)) : (tr_part_t){"", 0};
    return whom.length > 0 ? json_sprintf("What shall I tell %.*s?", (int)whom.length, whom.text) : NULL;
}

static json_t *question_for(const tr_instruction_t *instruction, const char *said) {
    json_t *question = ask_what_to_tell(instruction, said);
    for (size_t i = 0; !question && i < sizeof questions / sizeof *questions; i++)
        if (strcmp(questions[i].action, instruction->action) == 0)
            question = json_string(questions[i].question);
    return question ? question : json_string("What is missing?");
}

static json_t *ask_for(const tr_instruction_t *instruction, const char *said, json_t *context) {
    json_object_set_new(
        context, "pending", json_pack("{s:s, s:s}", "action", instruction->action, "said", said));
    return json_pack("{s:s, s:o, s:s, s:s}", "state", "ask", "reply", question_for(instruction, said),
        "action", instruction->action, "missing", instruction->missing);
}

/* Takes an instruction that is complete; else leaves nothing to finish. */
static bool parse_whole(const char *text, tr_instruction_t *ret_instruction) {
    tr_instruction_t instruction = {0};
    if (tr_instruction_parse(text, strlen(text), &instruction) < 0)
        return false;
    if (instruction.status == TR_INSTRUCTION_OK) {
        *ret_instruction = instruction;
        return true;
    }
    tr_instruction_finish(&instruction);
    return false;
}

/* The words that began the frame and those of this turn, joined as they would have been said. */
static bool parse_joined(const char *said, const char *text, tr_instruction_t *ret_instruction) {
    static const char *const tellers[] = {"tell", "notify", "inform", "let", "message"};
    const char *joints[] = {" ", " to "};
    for (size_t i = 0; i < sizeof tellers / sizeof *tellers; i++)
        if (tr_part_begins((tr_part_t){said, strlen(said)}, tellers[i]) > 0)
            joints[1] = " that ";
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++) {
        char *joined = NULL;
        if (asprintf(&joined, "%s%s%s", said, joints[i], text) < 0)
            return false;
        bool is_whole = parse_whole(joined, ret_instruction);
        free(joined);
        if (is_whole)
            return true;
    }
    return false;
}

/* A turn while a frame is pending: drops it, begins another, or fills it. NULL: it is none of these. */
static json_t *answer_pending(const char *text, json_t *context) {
    static const char *const others[] = {"search", "summarise", "send", "decide", "status", "cancel"};
    tr_instruction_t instruction = {0};
    const char *said = json_string_value(json_object_get(json_object_get(context, "pending"), "said"));
    if (is_dropping(text)) {
        json_object_set_new(context, "pending", json_null());
        return chat("dropped", "All right, I leave it.");
    }
    bool is_other = false, is_whole = parse_whole(text, &instruction);
    for (size_t i = 0; is_whole && i < sizeof others / sizeof *others; i++)
        is_other |= strcmp(instruction.action, others[i]) == 0;
    if (!is_other) {
        tr_instruction_finish(&instruction);
        is_whole = parse_joined(said, text, &instruction);
    }
    json_t *value = is_whole ? act(&instruction, context) : NULL;
    tr_instruction_finish(&instruction);
    return value;
}

/* NULL: it is none of them. */
static json_t *answer_courtesy(const char *text) {
    tr_part_t part = tr_part_trim((tr_part_t){text, strlen(text)});
    for (size_t i = 0; i < sizeof courtesies / sizeof *courtesies; i++) {
        size_t size = tr_part_begins(part, courtesies[i].question);
        if (size > 0 && tr_part_after(part, size).length == 0)
            return chat("chat", courtesies[i].reply);
    }
    return NULL;
}

static json_t *take_turn(tr_builtin_t *self, const char *text, json_t *context, const json_t *others) {
    tr_instruction_t instruction = {0};
    json_t *value =
        json_is_object(json_object_get(context, "pending")) ? answer_pending(text, context) : NULL;
    if (!value)
        value = answer_courtesy(text);
    if (value)
        return value;
    if (tr_instruction_parse(text, strlen(text), &instruction) < 0)
        return NULL;
    if (is_for_help(self, text, &instruction))
        value = help(others);
    else if (instruction.status == TR_INSTRUCTION_OK)
        value = act(&instruction, context);
    else if (instruction.status == TR_INSTRUCTION_INCOMPLETE)
        value = ask_for(&instruction, text, context);
    else
        value = small_talk_of(self, text, others);
    tr_instruction_finish(&instruction);
    return value;
}

int tr_builtin_dialogue(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    const json_t *given = json_object_get(request->input, "context");
    size_t length;
    if (given && !json_is_object(given)) {
        snprintf(detail, TR_BUILTIN_DETAIL, "context: expected an object: that of the answer before");
        return 0;
    }
    char *text = tr_builtin_clean(request, &length);
    json_t *context = tr_dialogue_context(given),
           *value = text && context
                        ? take_turn(self, text, context, json_object_get(request->input, "actions"))
                        : NULL;
    int rc = value ? tr_dialogue_remember(context, text, value) : -ENOMEM;
    if (rc == 0 && json_object_set(value, "context", context) == 0)
        *ret_value = json_incref(value);
    json_decref(value);
    json_decref(context);
    free(text);
    return rc;
}
