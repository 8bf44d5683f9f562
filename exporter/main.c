/* troupe-exporter: sends traces, logs and errors to where they are looked at. */
#include "exporter/exporter.h"

int main(int argc, char **argv) {
    tr_exporter_options_t options;
    int code = tr_exporter_options_read(argc, argv, &options);
    if (code != TR_RESIDENT_GO)
        return code;
    tr_exporter_t *exporter = NULL;
    code = tr_exporter_new(&options, &exporter);
    if (code == 0)
        code = tr_exporter_run(exporter);
    tr_exporter_destroy(&exporter);
    tr_exporter_options_finish(&options);
    return code;
}
