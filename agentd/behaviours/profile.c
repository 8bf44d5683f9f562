#include "agentd/behaviours/profile.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "agentd/text/sentence.h"

#define NAME_MAX_BYTES  40
#define TOPIC_MAX_BYTES 60
#define ANNOYED         (-0.3)
#define FRESH           (1.0 / 3) /* how much the last turn counts */

#define BRIEF    "I will be brief."
#define LONGER   "I will say more."
#define FORMAL   "I will be formal."
#define FRIENDLY "I will be friendly."

static const struct {
    const char *phrase, *key, *value;
    const char *reply; /* where nothing else was said; NULL: it is no wish */
    bool order;        /* it counts as one alone: "be brief", and not "will it be brief?" */
} signs[] = {
    {"be brief", "detail", "short", BRIEF, true},
    {"briefly", "detail", "short", BRIEF},
    {"keep it short", "detail", "short", BRIEF},
    {"be shorter", "detail", "short", BRIEF, true},
    {"make it shorter", "detail", "short", BRIEF},
    {"keep it shorter", "detail", "short", BRIEF},
    {"shorter please", "detail", "short", BRIEF},
    {"shorter, please", "detail", "short", BRIEF},
    {"be longer", "detail", "long", LONGER, true},
    {"more detail", "detail", "long", LONGER},
    {"in detail", "detail", "long", LONGER},
    {"please elaborate", "detail", "long", LONGER},
    {"you elaborate", "detail", "long", LONGER},
    {"elaborate on", "detail", "long", LONGER},
    {"normal length", "detail", "normal", "I will be neither brief nor long."},
    {"be formal", "tone", "formal", FORMAL, true},
    {"be friendly", "tone", "friendly", FRIENDLY, true},
    {"thank you", "tone", "friendly"},
    {"thanks", "tone", "friendly"},
    {"be plain", "tone", "plain", "I will be plain.", true},
};

json_t *tr_profile_new(void) {
    return json_pack("{s:n, s:s, s:s, s:f, s:i, s:{}}", "name", "detail", "normal", "tone", "plain", "mood",
        0.0, "turns", 0, "topics");
}

/* ---- words ---- */

static bool begins_word(const char *text, const char *at) {
    return at == text || !isalnum((unsigned char)at[-1]);
}

/* Where a phrase stands in a text as whole words, from `from` on; NULL where it does not. */
static const char *find_from(const char *text, const char *from, const char *phrase) {
    size_t len = strlen(phrase);
    for (const char *at = from; (at = strcasestr(at, phrase)); at++)
        if (begins_word(text, at) && !isalnum((unsigned char)at[len]))
            return at;
    return NULL;
}

static const char *find_phrase(const char *text, const char *phrase) {
    return find_from(text, text, phrase);
}

/* ---- orders ---- */

/* Whether one of the phrases ends right before `at`. */
static bool follows(const char *text, const char *at, const char *const *phrases) {
    size_t before = (size_t)(at - text);
    while (before > 0 && text[before - 1] == ' ')
        before--;
    for (; *phrases; phrases++) {
        size_t len = strlen(*phrases);
        if (len <= before && strncasecmp(text + before - len, *phrases, len) == 0 &&
            begins_word(text, text + before - len))
            return true;
    }
    return false;
}

/* Whether the sentence asks for something: "can you tell me, and be brief?". */
static bool asks_for_it(const char *text, const char *at) {
    static const char *const asking[] = {"can you", "could you", "would you", "will you", "please"};
    const char *begin = at;
    while (begin > text && !strchr(".!?\n", begin[-1]))
        begin--;
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++) {
        const char *found = find_from(text, begin, asking[i]);
        if (found && found < at)
            return true;
    }
    return false;
}

/* Of what begins with "be": nobody else is to be so, and it is no question whether something is. */
static bool is_order(const char *text, const char *at) {
    static const char *const of_others[] = {"to", "would", "will", "can", "could", "may", "might", "must",
        "should", "shall", "not", "never", "cannot", "t", "ll", "d", NULL};
    static const char *const of_you[] = {
        "you to", "you should", "you must", "you can", "you could", "try to", NULL};
    bool is_question = at[strcspn(at, ".!?\n")] == '?';
    return (!follows(text, at, of_others) || follows(text, at, of_you)) &&
           (!is_question || asks_for_it(text, at));
}

