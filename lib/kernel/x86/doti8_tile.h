/* doti8_tile.h - idf_dot_i8 in tiles of two rows and two queries, so that each number that is
 * loaded is used twice. Who includes it defines before:
 *
 *   tile_sums          a vector of sums
 *   TILE_STEP          numbers taken at once
 *   TILE_NONE          a vector of zeros
 *   TILE_ROW(p)        so many numbers of a row, widened to 16 bits
 *   TILE_QUERY(p)      so many of a query
 *   TILE_ADD(s, x, a)  s, with products of neighbours added
 *   TILE_TOTAL(s)      the sum of all that is in s */

/* Bytes of rows that are fetched ahead: what the processor does of this by itself ends with a page,
 * and rows of a large collection come from memory. */
enum { TILE_AHEAD = 4096 };

/* What is behind the last whole step. */
static inline int32_t tile_rest(const int8_t *row, const int16_t *query, size_t n) {
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (int32_t)row[i] * query[i];
    return sum;
}

/* Rows x and y by queries a and b; x and y may be the same, and a and b. Not inlined, for its
 * callers' pointers take the registers that it needs. */
static __attribute__((noinline)) void tile(const int8_t *x, const int8_t *y, const int16_t *a,
                                           const int16_t *b, size_t n, int32_t by_a[2],
                                           int32_t by_b[2]) {
    tile_sums xa = TILE_NONE, ya = xa, xb = xa, yb = xa;
    for (size_t i = 0; i < n; i += TILE_STEP) {
        __builtin_prefetch(x + i + TILE_AHEAD);
        __builtin_prefetch(y + i + TILE_AHEAD);
        tile_sums of_x = TILE_ROW(x + i), of_y = TILE_ROW(y + i);
        tile_sums of_a = TILE_QUERY(a + i), of_b = TILE_QUERY(b + i);
        __asm__("" : "+v"(of_a), "+v"(of_b)); /* stay in registers: GCC 12 puts them on the stack */
        xa = TILE_ADD(xa, of_x, of_a);
        ya = TILE_ADD(ya, of_y, of_a);
        xb = TILE_ADD(xb, of_x, of_b);
        yb = TILE_ADD(yb, of_y, of_b);
    }
    by_a[0] = TILE_TOTAL(xa);
    by_a[1] = TILE_TOTAL(ya);
    by_b[0] = TILE_TOTAL(xb);
    by_b[1] = TILE_TOTAL(yb);
}

static inline void tile_all(const int8_t *rows, size_t n_rows, const int16_t *queries,
                            size_t n_queries, size_t dim, int32_t *out) {
    size_t whole = dim - dim % TILE_STEP;
    for (size_t q = 0; q < n_queries; q += 2)
        for (size_t r = 0; r < n_rows; r += 2) {
            int32_t sums[2][2];
            size_t n_q = q + 1 < n_queries ? 2 : 1, n_r = r + 1 < n_rows ? 2 : 1;
            const int8_t *x = rows + r * dim, *y = x + (n_r - 1) * dim;
            const int16_t *a = queries + q * dim, *b = a + (n_q - 1) * dim;
            tile(x, y, a, b, whole, sums[0], sums[1]);
            for (size_t i = 0; i < n_q; i++)
                for (size_t k = 0; k < n_r; k++)
                    out[(q + i) * n_rows + r + k] = sums[i][k];
        }
    if (whole == dim)
        return;
    for (size_t q = 0; q < n_queries; q++)
        for (size_t r = 0; r < n_rows; r++)
            out[q * n_rows + r] +=
                tile_rest(rows + r * dim + whole, queries + q * dim + whole, dim - whole);
}
