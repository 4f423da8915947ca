// Columns of numbers from comma-separated text (RFC 4180) whose first line names the columns.
#ifndef RNNC_RUNTIME_DATA_CSV_H
#define RNNC_RUNTIME_DATA_CSV_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"
#include "runtime/data/words.h"

// What is done about fields that are empty, NA, N/A, nan or null (in small letters or capital ones).
typedef enum csv_missing {
    CSV_MISSING_IS_ERROR,
    CSV_MISSING_FILL,     // |fill| stands for them
    CSV_MISSING_PREVIOUS, // the value in the row before; |fill| where there is none
    CSV_MISSING_MARK,     // all that counts: the result is 0 for them and 1 for all other fields
} csv_missing;

// What is wanted from a table.
typedef struct csv_request {
    const char *const *columns; // names, each as it stands in the header; the order is that of the result
    size_t count;               // 0: all columns, in the order of the file
    char separator;             // 0: a comma
    csv_missing missing;
    double fill;
} csv_request;

// Reads the wanted columns as an F64 array of [rows, columns]. Fields may be quoted ("" inside is a quote)
// and then hold separators and line ends; lines end with LF or CRLF; a UTF-8 byte order mark and blank lines at
// the end are skipped. A wanted field must be a decimal number, which spaces may surround, or missing as the request
// allows it: inf or a word is an error that tells line and column. So are a line with too few or too many
// fields, a name that no column has (the nearest one and all others are listed) or that two have, and a table
// without rows. Numbers are read in the C locale. csv_read also takes gzip.
rnnc_status csv_parse(file_view view, const csv_request *request, diag_sink *d, array *out_array);
rnnc_status csv_read(const char *path, const csv_request *request, diag_sink *d, array *out_array);

// Adds the fields of the column called |name| to |out_words| as words, each a line of its own. A missing field is an error or, if
// |unknown|, <unk>.
rnnc_status csv_parse_category(file_view view, const char *name, bool unknown, diag_sink *d,
                               word_text *out_words);

#endif
