/* With --curve, our side's broker and links prove themselves with certificates and are encrypted; the raw side is
 * as it always is, so that the ratio has the price of it. */
#ifndef TR_TOOLS_BENCH_CURVE_H
#define TR_TOOLS_BENCH_CURVE_H

#include "tools/bench/child.h"

/* Makes the certificates, once for a bench. */
int tr_bench_curve_make(tr_bench_t *bench, tr_error_t *error);
/* The same, and tells all children that begin from now on where theirs is. */
int tr_bench_curve(tr_bench_t *bench, tr_error_t *error);
/* Children that begin from now on have none. */
void tr_bench_curve_off(tr_bench_t *bench);
/* What a broker is to be started with. */
void tr_bench_curve_paths(const tr_bench_t *bench, char cert[192], char certs[192]);
/* In a child: the secret part of its certificate; NULL = none. */
const char *tr_bench_curve_own(void);

#endif
