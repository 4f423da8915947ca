// What an object made ahead of time says of itself to the program around it: `rnnc build -o NAME` gives its object one
// symbol more, standalone_model_of. codegen/driver_program.c writes these structs field by field, so both change together.
//
// This folder is the program around the object: C11, its library and libm, and nothing of rnnc but what CMakeLists.txt
// names. It is installed as an archive for this machine and as sources for others.
#ifndef RNNC_STANDALONE_MODEL_H
#define RNNC_STANDALONE_MODEL_H

#include <stdint.h>

enum { STANDALONE_ALIGN = 64 };

typedef enum standalone_kind { STANDALONE_F32, STANDALONE_F64, STANDALONE_I32 } standalone_kind;

// Axis 0 is the batch. Values lie with the axis of the highest number innermost but for the batch, which is innermost of
// all, around the columns; in files the batch is outermost, and the others are in the order that the model declares.
typedef struct standalone_axis {
    const char *name;
    int32_t least, most; // of the extent; equal where it is fixed
    int32_t whole, more; // a part: its extent is that of axis |whole| and |more|; else |whole| is -1
    int32_t given;       // whether `call` is given the extent
} standalone_axis;

typedef struct standalone_value {
    const char *name;
    int32_t kind;    // standalone_kind
    int32_t columns; // numbers at each place
    int32_t axes;    // bit a: it has axis a
    int32_t limit;   // tokens are below it; 0: they are none
    int32_t lengths; // how many steps of each row count along this axis; -1: it says something else
} standalone_value;

typedef struct standalone_model {
    int64_t arena_bytes;
    const char *name;
    const standalone_axis *axes;
    const standalone_value *inputs, *outputs; // without states
    const int32_t *order;                     // axes as in files
    int32_t (*init)(void *arena);
    int32_t (*reset)(void *arena);
    // |extents|: by axis. What it returns is what the header of an object says.
    int32_t (*call)(void *arena, const int32_t *extents, const void *const *inputs, void *const *outputs);
    int32_t (*encode)(const char *text, int32_t bytes, int32_t *tokens, int32_t room); // NULL: no vocabulary
    int32_t (*decode)(int32_t previous, const int32_t *tokens, int32_t count, char *text, int32_t room);
    int32_t axis_count, input_count, output_count;
    int32_t streams; // states go from call to call, and a step may be a call
    int32_t text;    // the input that reads tokens of the vocabulary
    int32_t named;   // tokens of the vocabulary, of which there may be fewer than scores
    int32_t scores;  // the output to draw the next token from; -1: the model does not go on with texts
    int32_t first;   // token to begin with
} standalone_model;

extern const standalone_model standalone_model_of;

#endif
