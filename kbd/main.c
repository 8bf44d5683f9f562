/* troupe-kbd: keeps documents and finds what is in them. */
#include "kbd/kbd.h"

#include "lib/embed/blas.h"

int main(int argc, char **argv) {
    tr_kbd_options_t options;
    tr_blas_choose(argv);
    int code = tr_kbd_options_read(argc, argv, &options);
    if (code != TR_RESIDENT_GO)
        return code;
    tr_kbd_t *kbd = NULL;
    code = tr_kbd_new(&options, &kbd);
    if (code == 0)
        code = tr_kbd_run(kbd);
    tr_kbd_destroy(&kbd);
    tr_kbd_options_finish(&options);
    return code;
}
