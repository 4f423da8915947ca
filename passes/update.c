// update: what is done with the gradients, as nodes like any others.
//
// Takes every output "gradient.NAME" and replaces them by assignments: the schedule of the rate
// (update_rate.c), clipping and the guard against numbers that are not finite (update_limit.c), the optimiser
// (update_rules.c). Rates, powers, norms and counts are f64 in every model.
//
//     output value "gradient.W" %1    ->    %10 = mul %rate, %1 ; %11 = sub $W, %10 ; assign $W, %11
#include "passes/update.h"

#include <string.h>

#include "passes/rebuild.h"
#include "passes/update_internal.h"
#include "support/pattern.h"

static const char gradient_prefix[] = "gradient.";

double update_weight_decay(const update_options *o, const variable_part *part) {
    for (uint32_t i = o->decay_count; i-- > 0;) {
        if (pattern_fits(o->decays[i].pattern, part->name)) {
            return o->decays[i].decay;
        }
    }
    return part->regular ? o->weight_decay : 0;
}

node_id update_exact(updater *u, double value) {
    return build_const(u->g, type_vector(DT_F64, 0, 1), value);
}

node_id update_real(updater *u, node_id exact) {
    return build_convert(u->g, exact, u->g->real);
}

node_id update_where_sound(updater *u, node_id made, node_id old) {
    return u->sound == NO_NODE ? made : build_select(u->g, u->sound, made, old);
}

static void take_gradients(updater *u) {
    graph *g = u->g;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        graph_output output = g->outputs.at[i];
        bool gradient = strncmp(output.name, gradient_prefix, strlen(gradient_prefix)) == 0 &&
                        graph_find_variable(g, output.name + strlen(gradient_prefix));
        if (!gradient || u->options->keeps_gradients) {
            g->outputs.at[kept++] = output;
        }
        if (!gradient) {
            continue;
        }
        trained t = {output.name + strlen(gradient_prefix), output.node};
        vec_push(u->cx->scratch, u->trained, t);
    }
    g->outputs.count = kept;
}

static rnnc_status report_no_gradients(const graph *g, const pass_context *cx) {
    if (!cx->differentiated) {
        return diag_fail(cx->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "update needs differentiate before it");
    }
    return diag_error(cx->d, NO_SPAN, "model \"%s\" has no weights that the loss depends on", g->name);
}

rnnc_status pass_update(graph *g, pass_context *cx) {
    if (!cx->update || cx->update->rule == UPDATE_NONE) {
        return RNNC_OK;
    }
    updater u = {.g = g,
                 .cx = cx,
                 .options = cx->update,
                 .sound = NO_NODE,
                 .first_scale = NO_NODE,
                 .second_scale = NO_NODE};
    take_gradients(&u);
    if (!u.trained.count) {
        return report_no_gradients(g, cx);
    }
    g->current_origin = graph_add_origin(g, NO_SPAN, "update");
    u.rate = update_rate(&u);
    graph_add_output(g, UPDATE_RATE, u.rate, OUTPUT_VALUE);
    update_limit(&u);
    for (uint32_t i = 0; i < u.trained.count; i++) {
        update_variable(&u, &u.trained.at[i]);
    }
    return graph_rebuild(g, cx->scratch, cx->d, NULL, NULL);
}
