// KERNEL_RANDOM: uniform numbers by Philox4x32-10, placed as support/philox.h says (Salmon et al. 2011). Each
// lane draws a block of four numbers.
#include "support/philox.h"

#include "codegen/chunk.h"
#include "codegen/kernels.h"

// ORDER: support/philox.c
enum { ROUNDS = 10, BLOCK = 4, LANES = 16 };
static const uint32_t multiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
static const uint32_t key_step[2] = {0x9E3779B9u, 0xBB67AE85u};

typedef struct drawing {
    frame *f;
    emitter *e;
    LLVMTypeRef words;     // <16 x i32>
    LLVMValueRef key[2];   // i32
    LLVMValueRef place[3]; // i32: counter words 1 to 3 of the row
    LLVMValueRef row;      // where it goes
} drawing;

static LLVMValueRef load_setting(frame *f, int index) {
    return l_load(f->e, f->e->i32, l_offset(f->e, f->e->i32, f->arg[1], index));
}

// The two halves of the 64-bit products of |words| and |factor|.
static void multiply(drawing *d, LLVMValueRef words, uint32_t factor, LLVMValueRef *out_high,
                     LLVMValueRef *out_low) {
    emitter *e = d->e;
    LLVMTypeRef wide = l_vector_type(e->i64, LANES);
    LLVMValueRef product =
        LLVMBuildMul(e->builder, LLVMBuildZExt(e->builder, words, wide, ""), l_int(e, wide, factor), "");
    LLVMValueRef upper = LLVMBuildLShr(e->builder, product, l_int(e, wide, 32), "");
    *out_high = LLVMBuildTrunc(e->builder, upper, d->words, "");
    *out_low = LLVMBuildTrunc(e->builder, product, d->words, "");
}

static void one_round(drawing *d, LLVMValueRef *c, int number) {
    emitter *e = d->e;
    LLVMValueRef high[2], low[2], key[2];
    for (int i = 0; i < 2; i++) {
        multiply(d, c[2 * i], multiplier[i], &high[i], &low[i]);
        uint32_t step = key_step[i] * (uint32_t)number;
        LLVMValueRef own = LLVMBuildAdd(e->builder, d->key[i], l_int(e, e->i32, (int32_t)step), "");
        key[i] = l_splat(e, own, LANES);
    }
    LLVMValueRef first = LLVMBuildXor(e->builder, LLVMBuildXor(e->builder, high[1], c[1], ""), key[0], "");
    LLVMValueRef third = LLVMBuildXor(e->builder, LLVMBuildXor(e->builder, high[0], c[3], ""), key[1], "");
    c[0] = first;
    c[1] = low[1];
    c[2] = third;
    c[3] = low[0];
}

// The 16 numbers of columns 16 q … 16 q + 15 behind the first of 64: word i % 4 of lane 4 q + i / 4.
static LLVMValueRef interleave(drawing *d, LLVMValueRef *words, unsigned q) {
    emitter *e = d->e;
    LLVMValueRef join[2 * LANES], pick[LANES];
    for (unsigned i = 0; i < 2 * LANES; i++) {
        join[i] = LLVMConstInt(e->i32, i, false);
    }
    for (unsigned i = 0; i < LANES; i++) {
        pick[i] = LLVMConstInt(e->i32, i % BLOCK * LANES + BLOCK * q + i / BLOCK, false);
    }
    LLVMValueRef whole = LLVMConstVector(join, 2 * LANES);
    LLVMValueRef low = LLVMBuildShuffleVector(e->builder, words[0], words[1], whole, "");
    LLVMValueRef high = LLVMBuildShuffleVector(e->builder, words[2], words[3], whole, "");
    return LLVMBuildShuffleVector(e->builder, low, high, LLVMConstVector(pick, LANES), "");
}

static LLVMValueRef uniform(drawing *d, LLVMValueRef words) {
    emitter *e = d->e;
    LLVMTypeRef type = l_vector_type(l_dtype(e, (dtype)d->f->k->elem), LANES);
    LLVMValueRef upper = LLVMBuildLShr(e->builder, words, l_int(e, d->words, 8), "");
    return LLVMBuildFMul(e->builder, LLVMBuildSIToFP(e->builder, upper, type, ""), l_float(e, type, 0x1p-24),
                         "");
}

// The columns from |column| (a multiple of 64) on, of which |active| are the row's.
static void draw_chunk(drawing *d, LLVMValueRef column, unsigned active) {
    emitter *e = d->e;
    LLVMValueRef block = LLVMBuildLShr(e->builder, column, l_i64(e, 2), "");
    chunk blocks = {block, LANES, LANES, NULL};
    LLVMValueRef words[4] = {chunk_columns(e, &blocks)};
    for (int i = 0; i < 3; i++) {
        words[i + 1] = l_splat(e, d->place[i], LANES);
    }
    for (int r = 0; r < ROUNDS; r++) {
        one_round(d, words, r);
    }
    for (unsigned q = 0; q < BLOCK && q * LANES < active; q++) {
        unsigned left = active - q * LANES;
        chunk c = {l_add(e, column, l_i64(e, q * LANES)), LANES, left < LANES ? left : LANES, NULL};
        chunk_store(e, &c, uniform(d, interleave(d, words, q)), d->row);
    }
}

static void draw_row(drawing *d) {
    emitter *e = d->e;
    unsigned columns = (unsigned)d->f->k->columns, rest = columns % (BLOCK * LANES);
    LLVMValueRef whole = l_i64(e, columns - rest);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), whole, BLOCK * LANES, NULL, 0);
    draw_chunk(d, loop.index, BLOCK * LANES);
    l_loop_end(&loop, NULL);
    if (rest) {
        draw_chunk(d, whole, rest);
    }
}

// The index of all dimensions but the batch, which is the last; the last of them running fastest.
static LLVMValueRef time_index(const frame_loops *loops) {
    emitter *e = loops->f->e;
    LLVMValueRef t = l_i64(e, 0);
    for (int d = 0; d + 1 < loops->f->k->dims; d++) {
        t = l_add(e, l_mul(e, t, loops->f->extent[d]), loops->loop[d].index);
    }
    return t;
}

void emit_random(frame *f) {
    emitter *e = f->e;
    frame_begin(f);
    drawing d = {.f = f, .e = e, .words = l_vector_type(e->i32, LANES)};
    uint32_t site = philox_site(f->k->site ? f->k->site : "");
    d.key[0] = LLVMBuildXor(e->builder, load_setting(f, 0), l_int(e, e->i32, (int32_t)site), "");
    d.key[1] = load_setting(f, 1);
    d.place[2] = load_setting(f, 2);
    int dims = f->k->dims;
    frame_loops loops = {
        .f = f, .to = dims ? dims : 1, .first = f->begin, .last = f->end, .rows = frame_first_rows(f)};
    frame_loops_begin(&loops);
    LLVMValueRef batch = dims ? loops.loop[dims - 1].index : l_i64(e, 0);
    d.place[0] = LLVMBuildTrunc(e->builder, batch, e->i32, "");
    d.place[1] = LLVMBuildTrunc(e->builder, time_index(&loops), e->i32, "");
    d.row = loops.rows.at[0];
    draw_row(&d);
    frame_loops_end(&loops, NULL);
    LLVMBuildRetVoid(e->builder);
}
