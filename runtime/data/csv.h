// Columns of numbers from comma-separated text (RFC 4180) whose first line names the columns.
#ifndef RNNC_RUNTIME_DATA_CSV_H
#define RNNC_RUNTIME_DATA_CSV_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"

// What is wanted from a table.
typedef struct csv_request {
    const char *const *columns; // names, each as it stands in the header; the order is that of the result
    size_t count;               // 0: all columns, in the order of the file
    char separator;             // 0: a comma
} csv_request;

// Reads the wanted columns as an F64 array of [rows, columns]. Fields may be quoted ("" inside is a quote)
// and then hold separators and line ends; lines end with LF or CRLF; a UTF-8 byte order mark and blank lines at
// the end are skipped. A wanted field must be a decimal number, which spaces may surround: an empty field,
// NA, nan, inf or a word is an error that tells line and column. So are a line with too few or too many
// fields, a name that no column has (the nearest one and all others are listed) or that two have, and a table
// without rows. Numbers are read in the C locale. csv_read also takes gzip.
rnnc_status csv_parse(file_view view, const csv_request *request, diag_sink *d, array *out_array);
rnnc_status csv_read(const char *path, const csv_request *request, diag_sink *d, array *out_array);

#endif
