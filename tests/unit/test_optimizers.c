// Optimisers, decay, rows of tables, the guard and schedules over several steps, each against its equations
// written down once more in C: by the reference interpreter, by interpreted kernels and by machine code, in
// f64 and in f32.
#include "codegen/backend.h"
#include "passes/compile.h"
#include "runtime/engine.h"
#include "runtime/initialize.h"
#include "runtime/kernel_interpret.h"
#include "runtime/kernel_row.h"
#include "tests/unit/graph_runs.h"

enum { BATCH = 2, LENGTH = 3, POSITIONS = BATCH * LENGTH, ROWS = 7, WIDTH = 3, STEPS = 7 };

// y = E[token] W + b; the loss is the sum of (y - target)^2 / 2. @ is the float type.
static const char model_text[] = "graph \"model\" @\n"
                                 "axis T sequence\n"
                                 "variable $E : @[7,3] weight default\n"
                                 "variable $W : @[3,1] weight default\n"
                                 "variable $b : @[1] weight default\n"
                                 "%0 = input {name = \"token\", role = \"data\"} : i32<T,B>[1]\n"
                                 "%1 = input {name = \"target\", role = \"data\"} : @<T,B>[1]\n"
                                 "%2 = variable {name = \"E\"} : @[7,3]\n"
                                 "%3 = variable {name = \"W\"} : @[3,1]\n"
                                 "%4 = variable {name = \"b\"} : @[1]\n"
                                 "%5 = gather %2, %0 : @<T,B>[3]\n"
                                 "%6 = matmul %5, %3 {transposed = 0} : @<T,B>[1]\n"
                                 "%7 = add %6, %4 : @<T,B>[1]\n"
                                 "%8 = sub %7, %1 : @<T,B>[1]\n"
                                 "%9 = mul %8, %8 : @<T,B>[1]\n"
                                 "%10 = const {value = 0.5} : @[1]\n"
                                 "%11 = mul %9, %10 : @<T,B>[1]\n"
                                 "%12 = sum %11 {over = <T,B>, columns = 1} : @[1]\n"
                                 "output loss \"loss\" %12\n";

// ---- Engines ----

typedef enum way { BY_INTERPRETER, BY_KERNELS, BY_MACHINE_CODE, WAYS } way;

static const char *const way_names[] = {"interpreter", "kernels", "machine code"};

typedef struct bench {
    graph *g;
    codegen *codegen;
    kernel_backend backend;
    interpreter_home interpreter;
    program *program;
    engine *engine;
    double loss;
} bench;

static graph *graph_of(const char *text, const char *real) {
    strbuf out = {0};
    for (const char *at = text; *at; at++) {
        if (*at == '@') {
            strbuf_add(&out, real);
        } else {
            strbuf_addf(&out, "%c", *at);
        }
    }
    graph *g = parse_graph(strbuf_text(&out));
    strbuf_deinit(&out);
    return g;
}

static void check(rnnc_status status, diag_sink *d) {
    if (status != RNNC_OK) {
        print_diagnostics(d);
        fail_msg("this must work");
    }
}

static void start_slots(bench *b) {
    weights *w = engine_weights(b->engine);
    for (uint32_t i = 0; i < w->count; i++) {
        const graph_variable *v = w->arrays[i].variable;
        weight_part part = weights_part(w, i, 0);
        for (int64_t k = 0; v->role == VARIABLE_SLOT && k < part.rows * part.columns; k++) {
            weight_set(&part, k / part.columns, k % part.columns, v->parts.at[0].init.a);
        }
    }
    weights_changed(w);
}

