#include <stdio.h>

#include "cli/command.h"

void print_streams(const dataset *data, data_part part, arena *memory) {
    data_range range;
    diag_sink unused;
    diag_init(&unused);
    if (data->batching == BATCH_STREAMS && dataset_range(data, part, &unused, &range) == RNNC_OK) {
        int64_t values = range.end - range.begin;
        fprintf(stderr, "%s values in %lld stream%s of %s, %lld left over\n", describe_count(values, memory),
                (long long)range.rows, range.rows == 1 ? "" : "s", describe_count(range.length, memory),
                (long long)dataset_left_over(data, &range));
    }
    diag_deinit(&unused);
}
