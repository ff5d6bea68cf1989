/* product.c - a product with freshly packed activations. */
#include "train/product.h"

typedef struct packing {
    const idf_product *product;
    idf_gemm_input input;
} packing;

static void pack_block(void *context, size_t block, int worker) {
    (void)worker;
    const packing *p = context;
    const idf_product *product = p->product;
    if (product->by_columns)
        idf_gemm_input_pack_columns(&p->input, (int)block, product->x, (size_t)product->m);
    else
        idf_gemm_input_pack(&p->input, (int)block, product->x, (size_t)product->k);
}

void idf_product_run(const idf_product *p, idf_pool *pool) {
    packing packed = {p, idf_gemm_input_view(IDF_GEMM_F32, p->m, p->k, p->scratch)};
    idf_pool_for(pool, (size_t)packed.input.n_blocks, pack_block, &packed);
    idf_gemm_weights weights = idf_gemm_weights_view(IDF_GEMM_F32, p->n, p->k, p->packed);
    const idf_gemm_job job = {.weights = &weights,
                              .input = &packed.input,
                              .bias = p->bias,
                              .y = p->y,
                              .ld_y = (size_t)p->n};
    idf_gemm_run(&job, pool);
}