static void open_bench(bench *b, graph *g, const char *pipeline, way how, const update_options *o) {
    static const pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    diag_sink d;
    diag_init(&d);
    *b = (bench){.g = g, .interpreter = {.shape = {32, 16}}};
    if (how == BY_INTERPRETER) {
        run_passes(g, pipeline, o);
        check(engine_create_interpreter(g, INTERPRET_AS_TYPED, &d, &b->engine), &d);
    } else {
        if (how == BY_MACHINE_CODE) {
            check(codegen_create(NULL, &d, &b->codegen), &d);
        }
        b->backend = b->codegen ? codegen_backend(b->codegen) : kernel_interpret_backend(&b->interpreter);
        compile_options options = {.hooks = &hooks, .update = o, .shape = b->backend.shape};
        for (int a = 0; a < MAX_AXES; a++) {
            options.maxima[a] = a == AXIS_BATCH ? BATCH : LENGTH;
        }
        char whole[256];
        snprintf(whole, sizeof whole,
                 "%s, simplify, lower, pack-weights, fuse-pointwise, schedule, plan-buffers", pipeline);
        options.pipeline = whole;
        check(compile_graph(g, &options, &d, &b->program), &d);
        check(engine_create_program(b->program, &b->backend, NULL, 1, &d, &b->engine), &d);
    }
    int64_t extents[MAX_AXES] = {BATCH};
    for (uint32_t a = 1; a < g->axes.count; a++) {
        extents[a] = LENGTH;
    }
    check(engine_set_extents(b->engine, extents, &d), &d);
    start_slots(b);
    diag_deinit(&d);
}

static void close_bench(bench *b) {
    engine_destroy(b->engine);
    program_destroy(b->program);
    if (b->codegen) {
        codegen_destroy(b->codegen);
    }
    graph_destroy(b->g);
}

static void give(const bench *b, const char *name, const double *values, int64_t count) {
    int input = engine_find_input(b->engine, name);
    if (input < 0) {
        return;
    }
    int64_t room = 0;
    void *to = engine_input(b->engine, (uint32_t)input, &room);
    assert_int_equal(room, count);
    for (int64_t i = 0; i < count; i++) {
        element_set(to, engine_input_info(b->engine, (uint32_t)input).type.elem, i, values[i]);
    }
}

static void run(bench *b) {
    diag_sink d;
    diag_init(&d);
    check(engine_run(b->engine, 1, 0, &d), &d);
    diag_deinit(&d);
}

static double output_of(const bench *b, const char *name) {
    int output = engine_find_output(b->engine, name);
    assert_true(output >= 0);
    return engine_output_number(b->engine, (uint32_t)output);
}

// ---- The same in C ----

enum { E_AT = 0, W_AT = ROWS * WIDTH, B_AT = W_AT + WIDTH, WEIGHTS = B_AT + 1 };

typedef struct reference {
    double w[WEIGHTS], g[WEIGHTS], first[WEIGHTS], second[WEIGHTS];
    bool touched[ROWS];
    double norm;
    int updates;
} reference;

static void reference_gradients(reference *r, const double *tokens, const double *targets) {
    memset(r->g, 0, sizeof r->g);
    memset(r->touched, 0, sizeof r->touched);
    for (int i = 0; i < POSITIONS; i++) {
        int row = (int)tokens[i] * WIDTH;
        double d = r->w[B_AT] - targets[i];
        for (int k = 0; k < WIDTH; k++) {
            d += r->w[row + k] * r->w[W_AT + k];
        }
        r->touched[(int)tokens[i]] = true;
        r->g[B_AT] += d;
        for (int k = 0; k < WIDTH; k++) {
            r->g[row + k] += d * r->w[W_AT + k];
            r->g[W_AT + k] += d * r->w[row + k];
        }
    }
    r->norm = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        r->norm += r->g[i] * r->g[i];
    }
    r->norm = sqrt(r->norm);
}

static double adam_direction(reference *r, const update_options *o, int i) {
    r->first[i] = o->beta1 * r->first[i] + (1 - o->beta1) * r->g[i];
    r->second[i] = o->beta2 * r->second[i] + (1 - o->beta2) * r->g[i] * r->g[i];
    double m = r->first[i] / (1 - pow(o->beta1, r->updates)),
           v = r->second[i] / (1 - pow(o->beta2, r->updates));
    return m / (sqrt(v) + o->epsilon);
}

