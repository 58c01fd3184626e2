# proto_c: C code generated from proto/telefact/**/*.proto into the build folder.
# Include as "telefact/event/v1/event.pb-c.h"; a system folder, so our warnings leave it alone.
set(proto_root ${PROJECT_SOURCE_DIR}/proto)
set(proto_out ${PROJECT_BINARY_DIR}/generated)
file(GLOB_RECURSE protos CONFIGURE_DEPENDS RELATIVE ${proto_root} ${proto_root}/telefact/*.proto)

set(proto_c_sources "")
foreach(proto IN LISTS protos)
  string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${proto_out}/${proto})
  # The sources of all are dependencies of each: protos include one another.
  list(TRANSFORM protos PREPEND ${proto_root}/ OUTPUT_VARIABLE all_protos)
  add_custom_command(
    OUTPUT ${stem}.c ${stem}.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${proto_out}
    COMMAND ${PROTOC_C} --proto_path=${proto_root} --c_out=${proto_out} ${proto}
    DEPENDS ${all_protos}
    COMMENT "protoc-c ${proto}"
    VERBATIM)
  list(APPEND proto_c_sources ${stem}.c ${stem}.h)
endforeach()

if(proto_c_sources)
  add_library(proto_c STATIC ${proto_c_sources})
  target_include_directories(proto_c SYSTEM PUBLIC ${proto_out})
  target_compile_options(proto_c PRIVATE -w)
  target_link_libraries(proto_c PUBLIC PkgConfig::protobuf_c PRIVATE project_instruments)
else()
  add_library(proto_c INTERFACE)
endif()
