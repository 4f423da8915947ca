// The inside of data: what data.c, feed.c, fit.c and programs made for data share.
#ifndef RNNC_API_DATA_H
#define RNNC_API_DATA_H

#include "api/parts.h"
#include "runtime/train/carried.h"

struct rnnc_data {
    atomic_uint references;
    rnnc_model *model;
    carried_data carried; // what the weights number texts by
    data_path *paths;
    dataset *set;
    arena memory;
};

// The part as the rooms below know it. RNNC_INVALID_ARGUMENT if there is none of that number.
rnnc_status api_part_of(const rnnc_data *data, rnnc_part part, rnnc_diagnostics *d, data_part *out_part);
// Fails if the context's program cannot take batches of |data|, those for training if |trains|.
rnnc_status api_check_data(const rnnc_context *c, const rnnc_data *data, bool trains, rnnc_diagnostics *d);

#endif