static double direction(reference *r, const update_options *o, int i) {
    double d;
    switch (o->rule) {
    case UPDATE_MOMENTUM:
        r->first[i] = o->momentum * r->first[i] + r->g[i];
        return o->nesterov ? r->g[i] + o->momentum * r->first[i] : r->first[i];
    case UPDATE_RMSPROP:
        r->second[i] = o->decay * r->second[i] + (1 - o->decay) * r->g[i] * r->g[i];
        d = r->g[i] / (sqrt(r->second[i]) + o->epsilon);
        r->first[i] = o->momentum * r->first[i] + d;
        return o->momentum > 0 ? r->first[i] : d;
    case UPDATE_ADAGRAD:
        r->second[i] += r->g[i] * r->g[i];
        return r->g[i] / (sqrt(r->second[i]) + o->epsilon);
    case UPDATE_ADAM: return adam_direction(r, o, i);
    default: return r->g[i];
    }
}

static void reference_step(reference *r, const update_options *o, double rate) {
    r->updates++;
    double scale = o->clip_norm > 0 && r->norm > o->clip_norm ? o->clip_norm / r->norm : 1;
    for (int i = 0; i < WEIGHTS; i++) {
        if (o->lazy_rows && i < W_AT && !r->touched[i / WIDTH]) {
            continue;
        }
        r->g[i] *= scale;
        double lambda = i < B_AT ? o->weight_decay : 0; // the bias is no matrix
        r->w[i] -= rate * direction(r, o, i) + rate * lambda * r->w[i];
    }
}

// ---- The comparison ----

static const struct {
    const char *name;
    int from, count;
} variables[] = {{"E", E_AT, ROWS *WIDTH}, {"W", W_AT, WIDTH}, {"b", B_AT, 1}};

static void fill_weights(bench *b, reference *r) {
    weights *w = engine_weights(b->engine);
    for (size_t v = 0; v < 3; v++) {
        weight_part part;
        assert_true(weights_find_part(w, variables[v].name, &part));
        for (int k = 0; k < variables[v].count; k++) {
            double value = (float)plain_number(variables[v].name, k);
            weight_set(&part, k / part.columns, k % part.columns, value);
            r->w[variables[v].from + k] = value;
        }
    }
    weights_changed(w);
}

static void compare_weights(const bench *b, const reference *r, tolerance near, const char *what, int step) {
    for (size_t v = 0; v < 3; v++) {
        weight_part part;
        assert_true(weights_find_part(engine_weights(b->engine), variables[v].name, &part));
        for (int k = 0; k < variables[v].count; k++) {
            double found = weight_get(&part, k / part.columns, k % part.columns);
            double expected = r->w[variables[v].from + k];
            if (!is_near(found, expected, near)) {
                fail_msg("%s, step %d: %s[%d] is %.17g, expected %.17g", what, step, variables[v].name, k,
                         found, expected);
            }
        }
    }
}

// Step |step| touches few of the table's rows, some of them twice.
static void give_step(const bench *b, int step, double *tokens, double *targets) {
    for (int i = 0; i < POSITIONS; i++) {
        tokens[i] = (double)((step + (int)(name_hash("token", step * POSITIONS + i) % 3)) % ROWS);
        targets[i] = (float)(3 * plain_number("target", step * POSITIONS + i));
    }
    tokens[1] = tokens[0];
    double epoch = 1, number = step;
    give(b, "token", tokens, POSITIONS);
    give(b, "target", targets, POSITIONS);
    give(b, UPDATE_EPOCH, &epoch, 1);
    give(b, UPDATE_STEP, &number, 1);
}

// All bytes of the variables but the counts of updates that were left out.
static uint64_t hash_variables(const bench *b) {
    const weights *w = engine_weights(b->engine);
    uint64_t hash = 14695981039346656037u;
    for (uint32_t i = 0; i < w->count; i++) {
        if (strncmp(w->arrays[i].variable->name, UPDATE_SKIPPED, strlen(UPDATE_SKIPPED)) == 0) {
            continue;
        }
        const unsigned char *bytes = w->arrays[i].data;
        int64_t size = weights_count(&w->arrays[i]) * dtype_bytes(w->arrays[i].elem);
        for (int64_t k = 0; k < size; k++) {
            hash = (hash ^ bytes[k]) * 1099511628211u;
        }
    }
    return hash;
}

