#include "agentd/mind/instruction.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/instruction_parts.h"

/* What turns the rest of an instruction into parameters; false where something is missing. */
typedef bool (*parameters_fn)(tr_part_t rest, json_t *out);

typedef struct {
    const char *name, *needs, *example;
    parameters_fn read;
} action_t;

enum { SEARCH, ANALYSE, SUMMARISE, TASK, QUERY, DECIDE, SEND, STATUS, CANCEL, ACTIONS };

static bool read_subject(tr_part_t rest, json_t *out) {
    return tr_part_put(out, "subject", rest);
}

static bool read_question(tr_part_t rest, json_t *out) {
    return tr_part_put(out, "question", rest);
}

/* "for old photos", "the archive for old photos", "old photos in the archive", "the top 5 papers on graphs" */
static bool read_search(tr_part_t rest, json_t *out) {
    tr_part_t where, query = rest;
    if (tr_part_split(rest, "for", &where, &query))
        tr_part_put(out, "where", tr_part_without_article(where));
    else
        query = tr_part_without_last(query, out, "where");
    return tr_part_put(out, "query", tr_part_without_number(query, out, "most"));
}

static bool read_summary(tr_part_t rest, json_t *out) {
    return tr_part_put(out, "subject", tr_part_without_size(rest, out, "sentences"));
}

static bool read_task(tr_part_t rest, json_t *out) {
    rest = tr_part_without_priority(rest, out, "priority");
    return tr_part_put(out, "description", tr_part_without_time(rest, out, "when"));
}

static bool read_decision(tr_part_t rest, json_t *out) {
    if (!tr_part_put(out, "question", rest))
        return false;
    json_t *options = tr_part_options(rest);
    return !options || json_object_set_new(out, "options", options) == 0;
}

/* Whoever says so is no agent that something can be sent to. */
static bool is_self(tr_part_t to) {
    static const char *const words[] = {"me", "us", "myself", NULL};
    for (const char *const *word = words; *word; word++)
        if (to.length == strlen(*word) && strncasecmp(to.text, *word, to.length) == 0)
            return true;
    return false;
}

/* "X to Y", "Y that X", "Y about X" */
static bool read_message(tr_part_t rest, json_t *out) {
    static const char *const joints[] = {"know that", "know about", "that", "about", "know"};
    tr_part_t to, content;
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++)
        if (tr_part_split(rest, joints[i], &to, &content))
            return !is_self(to) && tr_part_put(out, "to", to) && tr_part_put(out, "content", content);
    if (tr_part_split_last(rest, "to", &content, &to))
        return !is_self(to) && tr_part_put(out, "content", content) && tr_part_put(out, "to", to);
    return false;
}

static const action_t actions[ACTIONS] = {
    [SEARCH] = {"search", "query", "search the archive for old photos", read_search},
    [ANALYSE] = {"analyse", "subject", "analyse the sales figures of last year", read_subject},
    [SUMMARISE] = {"summarise", "subject", "summarise the report in 3 sentences", read_summary},
    [TASK] = {"task", "description", "create a task to update the website by Friday", read_task},
    [QUERY] = {"query", "question", "what is the capital of France?", read_question},
    [DECIDE] = {"decide", "question", "decide between tea and coffee", read_decision},
    [SEND] = {"send", "to and content", "tell Anna that the meeting is cancelled", read_message},
    [STATUS] = {"status", NULL, "show the status of the migration", read_subject},
    [CANCEL] = {"cancel", NULL, "cancel the last task", read_subject},
};

/*
 * How instructions begin; the longest that fits counts. KEEP: the phrase itself belongs to the parameter; ALL, OWN: what follows says nothing more, as all
 * tasks are meant, or those of who asks.
 */
enum { KEEP = 1, ALL = 2, OWN = 4 };

