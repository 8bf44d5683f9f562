/* Vectors to measure with: in clusters, as those of texts are, of length 1, and the same ones in each process. */
#ifndef TR_SAMPLE_CLUSTERS_H
#define TR_SAMPLE_CLUSTERS_H

#include <stddef.h>
#include <stdint.h>

/* The vectors from .. from + n - 1: n * dimensions floats. What is beyond those that are stored may be asked for: they are of the same clusters.
 * NULL when out of memory; to be freed. */
float *tr_sample_clusters(uint64_t from, size_t n, size_t dimensions);

#endif
