// A chunk: neighbouring columns of a row that one vector holds, and its loads and stores.
#ifndef RNNC_CODEGEN_CHUNK_H
#define RNNC_CODEGEN_CHUNK_H

#include "codegen/emit.h"
#include "ir/type.h"

// Lanes of a reduction, and of all chunks of a kernel that has one (docs/numerics.md).
enum { REDUCTION_LANES = 16 };

typedef struct chunk {
    LLVMValueRef column; // i64: of the first lane
    unsigned lanes;
    unsigned active;   // the first |active| lanes are columns of the row; others must not be read or written
    LLVMValueRef mask; // NULL; or which lanes are active, known at run time only (targets with masked memory)
} chunk;

// LLVM's type for an element.
LLVMTypeRef l_dtype(emitter *e, dtype elem);

// The chunk's columns of the array of |element| whose element 0 is at |row|; lanes that are not active are 0.
LLVMValueRef chunk_load(emitter *e, const chunk *c, LLVMTypeRef element, LLVMValueRef row);
void chunk_store(emitter *e, const chunk *c, LLVMValueRef value, LLVMValueRef row);
// The first |active| lanes of a vector of |type|, known when the code is made.
LLVMValueRef chunk_load_part(emitter *e, LLVMTypeRef type, unsigned active, LLVMValueRef address);

// Whether chunks may have a mask.
bool l_has_masks(const emitter *e);
// |value| in the active lanes, |other| in the others.
LLVMValueRef chunk_mask(emitter *e, const chunk *c, LLVMValueRef value, LLVMValueRef other);
// Each lane's column number, as i32s.
LLVMValueRef chunk_columns(emitter *e, const chunk *c);
// Lanes [from, from + count) of |value|.
LLVMValueRef l_lanes_of(emitter *e, LLVMValueRef value, unsigned from, unsigned count);
// The mask of the lanes below |count| (i64) in a vector of |lanes|.
LLVMValueRef l_first_lanes(emitter *e, LLVMValueRef count, unsigned lanes);

#endif
