# The functions that the CMakeLists.txt of a source folder calls.

# telefact_folders(FOLDER...): add each folder that has a CMakeLists.txt, in this order.
function(telefact_folders)
  foreach(folder IN LISTS ARGN)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/${folder})
    endif()
  endforeach()
endfunction()

# How all code of ours is compiled.
function(telefact_compile target)
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L
    TELEFACT_VERSION="${PROJECT_VERSION}" $<$<BOOL:${TELEFACT_FAULTS}>:TELEFACT_FAULTS>)
  target_link_libraries(${target} PRIVATE project_warnings project_instruments)
endfunction()

# telefact_library(LINK TARGET...): the *.c and *.h of this folder, without main.c, as the static
# library named by the folder's path (libs/base: libs_base). LINK is all that the folder may use.
function(telefact_library)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "LINK")
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "_" target ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")

  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC ${arg_LINK})
    telefact_compile(${target})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_LINK})
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR})
  if(headers) # as a set, every header is also compiled alone
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}
                   FILES ${headers})
  endif()
  set_property(GLOBAL APPEND PROPERTY telefact_libraries ${target})
endfunction()

# telefact_service(NAME LINK TARGET...): the executable of this folder's main.c, installed as the
# component of its name.
function(telefact_service name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK")
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.c)
    message(STATUS "${name}: no main.c, not built")
    return()
  endif()
  add_executable(${name} main.c)
  target_link_libraries(${name} PRIVATE ${arg_LINK})
  telefact_compile(${name})
  install(TARGETS ${name} RUNTIME COMPONENT ${name})
endfunction()

# telefact_embed(SYMBOL HEADER FILE...): compile the bytes of files into this folder's library, as the
# table SYMBOL that HEADER declares (see EmbedFiles.cmake). After telefact_library().
function(telefact_embed symbol header)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "_" target ${folder})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DHEADER=${header} -DSYMBOL=${symbol} "-DFILES=${files}"
            -P ${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
