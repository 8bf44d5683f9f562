/* troupe-mind: asks the built-in mind from a shell, and trains models of intents. */
#include "agentd/mind/mind_command.h"

int main(int argc, char **argv) {
    return tr_mind_command(argc, argv);
}
