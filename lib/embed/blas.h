/*
 * OpenBLAS chooses its kernels when it is loaded, by a list of processors: of one that is newer than the list it takes those of 2004, with a quarter of the speed or
 * less. It can be told better by OPENBLAS_CORETYPE alone, which it reads at that moment; a user's own value is left alone.
 *
 * Threads: both change the environment, so before any are started that look at it.
 */
#ifndef TR_EMBED_BLAS_H
#define TR_EMBED_BLAS_H

#include <stdbool.h>

/* Before OpenBLAS is loaded as part of a module. False: it is there already, is told by the user, or there is nothing to tell. True: tr_blas_forget afterwards. */
bool tr_blas_tell(void);
void tr_blas_forget(void);

/*
 * For a program that is linked with OpenBLAS, as the first thing of main: where that has not known the processor, the program begins anew (execv(2), the same
 * process), and it is told. Returns where there is nothing to mend, or no way to: the results are the same, and slow.
 */
void tr_blas_choose(char **argv);

#endif
