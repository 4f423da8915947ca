#include "runtime/weights_file.h"

#include <stdlib.h>
#include <string.h>

// The selected parts of some weights, each with the array that a file holds of it.
typedef struct part_list {
    weight_part *parts;
    array *arrays;
    uint32_t count;
} part_list;

static bool is_selected(const graph_variable *v, int selection) {
    return (selection & (v->role == VARIABLE_SLOT ? SELECT_SLOTS : SELECT_WEIGHTS)) != 0;
}

static uint32_t count_parts(const weights *w) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        count += w->arrays[i].variable->parts.count;
    }
    return count;
}

static void part_list_deinit(part_list *l) {
    for (uint32_t i = 0; l->arrays && i < l->count; i++) {
        array_deinit(&l->arrays[i]);
    }
    free(l->arrays);
    free(l->parts);
}

rnnc_status weights_list_parts(const weights *w, int selection, diag_sink *d, weight_part_list *out_list) {
    size_t capacity = (size_t)count_parts(w) + 1;
    *out_list = (weight_part_list){calloc(capacity, sizeof *out_list->parts), 0};
    if (!out_list->parts) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of %zu parts", capacity);
    }
    for (uint32_t i = 0; i < w->count; i++) {
        const graph_variable *v = w->arrays[i].variable;
        for (uint32_t j = 0; j < v->parts.count && is_selected(v, selection); j++) {
            out_list->parts[out_list->count++] = weights_part(w, i, j);
        }
    }
    return RNNC_OK;
}

static rnnc_status part_list_init(const weights *w, int selection, diag_sink *d, part_list *out_list) {
    weight_part_list list;
    *out_list = (part_list){0};
    TRY(weights_list_parts(w, selection, d, &list));
    *out_list = (part_list){list.parts, calloc(list.count + (size_t)1, sizeof(array)), list.count};
    return out_list->arrays
               ? RNNC_OK
               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of %u parts", list.count);
}

static array_kind kind_of(dtype elem) {
    return elem == DT_F32 ? ARRAY_F32 : elem == DT_F64 ? ARRAY_F64 : ARRAY_I32;
}

// The shape of |p| in a file; returns the rank.
static int file_shape(const weight_part *p, int64_t dim[2]) {
    if (p->array->variable->type.rank == 2) {
        dim[0] = p->rows;
        dim[1] = p->columns;
        return 2;
    }
    dim[0] = p->columns;
    return 1;
}

static void set_element(array *a, int64_t i, double value) {
    switch (a->kind) {
    case ARRAY_F32: ((float *)a->data)[i] = (float)value; break;
    case ARRAY_F64: ((double *)a->data)[i] = value; break;
    default: ((int32_t *)a->data)[i] = (int32_t)value; break;
    }
}

rnnc_status weights_part_to_array(const weight_part *p, diag_sink *d, array *out_array) {
    int64_t dim[2];
    int rank = file_shape(p, dim);
    TRY(array_create(kind_of(p->array->variable->type.elem), rank, dim, p->part->name, d, out_array));
    for (int64_t i = 0; i < p->rows * p->columns; i++) {
        set_element(out_array, i, weight_get(p, i / p->columns, i % p->columns));
    }
    return RNNC_OK;
}

rnnc_status weights_save(const weights *w, int selection, const text_pair *metadata, size_t metadata_count,
                         const char *path, diag_sink *d) {
    tensor_list list = {0};
    rnnc_status status = tensor_list_add_weights(&list, w, selection, "", d);
    if (status == RNNC_OK) {
        safetensors_contents contents = {.tensors = list.tensors,
                                         .count = list.count,
                                         .metadata = metadata,
                                         .metadata_count = metadata_count};
        status = safetensors_write(path, &contents, d);
    }
    tensor_list_deinit(&list);
    return status;
}

static bool list_has(const part_list *l, const char *name) {
    for (uint32_t i = 0; i < l->count; i++) {
        if (strcmp(l->parts[i].part->name, name) == 0) {
            return true;
        }
    }
    return false;
}

// More than models by hand have; another program's file may hold thousands.
enum { ITEMS_SHOWN = 100 };

// A list for an error, which ends with a count where it gets longer.
typedef struct item_list {
    strbuf text;
    size_t count;
} item_list;

// The place for the next item; NULL if no more are shown.
static strbuf *next_item(item_list *l, const char *separator) {
    if (l->count++ >= ITEMS_SHOWN) {
        return NULL;
    }
    if (l->count > 1) {
        strbuf_add(&l->text, separator);
    }
    return &l->text;
}

static void add_name(item_list *l, const char *name) {
    strbuf *text = next_item(l, ", ");
    if (text) {
        strbuf_add(text, name);
    }
}

