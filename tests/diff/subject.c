#include "tests/diff/subject.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "passes/stage_text.h"
#include "runtime/kernel_interpret.h"
#include "runtime/kernel_row.h"
#include "tests/unit/graph_runs.h"

#define MODEL_PASSES "simplify, fuse-gates, simplify, differentiate, simplify, batch-time, simplify, "
#define MACHINE_PASSES "lower, pack-weights, fuse-pointwise, schedule, plan-buffers"

const char diff_gradient_pipeline[] = MODEL_PASSES MACHINE_PASSES;
const char diff_unrolled_gradient_pipeline[] = MODEL_PASSES "unroll, " MACHINE_PASSES;

static bool is_dropped(const char *dropped, const pass_info *pass) {
    return pass && pass->optional && (strcmp(dropped, "all") == 0 || strcmp(dropped, pass->name) == 0);
}

void diff_pipeline_without(const char *dropped, strbuf *out) {
    char name[64];
    for (const char *at = diff_gradient_pipeline; *at;) {
        size_t length = strcspn(at, ", ");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        if (length && !is_dropped(dropped, pass_find(name))) {
            strbuf_addf(out, "%s%s", out->length ? ", " : "", name);
        }
        at += length + (at[length] != 0);
    }
}

// ---- Backends ----

static rnnc_status compile_counted(void *self, const kernel_desc *const *kernels, uint32_t count, int threads,
                                   diag_sink *d, kernel_code_set *out_code) {
    diff_backend *b = self;
    b->compiled += count;
    return b->inner.compile(b->inner.self, kernels, count, threads, d, out_code);
}

static void release_counted(void *self, kernel_code_set *code) {
    diff_backend *b = self;
    b->inner.release(b->inner.self, code);
}

static void finish_backend(const char *name, diff_backend *b) {
    b->name = name;
    b->inner = b->codegen ? codegen_backend(b->codegen) : kernel_interpret_backend(&b->interpreter);
    b->backend = (kernel_backend){name, b, b->inner.shape, compile_counted, release_counted};
}

bool diff_backend_open_cpu(const char *cpu, diff_backend *out_backend) {
    diag_sink d;
    diag_init(&d);
    *out_backend = (diff_backend){.codegen = NULL};
    bool reached = codegen_create(cpu, &d, &out_backend->codegen) == RNNC_OK;
    if (reached) {
        finish_backend("llvm", out_backend);
    }
    diag_deinit(&d);
    return reached;
}

void diff_backend_open(const char *name, diff_backend *out_backend) {
    if (strcmp(name, "llvm") != 0) {
        *out_backend = (diff_backend){.interpreter = {.shape = {32, 16}}};
        finish_backend(name, out_backend);
    } else if (!diff_backend_open_cpu(NULL, out_backend)) {
        fail_msg("no machine code on this machine");
    }
}

void diff_backend_close(diff_backend *b) {
    if (b->codegen) {
        codegen_destroy(b->codegen);
    }
}

// ---- Subjects ----

static rnnc_status create_interpreted(subject *s, const subject_options *o, diag_sink *d) {
    pass_context cx = {.d = d, .update = o->update, .shape = {32, 16}};
    pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    TRY(pass_run_pipeline(s->g, &cx, o->pipeline ? o->pipeline : "", &hooks));
    return engine_create_interpreter(s->g, INTERPRET_F64, d, &s->engine);
}

// Puts a program in place of itself, printed and read.
static rnnc_status reread(program **io_program, diag_sink *d) {
    strbuf text = {0};
    stage_text read;
    program_print(*io_program, &text);
    rnnc_status status =
        stage_parse(d, diag_add_file(d, "program.ir", strbuf_text(&text), text.length), &read);
    strbuf_deinit(&text);
    if (status == RNNC_OK) {
        program_destroy(*io_program);
        *io_program = read.program;
    }
    return status;
}