static const struct {
    const char *phrase;
    unsigned char action, flags;
} phrases[] = {
    {"search", SEARCH},
    {"search for", SEARCH},
    {"find", SEARCH},
    {"find me", SEARCH},
    {"look for", SEARCH},
    {"look up", SEARCH},
    {"locate", SEARCH},
    {"retrieve", SEARCH},
    {"search in", SEARCH},
    {"query", SEARCH},
    {"analyse", ANALYSE},
    {"analyze", ANALYSE},
    {"examine", ANALYSE},
    {"investigate", ANALYSE},
    {"evaluate", ANALYSE},
    {"assess", ANALYSE},
    {"inspect", ANALYSE},
    {"review", ANALYSE},
    {"compare", ANALYSE, KEEP},
    {"look into", ANALYSE},
    {"diagnose", ANALYSE},
    {"study", ANALYSE},
    {"summarise", SUMMARISE},
    {"summarize", SUMMARISE},
    {"sum up", SUMMARISE},
    {"condense", SUMMARISE},
    {"shorten", SUMMARISE},
    {"recap", SUMMARISE},
    {"give me a summary of", SUMMARISE},
    {"i need a summary of", SUMMARISE},
    {"i want a summary of", SUMMARISE},
    {"i would like a summary of", SUMMARISE},
    {"i'd like a summary of", SUMMARISE},
    {"give me the gist of", SUMMARISE},
    {"make a summary of", SUMMARISE},
    {"write a summary of", SUMMARISE},
    {"summary of", SUMMARISE},
    {"a summary of", SUMMARISE},
    {"create a task to", TASK},
    {"remind me to", TASK},
    {"remind me", TASK, KEEP},
    {"add a task to", TASK},
    {"i need a", TASK},
    {"i need the", TASK},
    {"i need an", TASK},
    {"we need a", TASK},
    {"we need an", TASK},
    {"we need the", TASK},
    {"i want a", TASK},
    {"i want an", TASK},
    {"i want the", TASK},
    {"i would like a", TASK},
    {"i would like an", TASK},
    {"i would like the", TASK},
    {"i'd like a", TASK},
    {"i'd like an", TASK},
    {"i'd like the", TASK},
    {"get me a", TASK},
    {"get me the", TASK},
    {"create", TASK, KEEP},
    {"write", TASK, KEEP},
    {"prepare", TASK, KEEP},
    {"schedule", TASK, KEEP},
    {"book", TASK, KEEP},
    {"translate", TASK, KEEP},
    {"plan", TASK, KEEP},
    {"draft", TASK, KEEP},
    {"make", TASK, KEEP},
    {"build", TASK, KEEP},
    {"fix", TASK, KEEP},
    {"set up", TASK, KEEP},
    {"organise", TASK, KEEP},
    {"organize", TASK, KEEP},
    {"arrange", TASK, KEEP},
    {"generate", TASK, KEEP},
    {"order", TASK, KEEP},
    {"install", TASK, KEEP},
    {"update", TASK, KEEP},
    {"convert", TASK, KEEP},
    {"run", TASK, KEEP},
    {"what", QUERY, KEEP},
    {"who", QUERY, KEEP},
    {"when", QUERY, KEEP},
    {"where", QUERY, KEEP},
    {"why", QUERY, KEEP},
    {"how", QUERY, KEEP},
    {"explain", QUERY, KEEP},
    {"define", QUERY, KEEP},
    {"is", QUERY, KEEP},
    {"are", QUERY, KEEP},
    {"does", QUERY, KEEP},
    {"do", QUERY, KEEP},
    {"tell me", QUERY},
    {"find out", QUERY},
    {"do you know", QUERY},
    {"i want to know", QUERY},
    {"i would like to know", QUERY},
    {"i'd like to know", QUERY},
    {"i wonder", QUERY},
    {"which", QUERY, KEEP},
    {"what's", QUERY, KEEP},
    {"who's", QUERY, KEEP},
    {"when's", QUERY, KEEP},
    {"where's", QUERY, KEEP},
    {"how's", QUERY, KEEP},
    {"did", QUERY, KEEP},
    {"has", QUERY, KEEP},
    {"was", QUERY, KEEP},
    {"were", QUERY, KEEP},
    {"have you", QUERY, KEEP},
    {"decide", DECIDE},
    {"decide between", DECIDE},
    {"decide whether", DECIDE},
    {"choose", DECIDE},
    {"choose between", DECIDE},
    {"pick", DECIDE},
    {"vote on", DECIDE},
    {"vote about", DECIDE},
    {"should we", DECIDE},
    {"should i", DECIDE},
    {"hold a vote on", DECIDE},
    {"ask the group", DECIDE},
    {"let the group choose", DECIDE},
    {"let the group choose between", DECIDE},
    {"let the group decide", DECIDE},
    {"let the group decide between", DECIDE},
    {"let the group vote on", DECIDE},
    {"send", SEND},
    {"forward", SEND},
    {"tell", SEND},
    {"notify", SEND},
    {"inform", SEND},
    {"email", SEND},
    {"message", SEND},
    {"let", SEND},
    {"let me know", QUERY},
    {"let me know when", STATUS, OWN},
    {"let me know as soon as", STATUS, OWN},
    {"tell me when", STATUS, OWN},
    {"tell me as soon as", STATUS, OWN},
    {"notify me when", STATUS, OWN},
    {"inform me when", STATUS, OWN},
    {"post", SEND},
    {"status", STATUS},
    {"status of", STATUS},
    {"show the status of", STATUS},
    {"show me the status of", STATUS},
    {"what is the status of", STATUS},
    {"what's the status of", STATUS},
    {"how far is", STATUS},
    {"how far are", STATUS},
    {"what came of", STATUS},
    {"what became of", STATUS},
    {"what is the result of", STATUS},
    {"what's the result of", STATUS},
    {"show me the result of", STATUS},
    {"show me the results of", STATUS},
    {"give me the result of", STATUS},
    {"give me the results of", STATUS},
    {"what is the outcome of", STATUS},
    {"what was the outcome of", STATUS},
    {"where is my", STATUS},
    {"where are my", STATUS},
    {"any news", STATUS},
    {"any news of", STATUS},
    {"any news on", STATUS},
    {"any news about", STATUS},
    {"any progress", STATUS},
    {"any progress on", STATUS},
    {"any progress with", STATUS},
    {"give me a status update on", STATUS},
    {"give me an update on", STATUS},
    {"update me on", STATUS},
    {"show me what came of", STATUS},
    {"tasks", STATUS, OWN},
    {"my tasks", STATUS, OWN},
    {"list tasks", STATUS, OWN},
    {"show tasks", STATUS, OWN},
    {"show me tasks", STATUS, OWN},
    {"what are you working on", STATUS, OWN},
    {"what are you doing", STATUS, OWN},
    {"what did i ask you to do", STATUS, OWN},
    {"what did i ask you for", STATUS, OWN},
    {"what have i asked you to do", STATUS, OWN},
    {"what did i ask for", STATUS, OWN},
    {"what have i asked for", STATUS, OWN},
    {"give me a status update", STATUS, OWN},
    {"list the tasks", STATUS, ALL},
    {"list all tasks", STATUS, ALL},
    {"list all the tasks", STATUS, ALL},
    {"show the tasks", STATUS, ALL},
    {"show all tasks", STATUS, ALL},
    {"show all the tasks", STATUS, ALL},
    {"show me the tasks", STATUS, ALL},
    {"show me all tasks", STATUS, ALL},
    {"how are the tasks", STATUS, ALL},
    {"list my tasks", STATUS, OWN},
    {"list all my tasks", STATUS, OWN},
    {"show my tasks", STATUS, OWN},
    {"show me my tasks", STATUS, OWN},
    {"show all my tasks", STATUS, OWN},
    {"how are my tasks", STATUS, OWN},
    {"what are my tasks", STATUS, OWN},
    {"which tasks do i have", STATUS, OWN},
    {"what tasks do i have", STATUS, OWN},
    {"do i have tasks", STATUS, OWN},
    {"do i have any tasks", STATUS, OWN},
    {"which tasks have i", STATUS, OWN},
    {"which of my tasks", STATUS, OWN},
    {"cancel", CANCEL},
    {"stop", CANCEL},
    {"abort", CANCEL},
    {"terminate", CANCEL},
    {"stop working on", CANCEL},
    {"stop work on", CANCEL},
    {"stop the work on", CANCEL},
    {"stop doing", CANCEL},
    {"don't do", CANCEL},
    {"do not do", CANCEL},
    {"don't prepare", CANCEL},
    {"don't write", CANCEL},
    {"don't make", CANCEL},
    {"i don't need", CANCEL},
    {"i do not need", CANCEL},
    {"i no longer need", CANCEL},
    {"we don't need", CANCEL},
    {"we no longer need", CANCEL},
    {"forget about", CANCEL},
    {"never mind the", CANCEL},
    {"never mind my", CANCEL},
    {"delete", CANCEL},
    {"scrap", CANCEL},
    {"get rid of", CANCEL},
    {"call off", CANCEL},
};

