/* What is the same of all databases. */
#include "lib/store/sql.h"

#include <stdio.h>

void tr_sql_fail(tr_sql_t *self, int rc, const char *why) {
    if (self->failed)
        return;
    self->failed = rc;
    snprintf(self->why, sizeof self->why, "%s", why);
}

void tr_sql_close(tr_sql_t **self) {
    if (*self)
        (*self)->ops->close(*self);
    *self = NULL;
}
