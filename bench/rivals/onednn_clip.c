/* onednn_clip.c - the products of ViT-B/32's image tower by oneDNN, for bench_clip_rivals.py.
 * usage: onednn_clip fp32|bf16|int8
 *
 * Only the four products of a layer, twelve times, with bias, activation and residual fused;
 * weights are packed beforehand in the layout that oneDNN asks for, each layer's by themselves, so
 * that they come out of memory as in a whole pass. What lies between products (attention,
 * normalisation, quantisation of activations) is left out, which is to oneDNN's advantage. int8 has
 * a scale a column, fixed scales of activations.
 *
 * Threads are OpenMP's (OMP_NUM_THREADS). Prints one line that says what it is; then, for each line
 * "BATCH ROUNDS" of its standard input, the milliseconds an image of every round. */
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS = 12, TOKENS = 50, WIDTH = 768, HIDDEN = 3072, PRODUCTS = 4, MAX_ROUNDS = 1000 };

#define CHECK(call)                                                                                \
    do {                                                                                           \
        dnnl_status_t status_ = (call);                                                            \
        if (status_ != dnnl_success) {                                                             \
            fprintf(stderr, "onednn_clip: %s: status %d\n", #call, (int)status_);                  \
            exit(4);                                                                               \
        }                                                                                          \
    } while (0)

static const struct {
    int n, k;
    int gelu, residual;
} products[PRODUCTS] = {
    {3 * WIDTH, WIDTH, 0, 0},
    {WIDTH, WIDTH, 0, 1},
    {HIDDEN, WIDTH, 1, 0},
    {WIDTH, HIDDEN, 0, 1},
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_data_type_t input_type, weight_type;

typedef struct step {
    dnnl_primitive_t primitive;
    dnnl_memory_t input, weights[LAYERS], bias, output;
} step;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static dnnl_memory_desc_t describe(int rows, int columns, dnnl_data_type_t type,
                                   dnnl_format_tag_t tag) {
    dnnl_memory_desc_t desc;
    dnnl_dims_t dims = {rows, columns};
    CHECK(dnnl_memory_desc_init_by_tag(&desc, 2, dims, type, tag));
    return desc;
}

/* Memory of its own, filled with a small pattern of bytes that is a finite number in every type. */
static dnnl_memory_t allocate(const dnnl_memory_desc_t *desc) {
    dnnl_memory_t memory;
    void *bytes;
    CHECK(dnnl_memory_create(&memory, desc, engine, DNNL_MEMORY_ALLOCATE));
    CHECK(dnnl_memory_get_data_handle(memory, &bytes));
    memset(bytes, 0x3c, dnnl_memory_desc_get_size(desc));
    return memory;
}

static dnnl_primitive_attr_t attributes(int product) {
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    float scales[HIDDEN];
    CHECK(dnnl_primitive_attr_create(&attr));
    CHECK(dnnl_post_ops_create(&ops));
    if (products[product].gelu) /* x * sigmoid(1.702 x) */
        CHECK(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_swish, 1.702f, 0));
    if (products[product].residual)
        CHECK(dnnl_post_ops_append_sum(ops, 1));
    CHECK(dnnl_primitive_attr_set_post_ops(attr, ops));
    for (int i = 0; i < products[product].n; i++)
        scales[i] = 1e-6f * (float)(i % 7 + 1);
    if (weight_type == dnnl_s8)
        CHECK(dnnl_primitive_attr_set_output_scales(attr, products[product].n, 1 << 1, scales));
    CHECK(dnnl_post_ops_destroy(ops));
    return attr;
}

static void make_step(step *s, int product, int batch) {
    int n = products[product].n, k = products[product].k, m = batch * TOKENS;
    dnnl_memory_desc_t x = describe(m, k, input_type, dnnl_ab);
    dnnl_memory_desc_t w = describe(k, n, weight_type, dnnl_format_tag_any);
    dnnl_memory_desc_t bias = describe(1, n, dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t y = describe(m, n, dnnl_f32, dnnl_ab);
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t primitive;
    dnnl_primitive_attr_t attr = attributes(product);
    CHECK(dnnl_matmul_desc_init(&desc, &x, &w, &bias, &y));
    CHECK(dnnl_primitive_desc_create(&primitive, &desc, attr, engine, NULL));
    CHECK(dnnl_primitive_create(&s->primitive, primitive));
    const dnnl_memory_desc_t *packed =
        dnnl_primitive_desc_query_md(primitive, dnnl_query_weights_md, 0);
    const char *info = NULL;
    CHECK(dnnl_primitive_desc_query(primitive, dnnl_query_impl_info_str, 0, &info));
    if (strstr(info, "ref") != NULL) {
        fprintf(stderr, "onednn_clip: only the reference implementation (%s) is there\n", info);
        exit(3);
    }
    s->input = allocate(&x);
    s->output = allocate(&y);
    s->bias = allocate(&bias);
    for (int i = 0; i < LAYERS; i++)
        s->weights[i] = allocate(packed);
    CHECK(dnnl_primitive_desc_destroy(primitive));
    CHECK(dnnl_primitive_attr_destroy(attr));
}

static void free_step(step *s) {
    dnnl_primitive_destroy(s->primitive);
    dnnl_memory_destroy(s->input);
    dnnl_memory_destroy(s->output);
    dnnl_memory_destroy(s->bias);
    for (int i = 0; i < LAYERS; i++)
        dnnl_memory_destroy(s->weights[i]);
}

static void run(step steps[PRODUCTS]) {
    for (int layer = 0; layer < LAYERS; layer++)
        for (int p = 0; p < PRODUCTS; p++) {
            step *s = &steps[p];
            dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, s->input},
                                      {DNNL_ARG_WEIGHTS, s->weights[layer]},
                                      {DNNL_ARG_BIAS, s->bias},
                                      {DNNL_ARG_DST, s->output}};
            CHECK(dnnl_primitive_execute(s->primitive, stream, 4, args));
        }
    CHECK(dnnl_stream_wait(stream));
}

static void measure(int batch, int rounds) {
    step steps[PRODUCTS];
    for (int p = 0; p < PRODUCTS; p++)
        make_step(&steps[p], p, batch);
    run(steps);
    for (int i = 0; i < rounds; i++) {
        double start = now_ms();
        run(steps);
        printf("%s%.4f", i == 0 ? "[" : ", ", (now_ms() - start) / batch);
    }
    puts("]");
    fflush(stdout);
    for (int p = 0; p < PRODUCTS; p++)
        free_step(&steps[p]);
}

int main(int argc, char **argv) {
    const char *type = argc > 1 ? argv[1] : "";
    input_type = weight_type = dnnl_f32;
    if (strcmp(type, "bf16") == 0)
        input_type = weight_type = dnnl_bf16;
    else if (strcmp(type, "int8") == 0)
        input_type = dnnl_u8, weight_type = dnnl_s8;
    else if (strcmp(type, "fp32") != 0)
        return fprintf(stderr, "usage: onednn_clip fp32|bf16|int8\n"), 2;
    CHECK(dnnl_engine_create(&engine, dnnl_cpu, 0));
    CHECK(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    step probe;
    make_step(&probe, 0, 1);
    free_step(&probe);
    const dnnl_version_t *version = dnnl_version();
    printf("{\"version\": \"%d.%d.%d\"}\n", version->major, version->minor, version->patch);
    fflush(stdout);
    int batch, rounds;
    while (scanf("%d %d", &batch, &rounds) == 2 && batch > 0 && batch <= 64 && rounds <= MAX_ROUNDS)
        measure(batch, rounds);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return 0;
}
