# Every library from outside, found once. Which folder may link which is said in the folder's CMakeLists.txt.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(libevent REQUIRED IMPORTED_TARGET
                  libevent_core>=2.1.12 libevent_extra>=2.1.12 libevent_pthreads>=2.1.12)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl>=3.0)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka>=2.0.2)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq>=15)
pkg_check_modules(protobuf_c REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4.1)
pkg_check_modules(yyjson REQUIRED IMPORTED_TARGET yyjson>=0.10)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl>=7.88)
if(TELEFACT_TESTS)
  pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka>=1.1.5)
endif()

find_program(PROTOC_C protoc-c REQUIRED)
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
