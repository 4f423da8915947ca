# rnnc_settings: the language level, warnings and sanitizers that every target of the project shares.
# A room gets them by linking rnnc_support, which links this.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# An installed rnnc finds an LLVM outside the system's folders where the built one did.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
# Debug builds are stepped through and also run the whole suite: -O1 is the middle way.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

add_library(rnnc_settings INTERFACE)
target_compile_features(rnnc_settings INTERFACE c_std_17)
target_compile_definitions(rnnc_settings INTERFACE _GNU_SOURCE)
target_include_directories(rnnc_settings INTERFACE ${PROJECT_SOURCE_DIR})
# Without -ffp-contract=off a compiler may join a product and a sum into one rounding, and the interpreter's
# results would depend on the compiler and its flags.
target_compile_options(rnnc_settings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -ffp-contract=off
    $<$<BOOL:${RNNC_WERROR}>:-Werror>)

if(RNNC_SANITIZE)
    string(REPLACE ";" "," sanitizers "${RNNC_SANITIZE}")
    set(flags -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
        # Code made at run time has no type records before its entries for this check to read.
        list(APPEND flags -fno-sanitize=function)
    endif()
    target_compile_options(rnnc_settings INTERFACE ${flags})
    target_link_options(rnnc_settings INTERFACE ${flags})
endif()

if(RNNC_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "RNNC_FUZZ needs clang: configure with -DCMAKE_C_COMPILER=clang-19")
    endif()
    target_compile_options(rnnc_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
