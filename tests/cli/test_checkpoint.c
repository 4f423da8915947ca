// Checkpoints as files: round trips, every kind of damage, folders of them, and weights that fit in part.
#include "tests/unit/data_files.h"

#include <signal.h>
#include <sys/wait.h>

#include "ir/graph.h"
#include "runtime/data/metrics.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/measures.h"

// A matrix, a vector and the optimiser's memory of the matrix.
typedef struct model_weights {
    graph *g;
    weights *w;
} model_weights;

static model_weights make_weights(fixture *f, int32_t columns, double first) {
    initializer unstated = {INIT_DEFAULT, 0, 0};
    model_weights m = {graph_create("test", DT_F32), NULL};
    graph_add_variable(m.g, "w", type_matrix(DT_F32, 5, columns), VARIABLE_WEIGHT, unstated);
    graph_add_variable(m.g, "b", type_vector(DT_F64, 0, 3), VARIABLE_WEIGHT, unstated);
    graph_add_variable(m.g, "w.m", type_matrix(DT_F32, 5, columns), VARIABLE_SLOT, unstated);
    assert_int_equal(weights_create(m.g->variables.at, m.g->variables.count, &f->sink, &m.w), RNNC_OK);
    for (uint32_t i = 0; i < m.w->count; i++) {
        weight_part p = weights_part(m.w, i, 0);
        for (int64_t e = 0; e < p.rows * p.columns; e++) {
            weight_set(&p, e / p.columns, e % p.columns, first + i + 0.125 * (double)e);
        }
    }
    return m;
}

static void drop_weights(model_weights *m) {
    weights_destroy(m->w);
    graph_destroy(m->g);
}

static void assert_same_weights(const weights *a, const weights *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        size_t bytes = (size_t)weights_count(&a->arrays[i]) * (size_t)dtype_bytes(a->arrays[i].elem);
        assert_memory_equal(a->arrays[i].data, b->arrays[i].data, bytes);
    }
}

static void write_step(fixture *f, const char *folder, int64_t step, double first) {
    model_weights m = make_weights(f, 4, first);
    record about = {0};
    record_text(&about, CHECKPOINT_KEY, CHECKPOINT_FORM);
    record_whole(&about, "step", step);
    record_real(&about, "tenth", 0.1);
    record_text(&about, "quote", "\"rnnc.checksum\":\"12345678\"");
    checkpoint_arrays arrays = {m.w, NULL, NULL};
    const char *path = checkpoint_path(&about.memory, folder, step);
    assert_int_equal(checkpoint_write(path, &arrays, &about, &f->sink), RNNC_OK);
    record_deinit(&about);
    drop_weights(&m);
}

// The step of the newest complete checkpoint of the current folder; -1: none.
static int64_t newest_step(fixture *f) {
    arena memory;
    arena_init(&memory);
    safetensors file;
    bool found = false;
    int64_t step = -1;
    if (checkpoint_newest(".", &memory, &f->sink, &file, &found) == RNNC_OK && found) {
        assert_int_equal(record_read_whole(&file, "step", &f->sink, &step), RNNC_OK);
        safetensors_deinit(&file);
    }
    arena_deinit(&memory);
    return step;
}

static void comes_back(void **state) {
    fixture *f = *state;
    write_step(f, ".", 7, 3.5);
    safetensors file;
    assert_int_equal(checkpoint_read("step-000000000007.safetensors", &f->sink, &file), RNNC_OK);
    model_weights expected = make_weights(f, 4, 3.5), found = make_weights(f, 4, 0);
    checkpoint_arrays arrays = {found.w, NULL, NULL};
    assert_int_equal(checkpoint_restore(&file, &arrays, &f->sink), RNNC_OK);
    assert_same_weights(found.w, expected.w);
    double tenth;
    assert_int_equal(record_read_real(&file, "tenth", &f->sink, &tenth), RNNC_OK);
    assert_true(tenth == 0.1);
    assert_fails(f, record_read_real(&file, "quote", &f->sink, &tenth), RNNC_CORRUPT, "expected a number");
    assert_fails(f, record_read_real(&file, "none", &f->sink, &tenth), RNNC_CORRUPT, "'none'");
    // As weights it is without the optimiser's memory.
    safetensors plain;
    assert_int_equal(checkpoint_weights(&file, &f->sink, &plain), RNNC_OK);
    assert_int_equal(plain.count, 2);
    safetensors_deinit(&plain);
    safetensors_deinit(&file);
    drop_weights(&expected);
    drop_weights(&found);
}

