# The libraries rnnc stands on, as targets: Threads::Threads, m, ZLIB::ZLIB, jansson::jansson, LLVM, and
# cmocka::cmocka for the tests. All are found by header and library alone. LLVM's own CMake package would also
# look for what LLVM itself was built with (libxml2, zstd, libedit, curl, ffi) and for its static libraries.

# rnnc_library(target HEADER h NAMES n… PACKAGE p [HINTS dir…]) makes the imported target |target|; PACKAGE is
# the Debian package that the error message names.
function(rnnc_library target)
    cmake_parse_arguments(arg "" "HEADER;PACKAGE" "NAMES;HINTS" ${ARGN})
    string(MAKE_C_IDENTIFIER "RNNC_${target}" key)
    find_path(${key}_INCLUDE ${arg_HEADER} HINTS ${arg_HINTS} PATH_SUFFIXES include)
    find_library(${key}_LIBRARY NAMES ${arg_NAMES} HINTS ${arg_HINTS} PATH_SUFFIXES lib)
    if(NOT ${key}_INCLUDE OR NOT ${key}_LIBRARY)
        message(FATAL_ERROR "${target}: header ${arg_HEADER} or library ${arg_NAMES} not found.\n"
            "On Debian: apt-get install ${arg_PACKAGE}")
    endif()
    mark_as_advanced(${key}_INCLUDE ${key}_LIBRARY)
    add_library(${target} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION ${${key}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${${key}_INCLUDE})
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

rnnc_library(ZLIB::ZLIB HEADER zlib.h NAMES z PACKAGE zlib1g-dev)
rnnc_library(jansson::jansson HEADER jansson.h NAMES jansson PACKAGE libjansson-dev)
if(RNNC_TESTS)
    rnnc_library(cmocka::cmocka HEADER cmocka.h NAMES cmocka PACKAGE libcmocka-dev)
endif()

# LLVM's C API, in the shared library. Exactly 19: the pass pipeline and the JIT's interface differ between
# major versions, and a second version would fill codegen/ with #if.
set(RNNC_LLVM_ROOT /usr/lib/llvm-19 CACHE PATH "Where LLVM 19 is installed")
rnnc_library(LLVM HEADER llvm-c/Core.h NAMES LLVM-19 PACKAGE llvm-19-dev HINTS ${RNNC_LLVM_ROOT})
file(STRINGS ${RNNC_LLVM_INCLUDE}/llvm/Config/llvm-config.h llvm_version REGEX "^#define LLVM_VERSION_STRING ")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" RNNC_LLVM_VERSION "${llvm_version}")
if(NOT RNNC_LLVM_VERSION MATCHES "^19[.]")
    message(FATAL_ERROR "The LLVM headers in ${RNNC_LLVM_INCLUDE} are not version 19; set RNNC_LLVM_ROOT")
endif()
