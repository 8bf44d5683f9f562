/* Where a daemon's HTTP port is, as Prometheus reads it: file_sd_configs with every .json of a directory. */
#ifndef TR_BASE_HTTP_FILE_H
#define TR_BASE_HTTP_FILE_H

#include "lib/base/error.h"

/* Of a daemon's option --http-file. */
#define TR_HTTP_FILE_HELP                                                                                    \
    "Tell where that is in DIR/NAME.json, as Prometheus reads it (file_sd_configs), while it is open."

/* Writes DIRECTORY/NAME.json, whole, for a port at `address` of the process `name`, one of the kind `job`: all three without quotes and
 * backslashes. The directory is made where it is missing. 0 and the path, which the caller unlinks and frees, or a negative errno with a text. */
int tr_http_file_write(const char *directory, const char *name, const char *job, const char *address,
    char **ret_path, tr_error_t *error);

#endif
