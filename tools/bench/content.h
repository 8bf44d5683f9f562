/* Contents of a measured message. */
#ifndef TR_TOOLS_BENCH_CONTENT_H
#define TR_TOOLS_BENCH_CONTENT_H

#include <stddef.h>

/* A msgpack `bin` that takes `size` bytes in all (TR_BENCH_CONTENT at least); malloc'd, NULL when
 * out of memory. */
void *tr_bench_content(size_t size);

#endif