static bool has_sign(const char *said, const char *phrase, bool order) {
    const char *at = find_phrase(said, phrase);
    while (at && order && !is_order(said, at))
        at = find_from(said, at + 1, phrase);
    return at != NULL;
}

/* The name that follows: words that begin with a capital, two at most. */
static json_t *name_at(const char *text) {
    size_t len = 0, words = 0;
    text += strspn(text, " ");
    while (words < 2 && (isupper((unsigned char)text[len]) || (unsigned char)text[len] >= 0x80)) {
        while (text[len] && !strchr(" ,.!?;:\"'()<>\n", text[len]))
            len++;
        words++;
        if (text[len] == ' ' && words < 2 && isupper((unsigned char)text[len + 1]))
            len++;
        else
            break;
    }
    return len > 0 && len <= NAME_MAX_BYTES ? json_stringn(text, len) : NULL;
}

/* The name that somebody says he has; new, NULL where he says none. */
static json_t *name_in(const char *said) {
    static const char *const phrases[] = {"my name is", "call me", "I am called"};
    json_t *name = NULL;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases && !name; i++) {
        const char *at = find_phrase(said, phrases[i]);
        name = at ? name_at(at + strlen(phrases[i])) : NULL;
    }
    return name;
}

static void learn_name(json_t *profile, const char *said) {
    json_t *name = name_in(said);
    if (name)
        json_object_set_new(profile, "name", name);
}

/* ---- topics ---- */

static const char *rarest(const json_t *topics, const char *except) {
    const char *key, *found = NULL;
    json_int_t least = 0;
    json_t *count;
    json_object_foreach((json_t *)(uintptr_t)topics, key, count) {
        if (strcmp(key, except) != 0 && (!found || json_integer_value(count) < least)) {
            found = key;
            least = json_integer_value(count);
        }
    }
    return found;
}

void tr_profile_learn_topic(json_t *profile, const json_t *parameters) {
    static const char *const keys[] = {"query", "subject", "question", "description"};
    json_t *topics = json_object_get(profile, "topics");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *topic = json_string_value(json_object_get(parameters, keys[i]));
        if (!topic || !*topic || strlen(topic) > TOPIC_MAX_BYTES)
            continue;
        json_int_t count = json_integer_value(json_object_get(topics, topic));
        json_object_set_new(topics, topic, json_integer(count + 1));
        if (json_object_size(topics) > TR_PROFILE_TOPICS)
            json_object_del(topics, rarest(topics, topic));
        return;
    }
}

json_t *tr_profile_wish(const char *said) {
    json_t *name = name_in(said), *reply = NULL;
    for (size_t i = 0; i < sizeof signs / sizeof *signs && !reply; i++)
        if (signs[i].reply && has_sign(said, signs[i].phrase, signs[i].order))
            reply = json_string(signs[i].reply);
    if (!reply && name)
        reply = json_sprintf("I will call you %s.", json_string_value(name));
    json_decref(name);
    return reply;
}

/* Consumes `text`. */
static json_t *longer(json_t *text, const char *more, const char *end) {
    json_t *all = json_sprintf("%s%s%s", json_string_value(text), more, end);
    json_decref(text);
    return all;
}

static json_t *told_name(const json_t *profile) {
    const char *name = json_string_value(json_object_get(profile, "name"));
    return name ? json_sprintf("You are %s.", name)
                : json_string("You have not told me your name yet: \"my name is ...\".");
}

/* A new reference. */
static json_t *told_all(const json_t *profile) {
    static const char *const replies[][2] = {
        {"short", " You like it brief."}, {"long", " You like it in detail."}};
    const char *detail = json_string_value(json_object_get(profile, "detail")), *topic;
    json_t *told = told_name(profile), *count, *topics = json_object_get(profile, "topics");
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        if (detail && strcmp(detail, replies[i][0]) == 0)
            told = longer(told, replies[i][1], "");
    size_t said = 0;
    json_object_foreach(topics, topic, count) {
        told = longer(told, said++ == 0 ? " You have asked about: " : "; ", topic);
    }
    return said > 0 ? longer(told, ".", "") : told;
}

