#include "tools/verbs/verbs.h"

int main(int argc, char **argv) {
    return tr_cli_run(tr_verbs, argc, argv, stdout, stderr);
}
