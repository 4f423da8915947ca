# Writes a header with CODEGEN_IDENTITY: a sum over what decides which machine code a kernel becomes. Run in the
# project's root at build time:
#     cmake -DOUTPUT=header -DVERSION=text -P codegen/identity.cmake
file(GLOB sources codegen/*.c codegen/*.h codegen/*.def passes/kernel.* passes/phases.h passes/tiling.*
    ir/ops.def support/philox.*)
list(SORT sources)
set(sums "${VERSION}")
foreach(source IN LISTS sources)
    file(SHA256 ${source} sum)
    string(APPEND sums " ${sum}")
endforeach()
string(SHA256 identity "${sums}")
file(WRITE ${OUTPUT} "#define CODEGEN_IDENTITY \"${VERSION} ${identity}\"\n")
