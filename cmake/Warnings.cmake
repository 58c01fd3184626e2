# The warning set of all code that people write here; generated code does not link it.
add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align
  -Wwrite-strings -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wformat=2 -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough
  -Wdouble-promotion -Wnull-dereference -Wredundant-decls
  # Deliberate bounded cuts by snprintf trip format-truncation, which clang does not know. With
  # cast-qual clang also blames us for casts inside the initialisers that protobuf-c generates.
  $<$<C_COMPILER_ID:GNU>:-Wcast-qual -Wduplicated-cond -Wduplicated-branches -Wlogical-op
    -Wformat-signedness -Wno-format-truncation>
  $<$<BOOL:${TELEFACT_WERROR}>:-Werror>)
