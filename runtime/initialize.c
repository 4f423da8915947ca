#include "runtime/initialize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/pattern.h"
#include "support/philox.h"

#define PI 3.14159265358979323846

// FNV-1a (Fowler, Noll and Vo), 64 bits.
static uint64_t hash_name(const char *name) {
    uint64_t hash = 14695981039346656037u;
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++) {
        hash = (hash ^ *byte) * 1099511628211u;
    }
    return hash;
}

// The random words of one element of one part; |attempt| counts redraws.
static void draw(uint64_t key, int64_t element, uint32_t attempt, uint32_t words[4]) {
    uint32_t halves[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    uint32_t counter[4] = {(uint32_t)element, (uint32_t)((uint64_t)element >> 32), attempt, 0};
    philox4x32(halves, counter, words);
}

static double draw_uniform(uint64_t key, int64_t element, double low, double high) {
    uint32_t words[4];
    draw(key, element, 0, words);
    uint64_t bits = (uint64_t)words[0] << 21 | words[1] >> 11;
    return low + (high - low) * ((double)bits * 0x1p-53);
}

// Box and Muller (1958), of two words; the first is never 0 here.
static double draw_normal(uint64_t key, int64_t element, uint32_t attempt) {
    uint32_t words[4];
    draw(key, element, attempt, words);
    double radius = sqrt(-2 * log(((double)words[0] + 1) * 0x1p-32));
    return radius * cos(2 * PI * ((double)words[1] * 0x1p-32));
}

// A normal number within two deviations: nearly always one of the first few.
static double draw_truncated(uint64_t key, int64_t element) {
    for (uint32_t attempt = 0; attempt < 1000; attempt++) {
        double x = draw_normal(key, element, attempt);
        if (fabs(x) <= 2) {
            return x;
        }
    }
    return 0;
}

static double draw_element(initializer how, uint64_t key, int64_t element) {
    switch (how.kind) {
    case INIT_CONSTANT: return how.a;
    case INIT_UNIFORM: return draw_uniform(key, element, how.a, how.b);
    case INIT_NORMAL: return how.a + how.b * draw_normal(key, element, 0);
    case INIT_TRUNCATED: return how.a + how.b * draw_truncated(key, element);
    default: return 0;
    }
}

static bool is_matrix(const weight_part *p) {
    return p->array->variable->type.rank == 2;
}

// The kinds that depend on a part's shape, as those that do not. Orthogonal stays as it is.
static initializer resolve(const weight_part *p, initializer how) {
    double in = (double)p->rows, out = (double)p->columns;
    if (!is_matrix(p) && (how.kind == INIT_DEFAULT || how.kind >= INIT_XAVIER)) {
        return (initializer){INIT_CONSTANT, 0, 0};
    }
    if (how.kind == INIT_DEFAULT || how.kind == INIT_XAVIER) {
        double limit = sqrt(6 / (in + out));
        return (initializer){INIT_UNIFORM, -limit, limit};
    }
    if (how.kind == INIT_HE) {
        return (initializer){INIT_NORMAL, 0, sqrt(2 / in)};
    }
    return how;
}

// The Householder reflection that turns x[from …] into a multiple of the unit vector: writes v over x[from …]
// and returns 2 / (v, v), or 0 if there is nothing to turn. |*out_diagonal| is that multiple.
static double reflect(double *x, int64_t from, int64_t n, double *out_diagonal) {
    double square = 0;
    for (int64_t i = from; i < n; i++) {
        square += x[i] * x[i];
    }
    *out_diagonal = x[from] > 0 ? -sqrt(square) : sqrt(square);
    x[from] -= *out_diagonal;
    double length = 0;
    for (int64_t i = from; i < n; i++) {
        length += x[i] * x[i];
    }
    return length > 0 ? 2 / length : 0;
}

// y := (1 - scale v v') y, on elements [from, n).
static void apply(const double *v, double scale, double *y, int64_t from, int64_t n) {
    double dot = 0;
    for (int64_t i = from; i < n; i++) {
        dot += v[i] * y[i];
    }
    for (int64_t i = from; i < n; i++) {
        y[i] -= scale * dot * v[i];
    }
}

// Replaces the |m| columns (of n >= m elements, one after the other in |a|) by the Q of their QR factors,
// with the signs that make R's diagonal positive: then Q is uniformly distributed (Mezzadri 2007). |work|: n
// * m + 2 m.
static void orthonormalize(double *a, int64_t n, int64_t m, double *work) {
    double *q = work, *scale = work + n * m, *diagonal = scale + m;
    for (int64_t j = 0; j < m; j++) {
        scale[j] = reflect(a + j * n, j, n, &diagonal[j]);
        for (int64_t c = j + 1; c < m; c++) {
            apply(a + j * n, scale[j], a + c * n, j, n);
        }
    }
    for (int64_t c = 0; c < m; c++) {
        memset(q + c * n, 0, (size_t)n * sizeof *q);
        q[c * n + c] = diagonal[c] < 0 ? -1 : 1;
        for (int64_t j = m - 1; j >= 0; j--) {
            apply(a + j * n, scale[j], q + c * n, j, n);
        }
    }
    memcpy(a, q, (size_t)(n * m) * sizeof *a);
}

static rnnc_status fill_orthogonal(const weight_part *p, double gain, uint64_t key, diag_sink *d) {
    bool wide = p->columns > p->rows;
    int64_t n = wide ? p->columns : p->rows, m = wide ? p->rows : p->columns;
    size_t elements = 0;
    bool fits = !__builtin_mul_overflow((size_t)n, (size_t)m, &elements) && elements < SIZE_MAX / 64;
    double *a = fits ? malloc(elements * sizeof *a) : NULL;
    double *work = fits ? malloc((elements + 2 * (size_t)m) * sizeof *work) : NULL;
    if (a && work) {
        for (int64_t i = 0; i < n * m; i++) {
            a[i] = draw_normal(key, i, 0);
        }
        orthonormalize(a, n, m, work);
        for (int64_t i = 0; i < n * m; i++) {
            weight_set(p, wide ? i / n : i % n, wide ? i % n : i / n, gain * a[i]);
        }
    }
    bool failed = !a || !work;
    free(a);
    free(work);
    return failed
               ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory to make %s orthogonal", p->part->name)
               : RNNC_OK;
}

rnnc_status weight_part_initialize(const weight_part *p, initializer how, uint64_t seed, diag_sink *d) {
    uint64_t key = seed ^ hash_name(p->part->name);
    how = resolve(p, how);
    if (how.kind == INIT_ORTHOGONAL) {
        return fill_orthogonal(p, how.a, key, d);
    }
    for (int64_t row = 0; row < p->rows; row++) {
        for (int64_t column = 0; column < p->columns; column++) {
            weight_set(p, row, column, draw_element(how, key, row * p->columns + column));
        }
    }
    return RNNC_OK;
}

static initializer choose(const variable_part *part, const weight_rule *rules, uint32_t rule_count) {
    initializer chosen = part->init;
    for (uint32_t i = 0; i < rule_count; i++) {
        bool bare = strcmp(rules[i].pattern, "*") == 0;
        if (pattern_fits(rules[i].pattern, part->name) && !(bare && part->init.kind != INIT_DEFAULT)) {
            chosen = rules[i].init;
        }
    }
    return chosen;
}

static rnnc_status initialize_part(const weight_part *p, const weight_rule *rules, uint32_t rule_count,
                                   uint64_t seed, diag_sink *d) {
    initializer zero = {INIT_CONSTANT, 0, 0};
    bool slot = p->array->variable->role == VARIABLE_SLOT;
    return weight_part_initialize(p, slot ? zero : choose(p->part, rules, rule_count), seed, d);
}

rnnc_status weights_initialize(weights *w, const weight_rule *rules, uint32_t rule_count, uint64_t seed,
                               diag_sink *d) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t j = 0; j < w->arrays[i].variable->parts.count && status == RNNC_OK; j++) {
            weight_part part = weights_part(w, i, j);
            status = initialize_part(&part, rules, rule_count, seed, d);
        }
    }
    weights_changed(w);
    return status;
}

static rnnc_status reset_slot(const weights *w, uint32_t array, diag_sink *d) {
    const graph_variable *v = w->arrays[array].variable;
    for (uint32_t j = 0; j < v->parts.count; j++) {
        weight_part part = weights_part(w, array, j);
        TRY(weight_part_initialize(&part, v->parts.at[j].init, 0, d));
    }
    return RNNC_OK;
}

rnnc_status weights_reset_slots(weights *w, diag_sink *d) {
    for (uint32_t i = 0; i < w->count; i++) {
        bool slot = w->arrays[i].variable->role == VARIABLE_SLOT;
        TRY(slot ? reset_slot(w, i, d) : RNNC_OK);
    }
    weights_changed(w);
    return RNNC_OK;
}