/* Whether it is all that is said. */
static bool is_said(const char *said, const char *phrase) {
    size_t size = strlen(phrase);
    return strncasecmp(said, phrase, size) == 0 && !said[size + strspn(said + size, " ?!.")];
}

json_t *tr_profile_answer(const json_t *profile, const char *said) {
    static const struct {
        const char *question;
        json_t *(*told)(const json_t *profile);
    } questions[] = {{"what is my name", told_name}, {"what's my name", told_name}, {"who am i", told_name},
        {"do you know my name", told_name}, {"do you know who i am", told_name},
        {"do you remember me", told_name}, {"do you remember my name", told_name},
        {"what do you know about me", told_all}, {"what do you know of me", told_all},
        {"what have you learnt about me", told_all}, {"what have you learned about me", told_all}};
    static const char *const phrases[] = {"my name is ", "call me ", "please call me ", "i am called "};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (is_said(said, questions[i].question))
            return questions[i].told(profile);
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (strncasecmp(said, phrases[i], strlen(phrases[i])) == 0)
            return tr_profile_wish(said);
    return NULL;
}

void tr_profile_learn(json_t *profile, const char *said, const json_t *sentiment) {
    double mood = json_number_value(json_object_get(profile, "mood"));
    double score = json_number_value(json_object_get(sentiment, "score"));
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (has_sign(said, signs[i].phrase, signs[i].order))
            json_object_set_new(profile, signs[i].key, json_string(signs[i].value));
    learn_name(profile, said);
    json_object_set_new(profile, "mood", json_real(mood + (score - mood) * FRESH));
    json_object_set_new(
        profile, "turns", json_integer(json_integer_value(json_object_get(profile, "turns")) + 1));
}

/* ---- replies ---- */

static int first_sentence(const char *text) {
    return (int)tr_sentence_length(text, strlen(text), TR_LANGUAGE_UNKNOWN);
}

static bool is(const json_t *profile, const char *key, const char *value) {
    const char *has = json_string_value(json_object_get(profile, key));
    return has && strcmp(has, value) == 0;
}

/* Whether the word stands in the first `len` bytes. */
static bool has_word(const char *text, int len, const char *word) {
    const char *at = find_phrase(text, word);
    return at && at - text < len;
}

/* "I", and not "It". */
static bool is_myself(const char *reply) {
    return reply[0] == 'I' && (reply[1] == ' ' || reply[1] == '\'');
}

json_t *tr_profile_fit(const json_t *profile, const char *reply, bool may_cut, double mood) {
    const char *name = json_string_value(json_object_get(profile, "name"));
    bool is_list = strchr(reply, '\n') != NULL; /* which without its last items would say less than it does */
    bool cuts = may_cut && !is_list && is(profile, "detail", "short");
    int first = first_sentence(reply), len = cuts ? first : (int)strlen(reply);
    const char *regret = mood < ANNOYED && !has_word(reply, first, "sorry") ? "I am sorry. " : "";
    bool calls = name && is(profile, "tone", "friendly") && !has_word(reply, first, name);
    if (calls && !may_cut) /* it may begin with a name, or be anything at all */
        return json_sprintf("%s%s: %s", regret, name, reply);
    if (calls)
        return json_sprintf("%s%s, %c%.*s", regret, name,
            is_myself(reply) ? 'I' : tolower((unsigned char)reply[0]), len > 0 ? len - 1 : 0,
            len > 0 ? reply + 1 : reply);
    return json_sprintf("%s%.*s", regret, len, reply);
}

static bool is_addressed(const json_t *profile) {
    return json_is_string(json_object_get(profile, "name")) && is(profile, "tone", "friendly");
}

bool tr_profile_fits(const json_t *profile, double mood) {
    return is_addressed(profile) || mood < ANNOYED || is(profile, "detail", "short");
}

json_t *tr_profile_fit_part(const json_t *profile, const char *part, double mood) {
    const char *rest = part + first_sentence(part);
    bool is_open = rest[strspn(rest, " \n")] == '\0';
    return is_open && (is_addressed(profile) || mood < ANNOYED) ? json_string("")
                                                                : tr_profile_fit(profile, part, true, mood);
}