// A run whose gradients or loss are not numbers changes nothing but the counts.
static void check_skipping(bench *b, int step, double bad, int before) {
    double tokens[POSITIONS], targets[POSITIONS];
    give_step(b, step, tokens, targets);
    targets[2] = bad;
    give(b, "target", targets, POSITIONS);
    for (int again = 1; again <= 2; again++) {
        uint64_t hash = hash_variables(b);
        run(b);
        assert_true(hash_variables(b) == hash);
        assert_true(output_of(b, UPDATE_SKIPPED) == before + again);
        assert_true(output_of(b, UPDATE_SKIPPED_LAST) == again);
    }
}

static void check_case(const char *name, const update_options *o, way how, const char *real) {
    char what[128];
    snprintf(what, sizeof what, "%s by %s in %s", name, way_names[how], real);
    tolerance near = real[1] == '6' ? (tolerance){1e-12, 1e-11} : (tolerance){2e-5, 2e-5};
    bench b;
    reference r = {0};
    open_bench(&b, graph_of(model_text, real),
               "simplify, fuse-gates, simplify, differentiate, update, simplify", how, o);
    for (int i = 0; i < WEIGHTS && o->rule == UPDATE_ADAGRAD; i++) {
        r.second[i] = o->start;
    }
    fill_weights(&b, &r);
    for (int step = 0; step < STEPS; step++) {
        if (o->guarded && step % 3 == 1) {
            check_skipping(&b, step, step == 1 ? NAN : INFINITY, step == 1 ? 0 : 2);
        }
        double tokens[POSITIONS], targets[POSITIONS];
        give_step(&b, step, tokens, targets);
        run(&b);
        reference_gradients(&r, tokens, targets);
        if (o->guarded || o->clip_norm > 0) {
            assert_true(is_near(output_of(&b, UPDATE_NORM), r.norm, near));
        }
        if (o->guarded) {
            assert_true(output_of(&b, UPDATE_SKIPPED_LAST) == 0);
        }
        reference_step(&r, o, o->rate);
        compare_weights(&b, &r, near, what, step);
    }
    close_bench(&b);
}

// Each rule plainly; with decay, clipping and guard; and both with lazy rows.
static void check_rule(const char *name, update_options o) {
    for (int form = 0; form < 4; form++) {
        o.lazy_rows = form & 1;
        o.guarded = form & 2;
        o.clip_norm = form & 2 ? 1.5 : 0;
        o.weight_decay = form & 2 ? 0.3 : 0;
        for (way how = 0; how < WAYS; how++) {
            check_case(name, &o, how, "f64");
            check_case(name, &o, how, "f32");
        }
    }
}

static void sgd(void **state) {
    (void)state;
    check_rule("sgd", (update_options){.rule = UPDATE_SGD, .rate = 0.05});
}

static void momentum(void **state) {
    (void)state;
    check_rule("momentum", (update_options){.rule = UPDATE_MOMENTUM, .rate = 0.03, .momentum = 0.8});
}

static void nesterov(void **state) {
    (void)state;
    check_rule("nesterov",
               (update_options){.rule = UPDATE_MOMENTUM, .rate = 0.03, .momentum = 0.8, .nesterov = true});
}

static void rmsprop(void **state) {
    (void)state;
    check_rule("rmsprop",
               (update_options){.rule = UPDATE_RMSPROP, .rate = 0.02, .decay = 0.8, .epsilon = 1e-3});
}

static void rmsprop_with_momentum(void **state) {
    (void)state;
    check_rule("rmsprop with momentum",
               (update_options){
                   .rule = UPDATE_RMSPROP, .rate = 0.02, .decay = 0.8, .epsilon = 1e-3, .momentum = 0.5});
}

static void adagrad(void **state) {
    (void)state;
    check_rule("adagrad",
               (update_options){.rule = UPDATE_ADAGRAD, .rate = 0.1, .start = 0.1, .epsilon = 1e-7});
}

static void adam(void **state) {
    (void)state;
    check_rule("adam", (update_options){
                           .rule = UPDATE_ADAM, .rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4});
}