// Optimiser state that is missing, of another shape, or too much, with all weights right.
static void refuses_other_optimizers(void **state) {
    fixture *f = *state;
    write_step(f, ".", 1, 0);
    safetensors file;
    assert_int_equal(checkpoint_read("step-000000000001.safetensors", &f->sink, &file), RNNC_OK);
    model_weights wide = make_weights(f, 6, 0), more = make_weights(f, 4, 0), less = make_weights(f, 4, 0);
    checkpoint_arrays arrays = {wide.w, NULL, NULL};
    assert_fails(f, checkpoint_restore(&file, &arrays, &f->sink), RNNC_TYPE,
                 "f32[5,4], the model's is f32[5,6]");
    initializer unstated = {INIT_DEFAULT, 0, 0};
    weights_destroy(more.w);
    graph_add_variable(more.g, "w.v", type_matrix(DT_F32, 5, 4), VARIABLE_SLOT, unstated);
    assert_int_equal(weights_create(more.g->variables.at, more.g->variables.count, &f->sink, &more.w),
                     RNNC_OK);
    arrays.weights = more.w;
    assert_fails(f, checkpoint_restore(&file, &arrays, &f->sink), RNNC_TYPE, "w.v");
    weights_destroy(less.w);
    assert_int_equal(weights_create(less.g->variables.at, 2, &f->sink, &less.w), RNNC_OK);
    arrays.weights = less.w;
    assert_fails(f, checkpoint_restore(&file, &arrays, &f->sink), RNNC_TYPE, "w.m");
    safetensors_deinit(&file);
    drop_weights(&wide);
    drop_weights(&more);
    drop_weights(&less);
}

// The newest one is damaged in every way: the one before it is taken, and a note names the damaged one.
static void passes_damaged_over(void **state) {
    fixture *f = *state;
    write_step(f, ".", 10, 1);
    write_step(f, ".", 20, 2);
    assert_int_equal(newest_step(f), 20);
    const char *path = "step-000000000020.safetensors";
    file_bytes whole = read_file(f, path);
    for (size_t size = 0; size < whole.size; size += 97) {
        write_file(path, whole.data, size);
        assert_int_equal(newest_step(f), 10);
        assert_non_null(strstr(last_message(f), path));
        forget_messages(f);
    }
    for (size_t at = 0; at < whole.size; at++) {
        whole.data[at] ^= (uint8_t)(1u << at % 8);
        write_file(path, whole.data, whole.size);
        assert_int_equal(newest_step(f), 10);
        forget_messages(f);
        whole.data[at] ^= (uint8_t)(1u << at % 8);
    }
    write_file(path, whole.data, whole.size);
    assert_int_equal(newest_step(f), 20);
    file_bytes_deinit(&whole);
}