// Adds "; <count> |what|: <items>" to |message| if there are any. Frees the list.
static void add_items(item_list *l, const char *what, strbuf *message) {
    if (l->count > ITEMS_SHOWN) {
        strbuf_addf(&l->text, " and %zu more", l->count - ITEMS_SHOWN);
    }
    if (l->count) {
        strbuf_addf(message, "; %zu %s: %s", l->count, what, strbuf_text(&l->text));
    }
    strbuf_deinit(&l->text);
}

// One error if there is a |message|, and frees it.
static rnnc_status report_misfit(strbuf *message, const safetensors *file, diag_sink *d) {
    rnnc_status status = RNNC_OK;
    if (strbuf_text(message)[0] != '\0') {
        status =
            diag_fail(d, RNNC_TYPE, NO_SPAN, "%s does not fit the model%s", file->name, strbuf_text(message));
    }
    strbuf_deinit(message);
    return status;
}

// Every part must be in the file, and every tensor of the file must be a part.
static rnnc_status check_names(const part_list *l, const safetensors *file, diag_sink *d) {
    item_list missing = {0}, unused = {0};
    for (uint32_t i = 0; i < l->count; i++) {
        if (!safetensors_find(file, l->parts[i].part->name)) {
            add_name(&missing, l->parts[i].part->name);
        }
    }
    for (size_t i = 0; i < file->count; i++) {
        if (!list_has(l, file->entries[i].name)) {
            add_name(&unused, file->entries[i].name);
        }
    }
    strbuf message = {0};
    add_items(&missing, "of the model's tensors missing", &message);
    add_items(&unused, "of the file's tensors unknown to the model", &message);
    return report_misfit(&message, file, d);
}

bool weights_part_fits(const weight_part *p, const safetensors_entry *e) {
    int64_t dim[2];
    int rank = file_shape(p, dim);
    bool same = e->rank == rank && e->dim[0] == dim[0] && (rank == 1 || e->dim[1] == dim[1]);
    return same && array_kind_is_float(e->kind) == dtype_is_float(p->array->variable->type.elem);
}

void weights_part_describe(const weight_part *p, strbuf *out) {
    int64_t dim[2];
    int rank = file_shape(p, dim);
    shape_describe(kind_of(p->array->variable->type.elem), rank, dim, out);
}

static void describe_misfit(const weight_part *p, const safetensors_entry *e, strbuf *text) {
    strbuf_addf(text, "%s is ", p->part->name);
    shape_describe(e->kind, e->rank, e->dim, text);
    strbuf_add(text, ", the model's is ");
    weights_part_describe(p, text);
}

static rnnc_status check_shapes(const part_list *l, const safetensors *file, diag_sink *d) {
    item_list misfits = {0};
    for (uint32_t i = 0; i < l->count; i++) {
        const safetensors_entry *e = safetensors_find(file, l->parts[i].part->name);
        strbuf *text = weights_part_fits(&l->parts[i], e) ? NULL : next_item(&misfits, "; ");
        if (text) {
            describe_misfit(&l->parts[i], e, text);
        }
    }
    strbuf message = {0};
    add_items(&misfits, "of the file's tensors of another shape", &message);
    return report_misfit(&message, file, d);
}

// Reads one tensor as the type of its variable.
rnnc_status weights_part_read(const weight_part *p, const safetensors *file, diag_sink *d, array *out_array) {
    array raw = {0};
    TRY(safetensors_load(file, p->part->name, d, &raw));
    char what[512];
    snprintf(what, sizeof what, "%s: tensor %s", file->name, p->part->name);
    rnnc_status status = array_convert(&raw, kind_of(p->array->variable->type.elem), what, d, out_array);
    array_deinit(&raw);
    return status;
}

void weights_part_fill(const weight_part *p, const array *values) {
    for (int64_t e = 0; e < p->rows * p->columns; e++) {
        weight_set(p, e / p->columns, e % p->columns, array_to_double(values, e));
    }
}

static rnnc_status read_list(part_list *l, const safetensors *file, diag_sink *d) {
    TRY(check_names(l, file, d));
    TRY(check_shapes(l, file, d));
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < l->count && status == RNNC_OK; i++) {
        status = weights_part_read(&l->parts[i], file, d, &l->arrays[i]);
    }
    return status;
}

rnnc_status weights_load_from(weights *w, int selection, const safetensors *file, diag_sink *d) {
    part_list list = {0};
    rnnc_status status = part_list_init(w, selection, d, &list);
    if (status == RNNC_OK) {
        status = read_list(&list, file, d);
    }
    for (uint32_t i = 0; i < list.count && status == RNNC_OK; i++) {
        weights_part_fill(&list.parts[i], &list.arrays[i]);
    }
    part_list_deinit(&list);
    weights_changed(w);
    return status;
}

rnnc_status weights_load(weights *w, int selection, const char *path, diag_sink *d) {
    safetensors file = {0};
    TRY(safetensors_read(path, d, &file));
    rnnc_status status = weights_load_from(w, selection, &file, d);
    safetensors_deinit(&file);
    return status;
}
