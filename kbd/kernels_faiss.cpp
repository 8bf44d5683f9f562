/*
 * What FAISS's distances_simd.o defines, on our kernels. An archive's member is taken only where something in it is still missing: as all that
 * is asked of that one is here, and linked first, it stays out. A function that FAISS wants and that is missing here shows as "multiple
 * definition" when troupe-kbd is linked.
 */
#include "kbd/kernels.h"

#include <faiss/utils/distances.h>

#include <cmath>

namespace faiss {

float fvec_L2sqr(const float *x, const float *y, size_t d) {
    return tr_kernel_distance(x, y, d);
}

float fvec_inner_product(const float *x, const float *y, size_t d) {
    return tr_kernel_product(x, y, d);
}

float fvec_norm_L2sqr(const float *x, size_t d) {
    return tr_kernel_product(x, x, d);
}

float fvec_L1(const float *x, const float *y, size_t d) {
    float sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += std::fabs(x[i] - y[i]);
    return sum;
}

float fvec_Linf(const float *x, const float *y, size_t d) {
    float most = 0;
    for (size_t i = 0; i < d; i++)
        most = std::fmax(most, std::fabs(x[i] - y[i]));
    return most;
}

void fvec_inner_products_ny(float *ip, const float *x, const float *y, size_t d, size_t ny) {
    for (size_t i = 0; i < ny; i++)
        ip[i] = tr_kernel_product(x, y + i * d, d);
}

void fvec_L2sqr_ny(float *dis, const float *x, const float *y, size_t d, size_t ny) {
    for (size_t i = 0; i < ny; i++)
        dis[i] = tr_kernel_distance(x, y + i * d, d);
}

static size_t least(const float *values, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        at = values[i] < values[at] ? i : at;
    return at;
}

size_t fvec_L2sqr_ny_nearest(float *buffer, const float *x, const float *y, size_t d, size_t ny) {
    fvec_L2sqr_ny(buffer, x, y, d, ny);
    return least(buffer, ny);
}

/* y is d rows of d_offset columns; |x - y|^2 less |x|^2, which is the same for all. */
size_t fvec_L2sqr_ny_nearest_y_transposed(float *buffer, const float *x, const float *y, const float *y_sqlen,
    size_t d, size_t d_offset, size_t ny) {
    for (size_t i = 0; i < ny; i++)
        buffer[i] = y_sqlen[i];
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < ny; i++)
            buffer[i] -= 2 * x[j] * y[j * d_offset + i];
    return least(buffer, ny);
}

void fvec_madd(size_t n, const float *a, float bf, const float *b, float *c) {
    for (size_t i = 0; i < n; i++)
        c[i] = a[i] + bf * b[i];
}

int fvec_madd_and_argmin(size_t n, const float *a, float bf, const float *b, float *c) {
    fvec_madd(n, a, bf, b, c);
    return n ? static_cast<int>(least(c, n)) : -1;
}

void fvec_add(size_t d, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < d; i++)
        c[i] = a[i] + b[i];
}

void fvec_add(size_t d, const float *a, float b, float *c) {
    for (size_t i = 0; i < d; i++)
        c[i] = a[i] + b;
}

void fvec_sub(size_t d, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < d; i++)
        c[i] = a[i] - b[i];
}

/* Tables of `nx` queries: ksub values for each of d / 2 pairs of columns. */
void compute_PQ_dis_tables_dsub2(size_t d, size_t ksub, const float *all, size_t nx, const float *x,
    bool is_inner_product, float *tables) {
    size_t pairs = d / 2;
    for (size_t q = 0; q < nx; q++)
        for (size_t m = 0; m < pairs; m++) {
            const float *pair = x + q * d + 2 * m;
            float *table = tables + (q * pairs + m) * ksub;
            if (is_inner_product)
                fvec_inner_products_ny(table, pair, all + m * ksub * 2, 2, ksub);
            else
                fvec_L2sqr_ny(table, pair, all + m * ksub * 2, 2, ksub);
        }
}
} // namespace faiss