static const char *const politeness[] = {"please", "can you", "could you", "would you", "will you",
    "i want you to", "i would like you to", "i'd like you to", "i need you to", "hey", "hi", "hello", "ok",
    "now", "then", "let us", "let's", "kindly", "you should", "just", "and"};

static tr_part_t skip_politeness(tr_part_t text) {
    for (size_t i = 0; i < sizeof politeness / sizeof *politeness; i++) {
        size_t size = tr_part_begins(text, politeness[i]);
        if (size > 0) {
            text = tr_part_after(text, size);
            i = (size_t)-1; /* from the first again: "hey, could you please" */
        }
    }
    return text;
}

/* "search for ships please", "..., thanks": what stands behind an instruction and is none of it. */
static tr_part_t drop_politeness(tr_part_t text) {
    static const char *const ends[] = {" please", ",please", ", thanks", ", thank you"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t size = strlen(ends[i]);
        if (text.length > size && strncasecmp(text.text + text.length - size, ends[i], size) == 0)
            return tr_part_trim((tr_part_t){text.text, text.length - size});
    }
    return text;
}

/* The index of the longest phrase that it begins with; the count of phrases where there is none. */
static size_t find_phrase(tr_part_t text, size_t *ret_size) {
    size_t best = sizeof phrases / sizeof *phrases;
    *ret_size = 0;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        size_t size = tr_part_begins(text, phrases[i].phrase);
        if (size > *ret_size) {
            *ret_size = size;
            best = i;
        }
    }
    return best;
}