// ---- Norms ----

// In f32 each square would overflow.
static void norms_are_added_up_in_f64(void **state) {
    (void)state;
    enum { SMALL = 5000 };
    static const char text[] = "graph \"norm\" f32\n"
                               "variable $W : f32[2,2500] weight default\n"
                               "variable $c : f32[1] weight default\n"
                               "%0 = input {name = \"gw\", role = \"data\"} : f32[2,2500]\n"
                               "%1 = input {name = \"gc\", role = \"data\"} : f32[1]\n"
                               "output value \"gradient.W\" %0\n"
                               "output value \"gradient.c\" %1\n";
    static double small[SMALL];
    double large = 3e25, squares = large * large;
    large = (float)large;
    squares = large * large;
    for (int i = 0; i < SMALL; i++) {
        small[i] = (float)(1e24 * plain_number("gw", i));
        squares += small[i] * small[i];
    }
    const update_options o = {.rule = UPDATE_SGD, .rate = 1, .guarded = true};
    for (way how = 0; how < WAYS; how++) {
        bench b;
        open_bench(&b, parse_graph(text), "update", how, &o);
        give(&b, "gw", small, SMALL);
        give(&b, "gc", &large, 1);
        run(&b);
        assert_true(is_near(output_of(&b, UPDATE_NORM), sqrt(squares), (tolerance){0, 1e-12}));
        assert_true(is_near(output_of(&b, UPDATE_SQUARES "c"), large * large, (tolerance){0, 1e-15}));
        assert_true(output_of(&b, UPDATE_SKIPPED) == 0);
        close_bench(&b);
    }
}

// ---- What it costs ----

// The only call that reads or writes variable |name|, but for the model's own; NULL if there are several.
static const program_call *only_call(const program *p, const char *name) {
    const program_call *found = NULL;
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const program_call *call = &p->calls.at[i];
        for (uint32_t k = 0; k < call->arg_count; k++) {
            bool variable = call->args[k].base == PLACE_VARIABLE;
            if (variable && strcmp(p->variables.at[call->args[k].index].name, name) == 0 && call != found) {
                if (found) {
                    return NULL;
                }
                found = call;
            }
        }
    }
    return found;
}

// One kernel for a weight, and no square of the norm in memory.
static void a_step_is_one_call_for_a_weight(void **state) {
    (void)state;
    static const char text[] = "graph \"step\" f32\n"
                               "variable $W : f32[40,50] weight default\n"
                               "%0 = input {name = \"x\", role = \"data\"} : f32<B>[40]\n"
                               "%1 = input {name = \"g\", role = \"data\"} : f32<B>[50]\n"
                               "%2 = outer %0, %1 : f32[40,50]\n"
                               "output value \"gradient.W\" %2\n";
    const update_options o = {.rule = UPDATE_ADAM,
                              .rate = 0.1,
                              .beta1 = 0.9,
                              .beta2 = 0.99,
                              .epsilon = 1e-8,
                              .clip_norm = 1,
                              .weight_decay = 0.1,
                              .guarded = true};
    bench b;
    open_bench(&b, parse_graph(text), "update", BY_KERNELS, &o);
    const program_call *call = only_call(b.program, "W");
    assert_non_null(call);
    assert_ptr_equal(only_call(b.program, "adam.m.W"), call);
    assert_ptr_equal(only_call(b.program, "adam.v.W"), call);
    for (uint32_t i = 0; i < b.program->calls.count; i++) {
        for (uint32_t k = 0; k < b.program->calls.at[i].arg_count; k++) {
            const program_place *place = &b.program->calls.at[i].args[k];
            assert_false(place->elem == DT_F64 && place->columns > 1);
        }
    }
    close_bench(&b);
}

// ---- Schedules ----

typedef double factor_formula(double epoch, double step, double plateaus);

static double constant(double epoch, double step, double plateaus) {
    (void)epoch, (void)step, (void)plateaus;
    return 1;
}

static double halved_after_4(double epoch, double step, double plateaus) {
    (void)step, (void)plateaus;
    return epoch > 4 ? pow(0.5, epoch - 4) : 1;
}

