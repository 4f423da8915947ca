// Learns handwritten digits, row of pixels after row, then reads images that it has not seen, and draws some.
//
//     cc digit.c $(pkg-config --cflags --libs rnnc) -lz -o digit
//     ./digit train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz
//
// The four files are those of MNIST, compressed or not.
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char text[] = "model digits() {\n"
                           "    input  image: real(28)[T]\n"
                           "    target digit: token(10)\n"
                           "    logits = linear(10, last[T](lstm(48, image)))\n"
                           "    loss = mean[batch] cross_entropy(logits, digit)\n"
                           "    output class = argmax(logits)\n"
                           "}\n"
                           "train quick {\n"
                           "    batch 100  steps T = 28\n"
                           "    optimizer adam(rate = 0.004)  clip_norm 1\n"
                           "    max_steps 500\n"
                           "}\n";

enum { SIDE = 28, PIXELS = SIDE * SIDE, BATCH = 100, STEPS = 500, DRAWN = 3 };

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fputs(rnnc_diagnostics_text(said), stderr);
        exit(1);
    }
}

// ---- The files ----

typedef struct set {
    uint8_t *images; // PIXELS bytes each
    uint8_t *labels;
    uint32_t count;
} set;

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Reads an IDX file of bytes: 0, 0, 8, the number of dimensions, each dimension in four bytes, the elements. An element
// here is what the first dimension counts.
static uint8_t *read_idx(const char *path, int dimensions, size_t element, uint32_t *out_count) {
    uint8_t head[16];
    unsigned head_size = 4 + 4 * (unsigned)dimensions;
    gzFile file = gzopen(path, "rb");
    if (!file || gzread(file, head, head_size) != (int)head_size ||
        big_endian(head) != 0x800u + (unsigned)dimensions) {
        fprintf(stderr, "%s is not an IDX file of %d dimensions\n", path, dimensions);
        exit(1);
    }
    size_t count = big_endian(head + 4), size = element;
    for (int i = 1; i < dimensions; i++) {
        size = big_endian(head + 4 + 4 * i) == SIDE ? size : 0;
    }
    uint8_t *bytes = size && count && count <= 1000000 ? malloc(count * size) : NULL;
    if (!bytes || gzread(file, bytes, (unsigned)(count * size)) != (int)(count * size)) {
        fprintf(stderr, "%s does not hold what it says, or not images of %d by %d\n", path, SIDE, SIDE);
        exit(1);
    }
    gzclose(file);
    *out_count = (uint32_t)count;
    return bytes;
}

static set read_set(const char *images, const char *labels) {
    set s;
    uint32_t labelled;
    s.images = read_idx(images, 3, PIXELS, &s.count);
    s.labels = read_idx(labels, 1, 1, &labelled);
    if (labelled != s.count || s.count < BATCH) {
        fprintf(stderr, "%s and %s do not belong together\n", images, labels);
        exit(1);
    }
    return s;
}

static void free_set(const set *s) {
    free(s->images);
    free(s->labels);
}

// ---- The model ----

// Fills image[row of the image][row of the batch][column] and digit[row of the batch].
static void make_batch(const set *s, uint32_t first, float image[SIDE][BATCH][SIDE], int32_t *digit) {
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t from = (first + i) % s->count;
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            image[pixel / SIDE][i][pixel % SIDE] = (float)s->images[(size_t)from * PIXELS + pixel] / 255;
        }
        digit[i] = s->labels[from];
    }
}

static float image[SIDE][BATCH][SIDE];
static int32_t digit[BATCH];

static rnnc_weights *learn(rnnc_model *model, const set *s) {
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = RNNC_TRAIN;
    check(rnnc_program_compile(model, &options, said, &program));
    check(rnnc_weights_create(program, said, &weights));
    check(rnnc_weights_initialize(weights, 1, said));
    check(rnnc_context_create(program, weights, said, &context));
    uint32_t image_input = (uint32_t)rnnc_program_find_input(program, "image");
    uint32_t digit_input = (uint32_t)rnnc_program_find_input(program, "digit");
    check(rnnc_context_bind_input(context, image_input, image, (size_t)PIXELS * BATCH, said));
    check(rnnc_context_bind_input(context, digit_input, digit, BATCH, said));
    rnnc_training step = {0};
    for (uint32_t i = 0; i < STEPS; i++) {
        make_batch(s, i * BATCH, image, digit);
        check(rnnc_train_step(context, said, &step));
        if ((i + 1) % 100 == 0) {
            printf("step %lld: loss %.3f\n", (long long)step.step, step.loss);
        }
    }
    rnnc_context_destroy(context);
    rnnc_program_release(program);
    return weights;
}

static void draw(const uint8_t *pixels, int taken_for) {
    for (int row = 0; row < SIDE; row += 2) {
        for (int column = 0; column < SIDE; column++) {
            int ink = pixels[row * SIDE + column] + pixels[(row + 1) * SIDE + column];
            putchar(" .:*#"[ink * 5 / 511]);
        }
        putchar('\n');
    }
    printf("this is a %d\n", taken_for);
}

// Returns the part of the images that were read rightly.
static double classify(rnnc_model *model, rnnc_weights *weights, const set *s) {
    rnnc_program *program;
    rnnc_context *context;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_batch = BATCH;
    options.max_length = SIDE;
    check(rnnc_program_compile(model, &options, said, &program));
    check(rnnc_context_create(program, weights, said, &context));
    check(rnnc_context_bind_input(context, 0, image, (size_t)PIXELS * BATCH, said));
    uint32_t right = 0, seen = s->count / BATCH * BATCH;
    for (uint32_t first = 0; first < seen; first += BATCH) {
        int32_t class[BATCH];
        make_batch(s, first, image, digit);
        check(rnnc_context_reset(context));
        check(rnnc_run(context, said));
        check(rnnc_context_read_output(context, 0, RNNC_STEPS_FIRST, class, BATCH, said));
        for (uint32_t i = 0; i < BATCH; i++) {
            right += class[i] == digit[i];
            if (first + i < DRAWN) {
                draw(s->images + (size_t)i * PIXELS, class[i]);
            }
        }
    }
    rnnc_context_destroy(context);
    rnnc_program_release(program);
    return (double)right / seen;
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: %s TRAIN-IMAGES TRAIN-LABELS TEST-IMAGES TEST-LABELS\n", arguments[0]);
        return 2;
    }
    set train = read_set(arguments[1], arguments[2]), test = read_set(arguments[3], arguments[4]);
    rnnc_model *model;
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "digits.rnn", NULL, said, &model));
    rnnc_weights *weights = learn(model, &train);
    double right = classify(model, weights, &test);
    printf("%.1f %% of %u images read rightly\n", 100 * right, test.count / BATCH * BATCH);
    rnnc_weights_release(weights);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    free_set(&train);
    free_set(&test);
    return right > 0.9 ? 0 : 1;
}
