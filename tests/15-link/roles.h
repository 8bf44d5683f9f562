/*
 * The parts that other processes play in these tests: the test's own program, started again with the name of a
 * role (crowd_role). A role writes "ready" when its agents are registered, is told what to do on stdin, and
 * answers there:
 *
 *   sink ENDPOINT NAME          counts what comes; "report" -> "received N missing D doubled B damaged X failed F next L"
 *   flood ENDPOINT NAME TO N SIZE [big]   sends 0..N-1 to TO as fast as it may, waiting where it is told to; with
 *                               `big` each hundredth is 1 MiB; ends; before: "sent N again A"
 *   blast ENDPOINT NAME TO N    sends without waiting, and counts: "sent N again A"; "report" -> "busy B other O retry R"
 *   provider ENDPOINT NAME SERVICE CAPACITY hold|answer
 *                               "got NUMBER ATTEMPT REDELIVERED" for each request; "answer": answers those that it
 *                               holds and all that come; "release": gives back what it holds; "report" -> "took N"
 *   watch ENDPOINT NAME PATTERN  subscribes; "report" -> "events E missed M gaps G bad B last L": of one topic, by its
 *                               sequence; bad: neither the next one nor told by a gap
 *   many ENDPOINT PREFIX HOSTS EACH   hosts with EACH agents each, which answer; "report" -> "connected N sessions S"
 *   leave ENDPOINT NAME TO N    sends N and ends at once: tr_host_destroy is all that sees to them
 *
 * Each ends with its stdin, or when told "end", with exit code 0.
 */
#ifndef TESTS_ROLES_H
#define TESTS_ROLES_H

/* For main: runs a role when argv names one. -1 = no role, else the exit code. */
int role_main(int argc, char **argv);

#endif
