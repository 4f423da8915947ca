// The parts of an object's header that are about training and threads.
#include <inttypes.h>
#include <string.h>

#include "codegen/ahead_header.h"

// ---- Threads ----

static void add_shared(const header *of, const char *what, const char *ending) {
    strbuf_addf(of->out, "/* %s, and the same bits. */\nint32_t %s_%s(void *arena", what, of->r->name,
                ending);
    header_add_parameters(of, false);
    strbuf_addf(of->out, ", int32_t threads, %s_parallel_for *parallel_for, void *user);\n", of->r->name);
}

void header_add_parallel(const header *h) {
    const char *name = h->r->name;
    if (!h->r->threads) {
        return;
    }
    strbuf_addf(h->out,
                "\n/* A loop of yours: calls task(context, i) once for each i from 0 to count - 1, in any "
                "order, on any\n"
                " * threads at the same time, and returns when all calls have returned. count is |threads|, "
                "from 1 to\n"
                " * %s_MAX_THREADS. Small pieces of work are done without it. */\n"
                "#define %s_MAX_THREADS %" PRId32 "\n"
                "typedef void %s_task(void *context, int32_t i);\n"
                "typedef void %s_parallel_for(void *user, int32_t count, %s_task *task, void *context);\n",
                h->upper, h->upper, h->r->threads, name, name, name);
    char what[HEADER_NAME_SIZE + 64];
    snprintf(what, sizeof what, "%s_run on several threads", name);
    add_shared(h, what, "run_parallel");
}

// ---- Training ----

static header of_training(const header *h) {
    header trained = *h;
    trained.r = &h->r->training->request;
    trained.p = trained.r->program;
    return trained;
}

void header_describe_training(const header *h) {
    if (!h->r->training) {
        return;
    }
    header trained = of_training(h);
    strbuf_addf(
        h->out,
        " *\n * The object learns: the weights lie in the arena, where %s_init puts those that it was built "
        "with,\n * %s_train_step changes them, and the next run reads them. (The first run after a change "
        "takes longer:\n * it puts the weights in the order that it reads them in.) A step of training "
        "takes\n",
        h->r->name, h->r->name);
    for (uint32_t i = 0; i < trained.p->inputs.count; i++) {
        if (ahead_is_given(&trained.p->inputs.at[i])) {
            header_describe_value(&trained, &trained.p->inputs.at[i], "in_",
                                  ahead_token_limit(trained.p, trained.r, i));
        }
    }
    strbuf_add(h->out, " * and gives\n *   out_loss[1]: the loss, before the update\n");
    strbuf_add(h->out, trained.r->streams ? " * States are carried from step to step.\n"
                                          : " * Each step begins with states of zero.\n");
}

static const char *number_type(const header *h) {
    return header_c_type(h->r->training->request.program->real);
}

static void add_weights(const header *h) {
    const char *name = h->r->name, *type = number_type(h);
    strbuf_addf(h->out, "\n/* The weights, by number from 0 to %s_WEIGHT_COUNT - 1:\n", h->upper);
    for (uint32_t i = 0; i < h->r->training->weight_count; i++) {
        const ahead_weight *w = &h->r->training->weights[i];
        strbuf_addf(h->out, " *   %" PRIu32 ": %s [%" PRId32 "][%" PRId32 "]\n", i, w->name, w->rows,
                    w->columns);
    }
    strbuf_addf(
        h->out,
        " * A name that is not there has the number -1; a number that is not there has a null name and no "
        "rows. */\n"
        "#define %s_WEIGHT_COUNT %" PRIu32 "\n"
        "int32_t %s_find_weight(const char *name);\n"
        "const char *%s_weight_name(int32_t weight);\n"
        "int32_t %s_weight_rows(int32_t weight);\n"
        "int32_t %s_weight_columns(int32_t weight);\n"
        "/* Copy all values of a weight, row by row, from the arena and into it. */\n"
        "int32_t %s_get_weight(void *arena, int32_t weight, %s *values);\n"
        "int32_t %s_set_weight(void *arena, int32_t weight, const %s *values);\n",
        h->upper, h->r->training->weight_count, name, name, name, name, name, type, name, type);
}

static void add_settings(const header *h) {
    const char *name = h->r->name;
    strbuf_addf(
        h->out,
        "\n/* Learning begins anew: weights, optimiser and position as the object was built with them. Part "
        "of %s_init. */\n"
        "int32_t %s_train_init(void *arena%s);\n"
        "/* The states of training become zero. Those of runs stay. */\n"
        "int32_t %s_train_reset(void *arena);\n"
        "/* The rate before any schedule, in place of the recipe's: at least 0, finite. */\n"
        "int32_t %s_set_rate(void *arena, double rate);\n"
        "/* What dropout draws by. */\n"
        "int32_t %s_set_seed(void *arena, uint64_t seed);\n"
        "/* The epoch and step of the next %s_train_step, from 1, as schedules and dropout count them. "
        "Steps count themselves. */\n"
        "int32_t %s_set_position(void *arena, int64_t epoch, int64_t step);\n",
        name, name, header_weights_parameters(h), name, name, name, name, name);
}

static void add_keeping(const header *h) {
    learner_layout l;
    ahead_lay_out_learner(h->r, &l);
    strbuf_addf(
        h->out,
        "\n/* All that has been learned: weights, the optimiser's memory, rate, seed and position, but no "
        "states.\n"
        " * Copies it out, at any multiple of 8, and back into this or another arena. Bytes of another model "
        "are\n * %s_BAD_ARGUMENT. */\n"
        "#define %s_LEARNED_BYTES %" PRId64 "\n"
        "int32_t %s_train_save(void *arena, void *bytes);\n"
        "int32_t %s_train_load(void *arena, const void *bytes);\n",
        h->upper, h->upper, l.learned_bytes, h->r->name, h->r->name);
}

void header_add_training(const header *h) {
    if (!h->r->training) {
        return;
    }
    header trained = of_training(h);
    strbuf_add(h->out, "\n");
    header_add_number(h, "NOT_UPDATED", AHEAD_NOT_UPDATED, "a training step left the weights as they are");
    strbuf_addf(
        h->out,
        "/* A step of training: forward, backward, clipping, optimiser. %s_NOT_UPDATED if the loss or a "
        "gradient is\n"
        " * not finite and the recipe skips such steps; out_loss has been written then. It may be null. */\n"
        "int32_t %s_train_step(void *arena",
        h->upper, h->r->name);
    header_add_parameters(&trained, false);
    strbuf_add(h->out, ");\n");
    if (trained.r->threads) {
        char what[HEADER_NAME_SIZE + 64];
        snprintf(what, sizeof what, "%s_train_step on several threads", h->r->name);
        add_shared(&trained, what, "train_step_parallel");
    }
    add_settings(h);
    add_weights(h);
    add_keeping(h);
}
