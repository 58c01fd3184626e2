# cmake -DOUT=FILE.c -DHEADER=HEADER -DSYMBOL=NAME -DFILES=A;B -P EmbedFiles.cmake
# Writes a C file that holds the bytes of FILES, each ended by a NUL that does not count, sorted as
# given, and the table SYMBOL of `struct embedded_file {name, bytes, len}` with SYMBOL_COUNT.
set(text "#include \"${HEADER}\"\n\n")
set(table "")
set(count 0)
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  file(SIZE ${file} len)
  cmake_path(GET file FILENAME name)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND text "static const unsigned char file_${count}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${name}\", (const char *)file_${count}, ${len}},\n")
  math(EXPR count "${count} + 1")
endforeach()
string(APPEND text "\nconst struct embedded_file ${SYMBOL}[] = {\n${table}};\n"
       "const size_t ${SYMBOL}_COUNT = ${count};\n")
file(WRITE ${OUT} "${text}")