static rnnc_status create_compiled(subject *s, const subject_options *o, diag_sink *d) {
    pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    compile_options options = {
        .pipeline = o->pipeline, .hooks = &hooks, .update = o->update, .shape = o->backend->backend.shape};
    for (int a = 0; a < MAX_AXES; a++) {
        options.maxima[a] = a == AXIS_BATCH ? o->largest : o->longest;
        options.unroll[a] = a == AXIS_BATCH ? 0 : o->unroll;
    }
    TRY(compile_graph(s->g, &options, d, &s->program));
    if (o->reread) {
        TRY(reread(&s->program, d));
    }
    TRY(engine_create_program(s->program, &o->backend->backend, NULL, o->threads ? o->threads : 1, d,
                              &s->engine));
    if (o->split_all) {
        context_set_split_cost(engine_context(s->engine), 0);
    }
    context_choose_sets(engine_context(s->engine), o->sets);
    return RNNC_OK;
}

rnnc_status subject_create(graph *g, const subject_options *o, strbuf *why, subject *out_subject) {
    diag_sink d;
    diag_init(&d);
    *out_subject = (subject){.g = g, .nan_padding = o->nan_padding};
    rnnc_status status = (o->backend ? create_compiled : create_interpreted)(out_subject, o, &d);
    if (status == RNNC_OK) {
        subject_fill_weights(out_subject);
    } else {
        diag_render(&d, why);
        subject_destroy(out_subject);
    }
    diag_deinit(&d);
    return status;
}

void subject_destroy(subject *s) {
    engine_destroy(s->engine);
    program_destroy(s->program);
    graph_destroy(s->g);
    *s = (subject){0};
}

// ---- Numbers ----

// Weights of a size that keeps states within bounds over many steps.
static void fill_part(const weight_part *part) {
    double scale = part->rows > 1 ? 1 / sqrt((double)part->rows) : 0.5;
    for (int64_t row = 0; row < part->rows; row++) {
        for (int64_t column = 0; column < part->columns; column++) {
            double number = plain_number(part->part->name, row * part->columns + column);
            weight_set(part, row, column, (float)(scale * number));
        }
    }
}

void subject_fill_weights(subject *s) {
    weights *w = engine_weights(s->engine);
    for (uint32_t i = 0; i < w->count; i++) {
        const graph_variable *v = w->arrays[i].variable;
        for (uint32_t p = 0; p < v->parts.count; p++) {
            weight_part part = weights_part(w, i, p);
            if (v->role != VARIABLE_SLOT) {
                fill_part(&part);
                continue;
            }
            for (int64_t k = 0; k < part.rows * part.columns; k++) {
                weight_set(&part, k / part.columns, k % part.columns, v->parts.at[p].init.a);
            }
        }
    }
    weights_changed(w);
}

// The place of element |index| among all that an input could have: the same for the same row and step in any run.
static int64_t place_of_element(const engine *e, value_type type, int64_t index, int64_t first_row) {
    enum { MANY = 1000 };
    const int64_t *extents = engine_extents(e);
    int64_t place = index % type_columns(type), scale = type_columns(type);
    index /= type_columns(type);
    if (type.axes & AXIS_BIT(AXIS_BATCH)) {
        place += (index % extents[AXIS_BATCH] + first_row) * scale;
        index /= extents[AXIS_BATCH];
    }
    for (int a = MAX_AXES - 1; a > AXIS_BATCH; a--) {
        if (type.axes & AXIS_BIT(a)) {
            scale *= MANY;
            place += index % extents[a] * scale;
            index /= extents[a];
        }
    }
    return place;
}

int64_t subject_length(int64_t row, int64_t sequence) {
    return (int64_t)(name_hash("T.lengths", row) % (uint64_t)(sequence + 1));
}

// Whether element |index| of an input stands behind its row's length.
static bool is_padding(const subject *s, value_type type, int64_t index, subject_run run) {
    int axis = graph_find_axis(s->g, "T");
    if (axis == NO_AXIS || !(type.axes & AXIS_BIT(axis)) || !(type.axes & AXIS_BIT(AXIS_BATCH))) {
        return false;
    }
    index /= type_columns(type);
    int64_t row = index % run.batch + run.first_row;
    index /= run.batch;
    for (int a = MAX_AXES - 1; a > axis; a--) {
        index /= type.axes & AXIS_BIT(a) ? engine_extents(s->engine)[a] : 1;
    }
    return index % run.sequence >= subject_length(row, run.sequence);
}

