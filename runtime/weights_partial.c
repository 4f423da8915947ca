// What a file and a model have in common, and what not.
#include <stdlib.h>
#include <string.h>

#include "runtime/weights_file.h"

enum { NAMES_SHOWN = 100 };

// Names of tensors, cut off when they get many.
typedef struct name_list {
    strbuf text;
    uint32_t count;
} name_list;

static void add_name(name_list *l, const char *name, const char *why) {
    if (l->count < NAMES_SHOWN) {
        strbuf_addf(&l->text, "%s%s%s", l->count ? ", " : "", name, why);
    }
    if (l->count == NAMES_SHOWN) {
        strbuf_add(&l->text, ", …");
    }
    l->count++;
}

static void add_misfit(name_list *l, const weight_part *p, const safetensors_entry *e) {
    strbuf why = {0};
    strbuf_add(&why, " (");
    shape_describe(e->kind, e->rank, e->dim, &why);
    strbuf_add(&why, " in the file, ");
    weights_part_describe(p, &why);
    strbuf_add(&why, " in the model)");
    add_name(l, p->part->name, strbuf_text(&why));
    strbuf_deinit(&why);
}

static bool is_part(const weight_part_list *l, const char *name) {
    for (uint32_t i = 0; i < l->count; i++) {
        if (strcmp(l->parts[i].part->name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Reads all that fits into |arrays|, whose other members stay zero.
static rnnc_status read_fitting(const weight_part_list *l, const safetensors *file, diag_sink *d,
                                array *arrays, name_list *left) {
    for (uint32_t i = 0; i < l->count; i++) {
        const weight_part *p = &l->parts[i];
        const safetensors_entry *e = safetensors_find(file, p->part->name);
        bool fits = e && weights_part_fits(p, e);
        if (!e) {
            add_name(left, p->part->name, "");
        } else if (!fits) {
            add_misfit(left, p, e);
        }
        TRY(fits ? weights_part_read(p, file, d, &arrays[i]) : RNNC_OK);
    }
    return RNNC_OK;
}

static rnnc_status report(const weight_part_list *l, const safetensors *file, const name_list *left,
                          diag_sink *d) {
    name_list unused = {0};
    for (size_t i = 0; i < file->count; i++) {
        if (!is_part(l, file->entries[i].name)) {
            add_name(&unused, file->entries[i].name, "");
        }
    }
    rnnc_status status = RNNC_OK;
    if (left->count == l->count) {
        status = diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: none of its %zu tensors fits the model; left: %s",
                           file->name, file->count, strbuf_text(&left->text));
    } else {
        diag_note(d, NO_SPAN, "%s: took %u of the model's %u tensors%s%s%s%s", file->name,
                  l->count - left->count, l->count, left->count ? "; left as they were: " : "",
                  strbuf_text(&left->text), unused.count ? "; not used of the file: " : "",
                  strbuf_text(&unused.text));
    }
    strbuf_deinit(&unused.text);
    return status;
}

rnnc_status weights_load_partial(weights *w, const safetensors *file, diag_sink *d) {
    weight_part_list list;
    name_list left = {0};
    TRY(weights_list_parts(w, SELECT_WEIGHTS, d, &list));
    array *arrays = calloc(list.count + (size_t)1, sizeof *arrays);
    rnnc_status status =
        arrays ? read_fitting(&list, file, d, arrays, &left)
               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of %u parts", list.count);
    status = status == RNNC_OK ? report(&list, file, &left, d) : status;
    for (uint32_t i = 0; arrays && i < list.count; i++) {
        if (status == RNNC_OK && arrays[i].data) {
            weights_part_fill(&list.parts[i], &arrays[i]);
        }
        array_deinit(&arrays[i]);
    }
    free(arrays);
    free(list.parts);
    strbuf_deinit(&left.text);
    weights_changed(w);
    return status;
}
