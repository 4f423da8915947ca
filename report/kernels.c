#include "report/kernels.h"

#include "passes/place.h"

static double call_rows(const program *p, const program_call *call, const int64_t *extents) {
    double rows = 1;
    const kernel_desc *k = &p->kernels.at[call->kernel];
    // A flat kernel's elements are counted like the rows of one dimension.
    for (int d = 0; d < (k->flat ? 1 : k->dims); d++) {
        rows *= (double)(call->row_axes[d] ? axes_extent(call->row_axes[d], extents) : call->row_extents[d]);
    }
    return rows;
}

// What one call does in a run of |extents|: floating-point operations of a product, bytes of anything else.
static double kernel_call_work(const program *p, const program_call *call, const int64_t *extents) {
    const kernel_desc *k = &p->kernels.at[call->kernel];
    double rows = call_rows(p, call, extents), bytes = 0;
    if (k->kind == KERNEL_PRODUCT) {
        double inner = (double)(call->inner_axes ? axes_extent(call->inner_axes, extents) : call->inner);
        return 2 * rows * inner * k->columns * k->gates;
    }
    for (uint32_t i = 0; i < k->arg_count; i++) {
        const program_place *place = &call->args[i];
        double elements = k->args[i].uniform ? 1 : rows;
        elements *= k->columns < place->columns ? k->columns : place->columns;
        bytes += elements * dtype_bytes(place->elem);
    }
    if (k->kind == KERNEL_PACK) {
        bytes = 2.0 * k->inner * k->columns * k->gates * dtype_bytes((dtype)k->elem);
    }
    return bytes;
}

kernel_total kernel_total_of(const program *p, uint32_t kernel, const call_time *times,
                             const int64_t *extents) {
    const kernel_desc *k = &p->kernels.at[kernel];
    kernel_total total = {.name = k->name, .product = k->kind == KERNEL_PRODUCT};
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const program_call *call = &p->calls.at[i];
        if (call->kernel == kernel) {
            total.nanoseconds += (double)times[i].nanoseconds;
            total.work += (double)times[i].runs * kernel_call_work(p, call, extents);
            total.calls += times[i].runs;
        }
    }
    return total;
}

void program_work(const program *p, const int64_t *extents, double *out_flops, double *out_bytes) {
    double times = 1; // of what stands in the loop that goes on until |end|
    uint32_t end = 0;
    *out_flops = *out_bytes = 0;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        times = i >= end ? 1 : times;
        if (item->kind == ITEM_LOOP) {
            times = (double)extents[item->axis];
            end = i + 1 + item->length;
        } else if (item->kind == ITEM_CALL) {
            const program_call *call = &p->calls.at[item->call];
            bool product = p->kernels.at[call->kernel].kind == KERNEL_PRODUCT;
            *(product ? out_flops : out_bytes) += times * kernel_call_work(p, call, extents);
        }
    }
}