static double input_number(const engine_value *info, int64_t place, int64_t sequence) {
    if (strcmp(info->role, "setting") == 0) {
        return 1;
    }
    if (strcmp(info->role, "lengths") == 0) {
        return (double)(name_hash(info->name, place) % (uint64_t)(sequence + 1));
    }
    if (info->type.elem == DT_I32) {
        return (double)(name_hash(info->name, place) % TOKENS);
    }
    return (float)plain_number(info->name, place);
}

static void fill_inputs(subject *s, subject_run run) {
    for (uint32_t i = 0; i < engine_input_count(s->engine); i++) {
        engine_value info = engine_input_info(s->engine, i);
        int64_t count = 0;
        void *data = engine_input(s->engine, i, &count);
        for (int64_t k = 0; k < count; k++) {
            int64_t place = place_of_element(s->engine, info.type, k, run.first_row);
            bool hidden = s->nan_padding && info.type.elem != DT_I32 && is_padding(s, info.type, k, run);
            element_set(data, info.type.elem, k, hidden ? NAN : input_number(&info, place, run.sequence));
        }
    }
}

// ---- Runs ----

static const char gradient_prefix[] = "gradient.";

// A joined variable's gradient, by the parts that are known outside.
static void add_gradients(const graph *g, const run_value *whole, run_values *to) {
    const graph_variable *v = graph_find_variable(g, whole->name + strlen(gradient_prefix));
    int32_t columns = v->type.dim[v->type.rank - 1];
    int64_t rows = v->type.rank == 2 ? v->type.dim[0] : 1;
    for (uint32_t p = 0; p < v->parts.count; p++) {
        const variable_part *part = &v->parts.at[p];
        run_value added = {.name = arena_printf(&to->memory, "%s%s", gradient_prefix, part->name),
                           .role = "gradient",
                           .count = rows * part->size};
        added.values = arena_new_array(&to->memory, double, added.count);
        for (int64_t i = 0; i < added.count; i++) {
            added.values[i] = whole->values[i / part->size * columns + part->from + i % part->size];
        }
        vec_push(&to->memory, to->at, added);
    }
}

static void add_output(subject *s, uint32_t i, run_values *to) {
    engine_value info = engine_output_info(s->engine, i);
    run_value added = {
        .name = arena_strdup(&to->memory, info.name), .role = info.role, .axes = info.type.axes};
    const void *data = engine_output(s->engine, i, &added.count);
    added.values = arena_new_array(&to->memory, double, added.count + 1);
    if (s->program) {
        for (int64_t k = 0; k < added.count; k++) {
            added.values[k] = element_get(data, info.type.elem, k);
        }
    } else {
        engine_output_doubles(s->engine, i, added.values);
    }
    if (strncmp(added.name, gradient_prefix, strlen(gradient_prefix)) == 0 &&
        graph_find_variable(s->g, added.name + strlen(gradient_prefix))) {
        add_gradients(s->g, &added, to);
    } else {
        vec_push(&to->memory, to->at, added);
    }
}

static void add_weights(subject *s, run_values *to) {
    weights *w = engine_weights(s->engine);
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t p = 0; p < w->arrays[i].variable->parts.count; p++) {
            weight_part part = weights_part(w, i, p);
            run_value added = {.name = arena_printf(&to->memory, "weight.%s", part.part->name),
                               .role = "weight",
                               .count = part.rows * part.columns};
            added.values = arena_new_array(&to->memory, double, added.count + 1);
            for (int64_t k = 0; k < added.count; k++) {
                added.values[k] = weight_get(&part, k / part.columns, k % part.columns);
            }
            vec_push(&to->memory, to->at, added);
        }
    }
}

static bool changes_weights(const graph *g) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (op_has(graph_node(g, n)->op, EFFECT)) {
            return true;
        }
    }
    return false;
}

static rnnc_status execute(subject *s, subject_run run, diag_sink *d) {
    int64_t extents[MAX_AXES] = {run.batch};
    for (uint32_t a = 1; a < s->g->axes.count; a++) {
        extents[a] = s->g->axes.at[a].kind == AXIS_IS_FIXED ? s->g->axes.at[a].size : run.sequence;
    }
    TRY(engine_set_extents(s->engine, extents, d));
    fill_inputs(s, run);
    return engine_run(s->engine, 7, 3, d);
}

