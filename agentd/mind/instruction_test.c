#include "agentd/mind/instruction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `parameters` as JSON with sorted keys; NULL: it is not understood, with this status. */
static void assert_parsed(const char *text, const char *action, const char *parameters) {
    tr_instruction_t instruction;
    assert_int_equal(tr_instruction_parse(text, strlen(text), &instruction), 0);
    if (instruction.status != TR_INSTRUCTION_OK)
        fail_msg("\"%s\" is not understood", text);
    char *found = json_dumps(instruction.parameters, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(instruction.action, action);
    assert_string_equal(found, parameters);
    free(found);
    tr_instruction_finish(&instruction);
}

static void assert_refused(const char *text, tr_instruction_status_t status, const char *missing) {
    tr_instruction_t instruction;
    assert_int_equal(tr_instruction_parse(text, strlen(text), &instruction), 0);
    assert_int_equal(instruction.status, status);
    assert_null(instruction.parameters);
    if (missing)
        assert_string_equal(instruction.missing, missing);
    tr_instruction_finish(&instruction);
}

static void instructions_have_actions_and_parameters(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"Search for papers about whales.", "search", "{\"query\":\"papers about whales\"}"},
        {"please search the archive for old photos", "search",
            "{\"query\":\"old photos\",\"where\":\"archive\"}"},
        {"find the top 5 papers on graphs", "search", "{\"most\":5,\"query\":\"papers on graphs\"}"},
        {"Could you look up Troupe in the knowledge base?", "search",
            "{\"query\":\"Troupe\",\"where\":\"knowledge base\"}"},
        {"analyse the sales figures", "analyse", "{\"subject\":\"the sales figures\"}"},
        {"compare A with B", "analyse", "{\"subject\":\"compare A with B\"}"},
        {"Summarise the report in three sentences", "summarise",
            "{\"sentences\":3,\"subject\":\"the report\"}"},
        {"give me a summary of the talk in Berlin", "summarise", "{\"subject\":\"the talk in Berlin\"}"},
        {"create a task to update the website by Friday, urgent", "task",
            "{\"description\":\"update the website\",\"priority\":\"high\",\"when\":\"Friday\"}"},
        {"Prepare the slides for Monday", "task",
            "{\"description\":\"Prepare the slides\",\"when\":\"Monday\"}"},
        {"remind me to call Tom tomorrow", "task", "{\"description\":\"call Tom\",\"when\":\"tomorrow\"}"},
        {"write a letter by hand", "task", "{\"description\":\"write a letter by hand\"}"},
        {"What is the capital of France?", "query", "{\"question\":\"What is the capital of France\"}"},
        {"decide between tea, coffee and water", "decide",
            "{\"options\":[\"tea\",\"coffee\",\"water\"],\"question\":\"tea, coffee and water\"}"},
        {"vote on the new name", "decide", "{\"question\":\"the new name\"}"},
        {"vote on the new logo: red, green or blue", "decide",
            "{\"options\":[\"red\",\"green\",\"blue\"],\"question\":\"the new logo: red, green or blue\"}"},
        {"choose the time: 10:30 or 11:45", "decide",
            "{\"options\":[\"10:30\",\"11:45\"],\"question\":\"the time: 10:30 or 11:45\"}"},
        {"Let me know what the capital of France is", "query",
            "{\"question\":\"what the capital of France is\"}"},
        {"let me know when it is done", "status", "{\"subject\":\"my tasks\"}"},
        {"Tell Anna that the meeting is cancelled", "send",
            "{\"content\":\"the meeting is cancelled\",\"to\":\"Anna\"}"},
        {"send the letter to the team to Bob", "send",
            "{\"content\":\"the letter to the team\",\"to\":\"Bob\"}"},
        {"what is the status of the migration?", "status", "{\"subject\":\"the migration\"}"},
        {"status", "status", "{}"},
        {"hey, could you please cancel the last task", "cancel", "{\"subject\":\"the last task\"}"},
        {"stop!", "cancel", "{}"},
        {"please let Bob know that the meeting is at 5", "send",
            "{\"content\":\"the meeting is at 5\",\"to\":\"Bob\"}"},
        {"let Bob know about the meeting", "send", "{\"content\":\"the meeting\",\"to\":\"Bob\"}"},
        {"I want to know who wrote it", "query", "{\"question\":\"who wrote it\"}"},
        {"find out who is in charge", "query", "{\"question\":\"who is in charge\"}"},
        {"do you know when the ferry leaves?", "query", "{\"question\":\"when the ferry leaves\"}"},
        {"let the group vote on tea or coffee", "decide",
            "{\"options\":[\"tea\",\"coffee\"],\"question\":\"tea or coffee\"}"},
        {"search for ships please", "search", "{\"query\":\"ships\"}"},
        {"tell Anna that I am late, thanks!", "send", "{\"content\":\"I am late\",\"to\":\"Anna\"}"},
        {"how are the tasks going?", "status", "{\"subject\":\"all tasks\"}"},
        {"list my tasks", "status", "{\"subject\":\"my tasks\"}"},
        {"which tasks do I have?", "status", "{\"subject\":\"my tasks\"}"},
        {"what came of the report?", "status", "{\"subject\":\"the report\"}"},
        {"any news on the report?", "status", "{\"subject\":\"the report\"}"},
        {"I need the slides for Monday", "task", "{\"description\":\"slides\",\"when\":\"Monday\"}"},
        {"I want a summary of the report", "summarise", "{\"subject\":\"the report\"}"},
        {"tasks", "status", "{\"subject\":\"my tasks\"}"},
        {"what did I ask you to do?", "status", "{\"subject\":\"my tasks\"}"},
        {"could you please stop working on the slides", "cancel", "{\"subject\":\"the slides\"}"},
        {"don't do the slides", "cancel", "{\"subject\":\"the slides\"}"},
        {"never mind the slides", "cancel", "{\"subject\":\"slides\"}"},
        {"did you finish the report?", "query", "{\"question\":\"did you finish the report\"}"},
        {"how's the report?", "query", "{\"question\":\"how's the report\"}"},
        {"I need you to write a poem", "task", "{\"description\":\"write a poem\"}"},
        {"a summary of the report, please", "summarise", "{\"subject\":\"the report\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_parsed(cases[i][0], cases[i][1], cases[i][2]);
}

static void what_is_no_instruction_is_not_guessed(void **state) {
    (void)state;
    assert_refused("", TR_INSTRUCTION_EMPTY, NULL);
    assert_refused(" ?!, ", TR_INSTRUCTION_EMPTY, NULL);
    assert_refused("please", TR_INSTRUCTION_EMPTY, NULL);
    assert_refused("the weather is fine", TR_INSTRUCTION_NO_ACTION, NULL);
    assert_refused("searching is fun", TR_INSTRUCTION_NO_ACTION, NULL); /* whole words only */
    assert_refused("search", TR_INSTRUCTION_INCOMPLETE, "query");
    assert_refused("summarise.", TR_INSTRUCTION_INCOMPLETE, "subject");
    assert_refused("tell Anna", TR_INSTRUCTION_INCOMPLETE, "to and content");
}

/* Whatever is cut off, it is parsed or refused; the sanitizers look on. */
static void cut_instructions_are_parsed_or_refused(void **state) {
    (void)state;
    static const char text[] =
        "hey, could you create a task to choose between a, b or c, send x to y in 3 lines by 5, urgent";
    for (size_t from = 0; from < sizeof text; from++)
        for (size_t length = 0; from + length < sizeof text; length++) {
            char *copy = malloc(length + 1); /* its own block, so that a byte too far is seen */
            tr_instruction_t instruction;
            memcpy(copy, text + from, length);
            char *exact = realloc(copy, length ? length : 1);
            assert_int_equal(tr_instruction_parse(exact, length, &instruction), 0);
            assert_int_equal(instruction.status == TR_INSTRUCTION_OK, instruction.parameters != NULL);
            tr_instruction_finish(&instruction);
            free(exact);
        }
}

/* What is suggested to whom was not understood must be understood. */
static void examples_are_understood(void **state) {
    (void)state;
    const char *example;
    for (size_t i = 0; (example = tr_instruction_example(i)); i++) {
        tr_instruction_t instruction;
        assert_int_equal(tr_instruction_parse(example, strlen(example), &instruction), 0);
        assert_int_equal(instruction.status, TR_INSTRUCTION_OK);
        assert_string_equal(tr_instruction_example_of(instruction.action), example);
        tr_instruction_finish(&instruction);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_have_actions_and_parameters),
        cmocka_unit_test(what_is_no_instruction_is_not_guessed),
        cmocka_unit_test(cut_instructions_are_parsed_or_refused),
        cmocka_unit_test(examples_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
