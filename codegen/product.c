// KERNEL_PRODUCT: a unit is a panel and a block of rows. The kernel itself only says how it differs from
// other products.
#include "codegen/product.h"

#include "codegen/chunk.h"
#include "codegen/kernels.h"

void emit_product(frame *f) {
    emitter *e = f->e;
    const kernel_desc *k = f->k;
    product_tiling tiling = product_tile(f->layout, (dtype)k->elem, k->gates, k->columns);
    int rest = k->columns % tiling.unit_columns;
    bool has_whole = k->columns >= tiling.unit_columns;
    product_panel whole = product_describe(f, tiling.unit_columns),
                  last = product_describe(f, rest ? rest : tiling.unit_columns);
    // Where vectors can be masked, one body serves all panels; so it does where the last panel has whole
    // vectors.
    whole.any = rest && (l_has_masks(e) || rest % (int)whole.lanes == 0);
    LLVMValueRef drive = product_drive(f);
    LLVMValueRef whole_body = has_whole ? product_epilogue(&whole) : NULL;
    LLVMValueRef last_body = rest && !(has_whole && whole.any) ? product_epilogue(&last) : whole_body;
    frame_begin(f);
    LLVMValueRef args[PRODUCT_DRIVE_ARGS] = {
        f->args,
        f->ints,
        f->arg[k->arg_count],
        k->dims ? f->extent[0] : l_i64(e, 1),
        l_i64(e, k->inner),
        l_i64(e, k->columns),
        whole_body ? whole_body : last_body,
        last_body,
        f->begin,
        f->end,
    };
    l_call(e, drive, args, PRODUCT_DRIVE_ARGS);
    LLVMBuildRetVoid(e->builder);
}