static double each_100_steps(double epoch, double step, double plateaus) {
    (void)epoch, (void)plateaus;
    return step >= 1000 ? pow(0.9, floor((step - 1000) / 100)) : 1;
}

static double per_100_steps(double epoch, double step, double plateaus) {
    (void)epoch, (void)plateaus;
    return step > 1000 ? pow(0.9, (step - 1000) / 100) : 1;
}

static double at_two_epochs(double epoch, double step, double plateaus) {
    (void)step, (void)plateaus;
    return (epoch > 3 ? 0.1 : 1) * (epoch > 6 ? 0.1 : 1);
}

static double at_a_step(double epoch, double step, double plateaus) {
    (void)epoch, (void)plateaus;
    return step >= 1000 ? 0.3 : 1; // 1000 steps are over
}

static double on_plateaus(double epoch, double step, double plateaus) {
    (void)epoch, (void)step;
    return pow(0.25, plateaus);
}

static double warm_up_in_steps(double epoch, double step, double plateaus) {
    (void)epoch, (void)plateaus;
    return fmin(1, (step + 1) / 1100);
}

static double warm_up_in_epochs(double epoch, double step, double plateaus) {
    (void)step, (void)plateaus;
    return fmin(1, epoch / 5);
}

static double cosine_in_steps(double epoch, double step, double plateaus) {
    (void)epoch, (void)plateaus;
    return 0.1 + 0.9 * (1 + cos(3.14159265358979323846 * fmin(1, step / 1250))) / 2;
}

static double cosine_in_epochs(double epoch, double step, double plateaus) {
    (void)step, (void)plateaus;
    return (1 + cos(3.14159265358979323846 * fmin(1, (epoch - 1) / 7))) / 2;
}

// Vaswani et al. 2017 up to a constant: min(n / w, sqrt(w / n)).
static double transformer(double epoch, double step, double plateaus) {
    (void)epoch, (void)plateaus;
    return fmin((step + 1) / 1010, sqrt(1010 / (step + 1)));
}

typedef struct schedule_case {
    factor_formula *formula;
    rate_rule rules[2];
    uint32_t count;
} schedule_case;

static const schedule_case schedules[] = {
    {constant, {{0}}, 0},
    {halved_after_4, {{RATE_DECAY, false, 0.5, 4, 1}}, 1},
    {each_100_steps, {{RATE_DECAY, true, 0.9, 1000, 100}}, 1},
    {per_100_steps, {{RATE_DECAY_SMOOTH, true, 0.9, 1000, 100}}, 1},
    {at_two_epochs, {{RATE_ONCE, false, 0.1, 3, 1}, {RATE_ONCE, false, 0.1, 6, 1}}, 2},
    {at_a_step, {{RATE_ONCE, true, 0.3, 1000, 1}}, 1},
    {on_plateaus, {{RATE_PLATEAU, false, 0.25, 0, 1}}, 1},
    {warm_up_in_steps, {{RATE_WARM_UP, true, 0, 0, 1100}}, 1},
    {warm_up_in_epochs, {{RATE_WARM_UP, false, 0, 0, 5}}, 1},
    {cosine_in_steps, {{RATE_COSINE, true, 0.1, 0, 1250}}, 1},
    {cosine_in_epochs, {{RATE_COSINE, false, 0, 0, 7}}, 1},
    {transformer, {{RATE_WARM_UP, true, 0, 0, 1010}, {RATE_INVERSE_ROOT, true, 0, 1010, 1}}, 2},
};

static void check_rates(const bench *b, const schedule_case *c) {
    static const double steps[] = {0, 1, 99, 999, 1000, 1001, 1099, 1100, 1199, 1200, 1249, 1250, 123456789};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double epoch = 1 + (double)i, plateaus = (double)(i % 4), step = steps[i];
        give(b, UPDATE_EPOCH, &epoch, 1);
        give(b, UPDATE_STEP, &step, 1);
        give(b, UPDATE_PLATEAUS, &plateaus, 1);
        run((bench *)b);
        double expected = 0.3 * c->formula(epoch, step, plateaus), found = output_of(b, UPDATE_RATE);
        // A power of 1e6 periods magnifies the last digit of its base; what is lost to the flush of denormals
        // is nothing.
        if (!is_near(found, expected, (tolerance){1e-17, step > 2000 ? 1e-9 : 2e-14})) {
            fail_msg("schedule %d, epoch %g, step %g: the rate is %.17g, expected %.17g",
                     (int)(c - schedules), epoch, step, found, expected);
        }
    }
}