static void finds_what_is_there(void **state) {
    fixture *f = *state;
    arena memory;
    arena_init(&memory);
    safetensors file;
    bool found = true;
    assert_int_equal(newest_step(f), -1);
    assert_int_equal(checkpoint_newest("nothing", &memory, &f->sink, &file, &found), RNNC_OK);
    assert_false(found);
    // Names that are no checkpoint's.
    write_file("step-5.safetensors", "x", 1);
    write_file("step-000000000005.safetensors.bak", "x", 1);
    write_file(".rnnc-1-0.tmp", "x", 1);
    assert_int_equal(newest_step(f), -1);
    assert_int_equal(f->sink.entries.count, 0);
    write_file("step-000000000005.safetensors", "x", 1);
    assert_fails(f, checkpoint_newest(".", &memory, &f->sink, &file, &found), RNNC_CORRUPT, "none of its 1");
    // Weights of another kind are not taken for a checkpoint.
    model_weights m = make_weights(f, 4, 0);
    const char *path = "step-000000000006.safetensors";
    assert_int_equal(weights_save(m.w, SELECT_WEIGHTS, NULL, 0, path, &f->sink), RNNC_OK);
    assert_fails(f, checkpoint_read(path, &f->sink, &file), RNNC_CORRUPT, "not a checkpoint");
    drop_weights(&m);
    arena_deinit(&memory);
}

static void keeps_the_newest(void **state) {
    fixture *f = *state;
    for (int64_t step = 1; step <= 6; step++) {
        write_step(f, ".", step, 0);
    }
    // Those of a later step belong to a run that went further and are not touched.
    assert_int_equal(checkpoint_prune(".", 5, 2, &f->sink), RNNC_OK);
    uint32_t count;
    assert_int_equal(checkpoint_count(".", &f->sink, &count), RNNC_OK);
    assert_int_equal(count, 3);
    assert_int_equal(newest_step(f), 6);
    assert_int_equal(unlink("step-000000000006.safetensors"), 0);
    assert_int_equal(newest_step(f), 5);
}

static int end_child(bool sound) {
    _exit(sound ? 0 : 1);
}

