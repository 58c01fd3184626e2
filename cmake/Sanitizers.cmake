# What a preset adds to every compile and link of ours: sanitizers, coverage or hardening.
add_library(project_instruments INTERFACE)

if(TELEFACT_SANITIZE)
  set(sanitize -fsanitize=${TELEFACT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(project_instruments INTERFACE ${sanitize})
  target_link_options(project_instruments INTERFACE ${sanitize})
endif()

if(TELEFACT_COVERAGE)
  target_compile_options(project_instruments INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(project_instruments INTERFACE --coverage)
endif()

# Never together with a sanitizer: fortify hides what AddressSanitizer finds.
if(TELEFACT_HARDEN AND TELEFACT_SANITIZE)
  message(FATAL_ERROR "TELEFACT_HARDEN and TELEFACT_SANITIZE exclude each other")
endif()
if(TELEFACT_HARDEN)
  target_compile_options(project_instruments INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr -fno-strict-overflow
    -fno-delete-null-pointer-checks -Werror=format-security -fPIE
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= # the same bytes wherever the sources lie
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection=full>)
  target_link_options(project_instruments INTERFACE
    -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
