#include <stdlib.h>
#include <string.h>

#include "runtime/weights_file.h"

void tensor_list_deinit(tensor_list *l) {
    for (uint32_t i = 0; i < l->count; i++) {
        array_deinit(&l->arrays[i]);
    }
    free(l->arrays);
    free(l->tensors);
    arena_deinit(&l->memory);
    *l = (tensor_list){0};
}

// Room for |more| tensors. The names' table points into the arrays' one, so it is filled again when that moves.
static rnnc_status reserve(tensor_list *l, uint32_t more, diag_sink *d) {
    uint32_t capacity = l->count + more;
    if (capacity <= l->capacity) {
        return RNNC_OK;
    }
    capacity = capacity < 2 * l->capacity ? 2 * l->capacity : capacity;
    array *arrays = realloc(l->arrays, capacity * sizeof *arrays);
    l->arrays = arrays ? arrays : l->arrays;
    named_array *tensors = arrays ? realloc(l->tensors, capacity * sizeof *tensors) : NULL;
    l->tensors = tensors ? tensors : l->tensors;
    if (!tensors) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of %u tensors", capacity);
    }
    for (uint32_t i = 0; i < l->count; i++) {
        l->tensors[i].value = &l->arrays[i];
    }
    l->capacity = capacity;
    return RNNC_OK;
}

// |prefix| and |name| joined, in the list's memory; NULL if there is none. Nobody jumps out of here, for callers have
// arrays that they own.
static const char *join(tensor_list *l, const char *prefix, const char *name) {
    jmp_buf exhausted, *outer = l->memory.exhausted;
    const char *volatile joined = NULL;
    if (!setjmp(exhausted)) {
        l->memory.exhausted = &exhausted;
        joined = arena_printf(&l->memory, "%s%s", prefix, name);
    }
    l->memory.exhausted = outer;
    return joined;
}

// Takes |a| over.
static rnnc_status add(tensor_list *l, const char *prefix, const char *name, array a, diag_sink *d) {
    const char *joined = join(l, prefix, name);
    l->arrays[l->count] = a;
    l->tensors[l->count] = (named_array){joined, &l->arrays[l->count]};
    l->count++;
    return joined ? RNNC_OK : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a tensor's name");
}

rnnc_status tensor_list_add_weights(tensor_list *l, const weights *w, int selection, const char *prefix,
                                    diag_sink *d) {
    weight_part_list list;
    TRY(weights_list_parts(w, selection, d, &list));
    rnnc_status status = reserve(l, list.count, d);
    for (uint32_t i = 0; i < list.count && status == RNNC_OK; i++) {
        array a = {0};
        status = weights_part_to_array(&list.parts[i], d, &a);
        if (status == RNNC_OK) {
            status = add(l, prefix, list.parts[i].part->name, a, d);
        }
    }
    free(list.parts);
    return status;
}

rnnc_status tensor_list_add_vector(tensor_list *l, const char *name, array_kind kind, const void *data,
                                   int64_t count, diag_sink *d) {
    array a = {0};
    TRY(reserve(l, 1, d));
    TRY(array_create(kind, 1, &count, name, d, &a));
    memcpy(a.data, data, array_bytes(&a));
    return add(l, "", name, a, d);
}
