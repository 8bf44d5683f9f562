#include "tools/verbs/verbs.h"

#include <locale.h>

int main(int argc, char **argv) {
    if (!setlocale(LC_CTYPE, "C.UTF-8")) /* texts are UTF-8, whatever the user's language */
        setlocale(LC_CTYPE, "");         /* then columns are counted as well as can be, ignoring */
    return tr_cli_run(tr_verbs, argc, argv, stdout, stderr);
}
