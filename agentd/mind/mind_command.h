/* The program troupe-mind. */
#ifndef TR_AGENTD_MIND_MIND_COMMAND_H
#define TR_AGENTD_MIND_MIND_COMMAND_H

/* Answers go to stdout as JSON, all else to stderr. The exit code: 0, 1 wrong usage, 3 what was given is not valid. */
int tr_mind_command(int argc, char *const *argv);

#endif