// One training a folder; what a dead one was writing goes, what a living one writes stays.
static void opens_folders(void **state) {
    fixture *f = *state;
    checkpoint_folder folder, second;
    assert_int_equal(checkpoint_folder_open("kept", &f->sink, &folder), RNNC_OK);
    pid_t child = fork();
    if (child == 0) {
        diag_sink own;
        diag_init(&own);
        end_child(checkpoint_folder_open("kept", &own, &second) == RNNC_IO);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    checkpoint_folder_close(&folder);
    char dead[64], alive[64];
    snprintf(dead, sizeof dead, "kept/.rnnc-%ld-0.tmp", (long)child);
    snprintf(alive, sizeof alive, "kept/.rnnc-%ld-9.tmp", (long)getpid());
    write_file(dead, "half", 4);
    write_file(alive, "half", 4);
    assert_int_equal(checkpoint_folder_open("kept", &f->sink, &folder), RNNC_OK);
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_int_equal(access(alive, F_OK), 0);
    checkpoint_folder_close(&folder);
    assert_int_equal(unlink(alive), 0);
    write_file("file", "x", 1);
    assert_fails(f, checkpoint_folder_open("file", &f->sink, &folder), RNNC_IO,
                 "file: cannot make the folder");
    assert_fails(f, checkpoint_folder_open("no/such", &f->sink, &folder), RNNC_IO, "no/such: cannot make");
}

static void takes_what_fits(void **state) {
    fixture *f = *state;
    model_weights from = make_weights(f, 4, 10), to = make_weights(f, 6, 0), same = make_weights(f, 6, 0);
    assert_int_equal(weights_save(from.w, SELECT_WEIGHTS | SELECT_SLOTS, NULL, 0, "w", &f->sink), RNNC_OK);
    safetensors file;
    assert_int_equal(safetensors_read("w", &f->sink, &file), RNNC_OK);
    assert_int_equal(weights_load_partial(to.w, &file, &f->sink), RNNC_OK);
    assert_string_equal(last_message(f),
                        "w: took 1 of the model's 2 tensors; left as they were: w (f32[5,4] in the "
                        "file, f32[5,6] in the model); not used of the file: w.m");
    weight_part taken = weights_part(to.w, 1, 0), left = weights_part(to.w, 0, 0),
                old = weights_part(same.w, 0, 0);
    assert_true(weight_get(&taken, 0, 2) == 11.25);
    assert_true(weight_get(&left, 4, 5) == weight_get(&old, 4, 5));
    safetensors_deinit(&file);
    assert_int_equal(weights_save(from.w, SELECT_SLOTS, NULL, 0, "slots", &f->sink), RNNC_OK);
    assert_int_equal(safetensors_read("slots", &f->sink, &file), RNNC_OK);
    assert_fails(f, weights_load_partial(to.w, &file, &f->sink), RNNC_TYPE, "none of its 1 tensors fits");
    safetensors_deinit(&file);
    drop_weights(&from);
    drop_weights(&to);
    drop_weights(&same);
}

// One row of ones in each of the real types of a file; f32 and f64 variables take them all.
static void reads_all_real_types(void **state) {
    fixture *f = *state;
    static const array_kind kinds[] = {ARRAY_F16, ARRAY_BF16, ARRAY_F32, ARRAY_F64};
    static const uint64_t ones[] = {0x3e00, 0x3fc0, 0x3fc00000, 0x3ff8000000000000}; // 1.5
    for (int i = 0; i < 4; i++) {
        model_weights m = make_weights(f, 4, 0);
        array w, b;
        assert_int_equal(array_create(kinds[i], 2, (int64_t[]){5, 4}, "w", &f->sink, &w), RNNC_OK);
        assert_int_equal(array_create(kinds[i], 1, (int64_t[]){3}, "b", &f->sink, &b), RNNC_OK);
        size_t bytes = array_kind_bytes(kinds[i]);
        for (size_t e = 0; e < 20; e++) {
            memcpy((char *)w.data + e * bytes, &ones[i], bytes);
            memcpy((char *)b.data + e % 3 * bytes, &ones[i], bytes);
        }
        named_array tensors[] = {{"w", &w}, {"b", &b}};
        safetensors_contents contents = {.tensors = tensors, .count = 2};
        assert_int_equal(safetensors_write("w", &contents, &f->sink), RNNC_OK);
        assert_int_equal(weights_load(m.w, SELECT_WEIGHTS, "w", &f->sink), RNNC_OK);
        weight_part first = weights_part(m.w, 0, 0), second = weights_part(m.w, 1, 0);
        assert_true(weight_get(&first, 4, 3) == 1.5 && weight_get(&second, 0, 2) == 1.5);
        array_deinit(&w);
        array_deinit(&b);
        drop_weights(&m);
    }
}

static void metrics_go_on(void **state) {
    fixture *f = *state;
    metrics_writer m;
    int64_t bytes;
    const metric one = {"epoch", 1}, two = {"epoch", 2};
    assert_int_equal(metrics_open("m", false, &f->sink, &m), RNNC_OK);
    assert_int_equal(metrics_write(&m, &one, 1, &f->sink), RNNC_OK);
    assert_int_equal(metrics_sync(&m, &f->sink, &bytes), RNNC_OK);
    assert_int_equal(metrics_write(&m, &two, 1, &f->sink), RNNC_OK);
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    assert_int_equal(metrics_reopen("m", bytes, &f->sink, &m), RNNC_OK);
    assert_int_equal(metrics_write(&m, &two, 1, &f->sink), RNNC_OK);
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    file_bytes all = read_file(f, "m");
    assert_string_equal((const char *)all.data, "{\"epoch\":1}\n{\"epoch\":2}\n");
    file_bytes_deinit(&all);
    // Not the file that it was: nothing of it is lost.
    assert_int_equal(metrics_reopen("m", bytes + 1, &f->sink, &m), RNNC_OK);
    assert_non_null(strstr(last_message(f), "not as the checkpoint knows it"));
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    assert_int_equal(metrics_reopen("m", 1000, &f->sink, &m), RNNC_OK);
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    all = read_file(f, "m");
    assert_int_equal(all.size, 24);
    file_bytes_deinit(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(comes_back),          data_test(refuses_other_optimizers), data_test(passes_damaged_over),
        data_test(finds_what_is_there), data_test(keeps_the_newest),         data_test(opens_folders),
        data_test(takes_what_fits),     data_test(reads_all_real_types),     data_test(metrics_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