rnnc_status subject_execute(subject *s, subject_run run, strbuf *why, run_values *out_values) {
    diag_sink d;
    diag_init(&d);
    rnnc_status status = execute(s, run, &d);
    if (status == RNNC_OK) {
        *out_values = (run_values){0};
        arena_init(&out_values->memory);
        for (uint32_t i = 0; i < engine_output_count(s->engine); i++) {
            add_output(s, i, out_values);
        }
        if (changes_weights(s->g)) {
            add_weights(s, out_values);
        }
    } else {
        diag_render(&d, why);
    }
    diag_deinit(&d);
    return status;
}

void run_values_deinit(run_values *v) {
    arena_deinit(&v->memory);
}

const run_value *run_values_find(const run_values *v, const char *name) {
    for (uint32_t i = 0; i < v->at.count; i++) {
        if (strcmp(v->at.at[i].name, name) == 0) {
            return &v->at.at[i];
        }
    }
    return NULL;
}

// ---- Comparisons ----

// The value of |found| that |expected| is to be compared with.
static const run_value *counterpart(const run_value *expected, const run_values *found, strbuf *why) {
    const run_value *f = run_values_find(found, expected->name);
    if (!f || f->count != expected->count) {
        strbuf_addf(why, "%s is missing or of another size", expected->name);
        return NULL;
    }
    return f;
}

bool values_equal(const run_values *expected, const run_values *found, strbuf *why) {
    for (uint32_t i = 0; i < expected->at.count; i++) {
        const run_value *e = &expected->at.at[i], *f = counterpart(e, found, why);
        for (int64_t k = 0; f && k < e->count; k++) {
            if (memcmp(&e->values[k], &f->values[k], sizeof(double)) != 0) {
                strbuf_addf(why, "%s[%lld of %lld] is %.17g, expected %.17g", e->name, (long long)k,
                            (long long)e->count, f->values[k], e->values[k]);
                return false;
            }
        }
        if (!f) {
            return false;
        }
    }
    return true;
}

static double largest_value(const run_value *e) {
    double largest = 0;
    for (int64_t k = 0; k < e->count; k++) {
        largest = fmax(largest, fabs(e->values[k]));
    }
    return largest;
}

static double largest_of_role(const run_values *values, const char *role) {
    double largest = 0;
    for (uint32_t i = 0; i < values->at.count; i++) {
        const run_value *e = &values->at.at[i];
        largest = strcmp(e->role, role) == 0 ? fmax(largest, largest_value(e)) : largest;
    }
    return largest;
}

// The largest difference in units of |largest|; infinite where one is not a number.
static double largest_difference(const run_value *e, const run_value *f, double largest, int64_t *out_at) {
    double worst = 0;
    *out_at = 0;
    for (int64_t k = 0; k < e->count; k++) {
        double difference = fabs(f->values[k] - e->values[k]);
        if (!(difference <= worst)) {
            worst = isnan(difference) ? INFINITY : difference;
            *out_at = k;
        }
    }
    return worst == 0 ? 0 : worst / largest;
}

bool values_near(const run_values *expected, const run_values *found, value_limits limits, strbuf *why,
                 double *out_worst) {
    for (uint32_t i = 0; i < expected->at.count; i++) {
        const run_value *e = &expected->at.at[i];
        bool gradient = strcmp(e->role, "gradient") == 0;
        if (gradient && limits.gradients == 0) {
            continue;
        }
        const run_value *f = counterpart(e, found, why);
        if (!f) {
            return false;
        }
        int64_t at;
        double limit = gradient ? limits.gradients : limits.outputs;
        double largest = limits.by_role ? largest_of_role(expected, e->role) : largest_value(e);
        double difference = largest_difference(e, f, largest, &at);
        if (out_worst) {
            *out_worst = fmax(*out_worst, difference / limit);
        }
        if (!(difference <= limit)) {
            strbuf_addf(why, "%s[%lld of %lld] is %.17g, expected %.17g: %.3g of the largest, limit %.3g",
                        e->name, (long long)at, (long long)e->count, f->values[at], e->values[at], difference,
                        limit);
            return false;
        }
    }
    return true;
}