static tr_part_t whose_tasks(unsigned flags) {
    static const char own[] = "my tasks", all[] = "all tasks";
    return flags & OWN ? (tr_part_t){own, sizeof own - 1} : (tr_part_t){all, sizeof all - 1};
}

static int fill(const action_t *action, tr_part_t rest, tr_instruction_t *self) {
    self->action = action->name;
    self->parameters = json_object();
    if (!self->parameters)
        return -ENOMEM;
    if (action->read(rest, self->parameters) || !action->needs)
        return 0;
    self->status = TR_INSTRUCTION_INCOMPLETE;
    self->missing = action->needs;
    json_decref(self->parameters);
    self->parameters = NULL;
    return 0;
}

int tr_instruction_parse(const char *text, size_t length, tr_instruction_t *ret_instruction) {
    size_t size;
    tr_instruction_t self = {0};
    tr_part_t whole = drop_politeness(skip_politeness(tr_part_trim((tr_part_t){text, length})));
    size_t found = find_phrase(whole, &size);
    int rc = 0;
    if (whole.length == 0)
        self.status = TR_INSTRUCTION_EMPTY;
    else if (found == sizeof phrases / sizeof *phrases)
        self.status = TR_INSTRUCTION_NO_ACTION;
    else if (phrases[found].flags & (ALL | OWN))
        rc = fill(&actions[phrases[found].action], whose_tasks(phrases[found].flags), &self);
    else if (tr_part_after(whole, size).length == 0)
        rc = fill(&actions[phrases[found].action], (tr_part_t){"", 0}, &self);
    else
        rc = fill(&actions[phrases[found].action],
            phrases[found].flags & KEEP ? whole : tr_part_after(whole, size), &self);
    if (rc < 0)
        return rc;
    *ret_instruction = self;
    return 0;
}

void tr_instruction_finish(tr_instruction_t *self) {
    json_decref(self->parameters);
    *self = (tr_instruction_t){0};
}

const char *tr_instruction_example(size_t index) {
    return index < ACTIONS ? actions[index].example : NULL;
}

const char *tr_instruction_example_of(const char *action) {
    for (size_t i = 0; i < ACTIONS; i++)
        if (strcmp(actions[i].name, action) == 0)
            return actions[i].example;
    return NULL;
}
