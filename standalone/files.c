// Inputs from .npy files, outputs to .npy files.
#include <stdlib.h>
#include <string.h>

#include "standalone/parts.h"

typedef struct file_job {
    const standalone_model *m;
    const program_line *line;
    session s;
    npy_array *in, *out; // by input and output; |data| NULL: not given, not wanted
    const char **paths;  // by output
    int32_t whole[MOST_AXES];
    const char *from[MOST_AXES]; // the input that said so
    int along;                   // the axis that long sequences are cut along; 0: none
} file_job;

static int find_value(const standalone_value *values, int32_t count, const choice *c, const char *option) {
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, c->name) == 0) {
            return i;
        }
    }
    die("%s %s: the model has no value of that name; --help shows what it has", option, c->name);
}

// ---- Extents ----

static void set_extent(file_job *job, int axis, int64_t extent, const char *name) {
    const char *from = job->from[axis];
    if (from && job->whole[axis] != extent) {
        die("%s has %lld along %s, %s has %d", name, (long long)extent, axis_name(job->m, axis), from,
            job->whole[axis]);
    }
    job->whole[axis] = (int32_t)extent;
    job->from[axis] = name;
}

// An array has a dimension for each axis, and one for the columns; where there is one column, that may be left out.
static void take_shape(file_job *job, const standalone_value *v, const npy_array *a, const char *path) {
    int at = 0;
    for (int32_t i = 0; i < job->m->axis_count; i++) {
        int axis = job->m->order[i];
        if (v->axes >> axis & 1) {
            if (at == a->rank) {
                die("%s: %d dimensions are too few for %s; see --help", path, a->rank, v->name);
            }
            set_extent(job, axis, a->dim[at++], v->name);
        }
    }
    bool fits = at + 1 == a->rank ? a->dim[at] == v->columns : at == a->rank && v->columns == 1;
    if (!fits) {
        die("%s: %s has %d columns, in as many dimensions as --help says", path, v->name, v->columns);
    }
}

static void load_inputs(file_job *job) {
    for (int i = 0; i < job->line->in_count; i++) {
        const choice *c = &job->line->in[i];
        int index = find_value(job->m->inputs, job->m->input_count, c, "--in");
        const standalone_value *v = &job->m->inputs[index];
        job->in[index] = npy_load(c->path, v->kind);
        take_shape(job, v, &job->in[index], c->path);
    }
    for (int32_t i = 0; i < job->m->input_count; i++) {
        if (!job->in[i].data && job->m->inputs[i].lengths < 0) {
            die("the input '%s' is needed: --in %s=F.npy", job->m->inputs[i].name, job->m->inputs[i].name);
        }
    }
}

// What no input says is as long as it may be. Parts must be what follows from their wholes.
static void complete_extents(file_job *job) {
    int32_t derived[MOST_AXES];
    for (int32_t a = 0; a < job->m->axis_count; a++) {
        job->whole[a] = job->from[a] || job->m->axes[a].whole >= 0 ? job->whole[a]
                        : a                                        ? job->m->axes[a].most
                                                                   : 1;
    }
    memcpy(derived, job->whole, sizeof derived);
    derive_extents(job->m, derived);
    for (int32_t a = 0; a < job->m->axis_count; a++) {
        if (job->from[a] && derived[a] != job->whole[a]) {
            die("%s has %d along %s, where %d are needed", job->from[a], job->whole[a], axis_name(job->m, a),
                derived[a]);
        }
    }
    memcpy(job->whole, derived, sizeof derived);
    // A model whose states go on reads a sequence of any length piece by piece.
    for (int32_t a = 1; a < job->m->axis_count && job->m->streams; a++) {
        job->along = job->m->axes[a].given && job->whole[a] > job->m->axes[a].most ? a : job->along;
    }
}

// ---- Outputs ----

static void check_path_is_new(const file_job *job, const char *path) {
    for (int32_t i = 0; i < job->m->output_count; i++) {
        if (job->paths[i] && strcmp(job->paths[i], path) == 0) {
            die("%s stands for two outputs: give each a file of its own", path);
        }
    }
}

static void make_outputs(file_job *job) {
    for (int i = 0; i < job->line->out_count; i++) {
        const choice *c = &job->line->out[i];
        check_path_is_new(job, c->path);
        int index = find_value(job->m->outputs, job->m->output_count, c, "--out");
        const standalone_value *v = &job->m->outputs[index];
        npy_array *a = &job->out[index];
        job->paths[index] = c->path;
        a->data = take_memory(value_count(v, job->whole), kind_bytes(v->kind));
        for (int32_t place = 0; place < job->m->axis_count; place++) {
            int axis = job->m->order[place];
            if (v->axes >> axis & 1) {
                a->dim[a->rank++] = job->whole[axis];
            }
        }
        if (v->columns > 1) {
            a->dim[a->rank++] = v->columns;
        }
    }
}

// ---- Blocks ----

static void run_block(file_job *job, const window *w, const int32_t *extents) {
    session_set_extents(&job->s, extents);
    for (int32_t i = 0; i < job->m->input_count; i++) {
        if (job->in[i].data) {
            session_put(&job->s, i, job->in[i].data, w);
        } else {
            session_fill_lengths(&job->s, i);
        }
    }
    session_run(&job->s);
    for (int32_t i = 0; i < job->m->output_count; i++) {
        if (job->out[i].data) {
            session_get(&job->s, i, job->out[i].data, w);
        }
    }
}

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static void run_rows(file_job *job, int32_t first, int32_t rows) {
    window w = {.first = {first}};
    int32_t extents[MOST_AXES];
    memcpy(w.whole, job->whole, sizeof w.whole);
    memcpy(extents, job->whole, sizeof extents);
    extents[0] = rows;
    session_reset(&job->s);
    if (!job->along) {
        run_block(job, &w, extents);
        return;
    }
    int32_t most = job->m->axes[job->along].most, end = job->whole[job->along];
    for (int32_t at = 0; at < end; at += most) {
        w.first[job->along] = at;
        extents[job->along] = smaller(most, end - at);
        run_block(job, &w, extents);
    }
}

void run_files(const standalone_model *m, const program_line *line) {
    file_job job = {.m = m, .line = line};
    job.in = take_memory(m->input_count + 1, sizeof *job.in);
    job.out = take_memory(m->output_count + 1, sizeof *job.out);
    job.paths = take_memory(m->output_count + 1, sizeof *job.paths);
    load_inputs(&job);
    complete_extents(&job);
    make_outputs(&job);
    session_open(&job.s, m);
    for (int32_t first = 0; first < job.whole[0]; first += m->axes[0].most) {
        run_rows(&job, first, smaller(m->axes[0].most, job.whole[0] - first));
    }
    for (int32_t i = 0; i < m->output_count; i++) {
        if (job.out[i].data) {
            npy_store(job.paths[i], &job.out[i], m->outputs[i].kind);
        }
    }
    session_close(&job.s);
    for (int32_t i = 0; i < m->input_count; i++) {
        free(job.in[i].data);
    }
    for (int32_t i = 0; i < m->output_count; i++) {
        free(job.out[i].data);
    }
    free(job.in);
    free(job.out);
    free((void *)job.paths);
}