// Rates are f64 in f32 models, too.
static void rates_follow_the_schedule(void **state) {
    (void)state;
    static const char text[] = "graph \"rate\" f32\n"
                               "variable $c : f32[1] weight default\n"
                               "%0 = input {name = \"gc\", role = \"data\"} : f32[1]\n"
                               "output value \"gradient.c\" %0\n";
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        update_options o = {.rule = UPDATE_SGD,
                            .rate = 0.3,
                            .schedule = schedules[i].rules,
                            .schedule_count = schedules[i].count};
        for (way how = 0; how < WAYS; how++) {
            bench b;
            open_bench(&b, parse_graph(text), "update", how, &o);
            check_rates(&b, &schedules[i]);
            close_bench(&b);
        }
    }
}

// ---- Decay by pattern ----

static void the_last_rule_that_fits_decides(void **state) {
    (void)state;
    static const decay_rule rules[] = {{"lstm.*", 0.2}, {"*.b", 0.3}, {"lstm.0.h", 0}};
    const update_options o = {.weight_decay = 0.1, .decays = rules, .decay_count = 3};
    assert_true(update_weight_decay(&o, &(variable_part){.name = "x.table", .regular = true}) == 0.1);
    assert_true(update_weight_decay(&o, &(variable_part){.name = "p", .regular = false}) == 0);
    assert_true(update_weight_decay(&o, &(variable_part){.name = "lstm.0.x", .regular = true}) == 0.2);
    assert_true(update_weight_decay(&o, &(variable_part){.name = "lstm.0.b", .regular = false}) == 0.3);
    assert_true(update_weight_decay(&o, &(variable_part){.name = "lstm.0.h", .regular = true}) == 0);
}

// Weights of different decay are not joined; of equal decay they are.
static void joined_weights_have_one_decay(void **state) {
    (void)state;
    static const char text[] = "graph \"gates\" f32\n"
                               "variable $a : f32[2,3] weight default\n"
                               "variable $c : f32[2,3] weight default\n"
                               "%0 = input {name = \"x\", role = \"data\"} : f32<B>[2]\n"
                               "%1 = variable {name = \"a\"} : f32[2,3]\n"
                               "%2 = variable {name = \"c\"} : f32[2,3]\n"
                               "%3 = matmul %0, %1 {transposed = 0} : f32<B>[3]\n"
                               "%4 = matmul %0, %2 {transposed = 0} : f32<B>[3]\n"
                               "%5 = mul %3, %4 : f32<B>[3]\n"
                               "output value \"y\" %5\n";
    for (int differ = 0; differ < 2; differ++) {
        const decay_rule rules[] = {{"c", differ ? 0.3 : 0.1}};
        const update_options o = {
            .rule = UPDATE_SGD, .rate = 1, .weight_decay = 0.1, .decays = rules, .decay_count = 1};
        graph *g = parse_graph(text);
        run_passes(g, "fuse-gates", &o);
        assert_int_equal(g->variables.count, 1 + differ);
        graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd),
        cmocka_unit_test(momentum),
        cmocka_unit_test(nesterov),
        cmocka_unit_test(rmsprop),
        cmocka_unit_test(rmsprop_with_momentum),
        cmocka_unit_test(adagrad),
        cmocka_unit_test(adam),
        cmocka_unit_test(norms_are_added_up_in_f64),
        cmocka_unit_test(a_step_is_one_call_for_a_weight),
        cmocka_unit_test(rates_follow_the_schedule),
        cmocka_unit_test(the_last_rule_that_fits_decides),
        cmocka_unit_test(joined_weights_have_one_decay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
