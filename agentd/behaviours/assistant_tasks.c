#include "agentd/behaviours/assistant_tasks.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agentd/text/language.h"

#define WORD_MAX 64 /* bytes of a word; what is longer is compared by its beginning */
#define STEM     4  /* bytes that a word has at least without its ending */
#define BLANKS   " \t\r\n,.;:!?\"'()"

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is_one_of(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

bool tr_assistant_is_any(const char *subject) {
    static const char *const words[] = {"it", "this", "that", "them", "task", "the task", "my task",
        "last task", "the last task", "my last task", "the last one"};
    return is_one_of(subject, words, sizeof words / sizeof *words);
}

bool tr_assistant_is_all(const char *subject) {
    static const char *const words[] = {"all", "everything", "all of it", "tasks", "the tasks", "my tasks",
        "all tasks", "all of them", "all my tasks", "all the tasks", "all of my tasks", "every task",
        "these tasks"};
    return is_one_of(subject, words, sizeof words / sizeof *words);
}

bool tr_assistant_is_id(const char *subject) {
    const char *dash = strrchr(subject, '-');
    return dash && !strpbrk(subject, BLANKS) && strpbrk(dash, "0123456789") != NULL;
}

/* The next word of *at in small letters. False: there is none. */
static bool next_word(const char **at, char word[WORD_MAX]) {
    *at += strspn(*at, BLANKS);
    size_t length = strcspn(*at, BLANKS), kept = length < WORD_MAX ? length : WORD_MAX - 1;
    for (size_t i = 0; i < kept; i++)
        word[i] = (char)tolower((unsigned char)(*at)[i]);
    word[kept] = '\0';
    *at += length;
    return length > 0;
}

/* Of the two the shorter one begins the longer one, without an ending of at most two bytes ("slide", "slides"). */
static bool is_same(const char *a, const char *b) {
    size_t of_a = strlen(a), of_b = strlen(b), shorter = of_a < of_b ? of_a : of_b;
    size_t longer = of_a < of_b ? of_b : of_a, stem = shorter > STEM + 1 ? shorter - 1 : shorter;
    return strcmp(a, b) == 0 || (shorter >= STEM && longer - shorter <= 2 && strncmp(a, b, stem) == 0);
}

static bool has_word(const char *text, const char *wanted) {
    char word[WORD_MAX];
    while (next_word(&text, word))
        if (is_same(word, wanted))
            return true;
    return false;
}

static bool says_something(const char *word) {
    return strcmp(word, "task") != 0 && strcmp(word, "tasks") != 0 &&
           !tr_language_is_stop_word(TR_LANGUAGE_EN, word);
}

/* How many words of the subject a text has; 0 where it has not most of them. */
static size_t words_of(const char *text, const char *subject) {
    char word[WORD_MAX];
    size_t all = 0, found = 0;
    while (next_word(&subject, word))
        if (says_something(word)) {
            all++;
            found += has_word(text, word);
        }
    return found * 2 > all ? found : 0;
}

bool tr_assistant_fits(const char *text, const char *subject) {
    return words_of(text, subject) > 0;
}

/* "\n- text (id)" for each. Consumes `head`. */
static json_t *list_plans(json_t *head, const json_t *plans) {
    for (size_t i = 0; i < json_array_size(plans); i++) {
        const json_t *plan = json_array_get(plans, i);
        const char *id = json_string_value(json_array_get(json_object_get(plan, "ids"), 0));
        json_t *more = json_sprintf(
            "%s\n- %s (%s)", json_string_value(head), text_at(plan, "text"), id ? id : "no task");
        json_decref(head);
        head = more;
    }
    return head;
}

/* Those that have the most of the subject's words. New. */
static json_t *best(const json_t *plans, const char *subject) {
    json_t *found = json_array();
    size_t most = 1;
    for (size_t i = 0; i < json_array_size(plans); i++) {
        json_t *plan = json_array_get(plans, i);
        size_t words = words_of(text_at(plan, "text"), subject);
        if (words > most)
            json_array_clear(found);
        if (words >= most) {
            json_array_append(found, plan);
            most = words;
        }
    }
    return found;
}

json_t *tr_assistant_to_cancel(const json_t *session, const char *subject, json_t **ret_why) {
    json_t *plans = json_object_get(session, "tasks"), *found;
    size_t count = json_array_size(plans);
    *ret_why = NULL;
    if (count == 0) {
        *ret_why = json_string(
            "You have asked me for no task that I could cancel. By its id I can: `troupe task list`.");
        return NULL;
    }
    if (tr_assistant_is_all(subject))
        return json_copy(plans);
    if (tr_assistant_is_any(subject))
        return json_pack("[O]", json_array_get(plans, count - 1));
    found = best(plans, subject);
    if (json_array_size(found) == 1)
        return found;
    *ret_why =
        json_array_size(found) > 1
            ? list_plans(json_string("Which one? Say its id, or more of its words:"), found)
            : list_plans(json_sprintf("None of your tasks is about \"%s\". There are:", subject), plans);
    json_decref(found);
    return NULL;
}

json_t *tr_assistant_cancelled(const json_t *texts) {
    json_t *all = json_string("Cancelled:");
    for (size_t i = 0; i < json_array_size(texts); i++) {
        json_t *more = json_sprintf(
            "%s%s %s", json_string_value(all), i > 0 ? ";" : "", json_string_value(json_array_get(texts, i)));
        json_decref(all);
        all = more;
    }
    return all;
}
