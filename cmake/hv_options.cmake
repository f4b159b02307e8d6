# SPDX-License-Identifier: Apache-2.0
# How every host target of the project is compiled, and the functions that make a test, a fuzz target or a payload.

option(HYPERVET_FUZZ "Build the libFuzzer targets too (needs clang)" OFF)
set(HYPERVET_SANITIZE "" CACHE STRING "Sanitizers for host code: address,undefined or thread")
option(HYPERVET_COVERAGE "Instrument host code for coverage" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Guest code is compiled with flags of its own, so host options travel on a target, never globally.
add_library(hv_options INTERFACE)
target_include_directories(hv_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(hv_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                       -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 sees overlapping copies inside its own std::string (GCC bug 105329).
  target_compile_options(hv_options INTERFACE -Wno-restrict)
endif()
if(HYPERVET_SANITIZE)
  target_compile_options(hv_options INTERFACE -fsanitize=${HYPERVET_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all -O1 -g1)
  target_link_options(hv_options INTERFACE -fsanitize=${HYPERVET_SANITIZE})
endif()
if(HYPERVET_FUZZ)
  # Lets libFuzzer see which branches of the libraries an input took.
  target_compile_options(hv_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(HYPERVET_COVERAGE)
  target_compile_options(hv_options INTERFACE --coverage)
  target_link_options(hv_options INTERFACE --coverage)
endif()

# Linked by a target that waits for others more than it computes: optimising it costs the build more than it ever gives back.
add_library(hv_cold INTERFACE)
if(HYPERVET_SANITIZE)
  target_compile_options(hv_cold INTERFACE -O0)
else()
  target_compile_options(hv_cold INTERFACE -O1)
endif()

# What is tested is optimised, the test of it hardly: GoogleTest's templates take twice as long at -O3. They take as much longer
# again where UndefinedBehaviorSanitizer checks every pointer of theirs: it checks what is tested, AddressSanitizer and
# ThreadSanitizer both that and the test.
add_library(hv_test_options INTERFACE)
if(HYPERVET_SANITIZE)
  target_compile_options(hv_test_options INTERFACE -O0 -fno-sanitize=undefined $<$<BOOL:${HYPERVET_FUZZ}>:-fno-sanitize=fuzzer-no-link>)
else()
  target_compile_options(hv_test_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-O1>)
endif()

# What a ThreadSanitizer build needs: the tests labelled `threads`.
add_custom_target(thread_tests)
# What an AddressSanitizer build needs, and labelled `memory` by hv_test(): not those that take minutes, nor what repeats the same
# arithmetic a million times; not the labs, where the instrumented binary would travel into an emulated machine; not the
# differential test, which reaches for random addresses, and the sanitizer has its shadow at many of them.
add_custom_target(memory_tests)

# hv_test(NAME name SOURCES ... LIBS ... [LABELS ...] [TIMEOUT seconds]): one GoogleTest binary, one ctest entry.
function(hv_test)
  cmake_parse_arguments(T "" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE hv_options ${T_LIBS} GTest::gmock GTest::gtest_main hv_test_options)
  add_test(NAME ${T_NAME} COMMAND ${T_NAME})
  if("threads" IN_LIST T_LABELS)
    add_dependencies(thread_tests ${T_NAME})
  endif()
  if(NOT "${T_LABELS}" MATCHES "long|arithmetic|lab|differential")
    add_dependencies(memory_tests ${T_NAME})
    list(APPEND T_LABELS memory)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  set_tests_properties(${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} SKIP_REGULAR_EXPRESSION "\\[  PASSED  \\] 0 tests"
                       LABELS "${T_LABELS}")
endfunction()

# hv_fuzz(NAME name SOURCES ... LIBS ...): a libFuzzer target; ctest runs it for a short fixed count.
if(HYPERVET_FUZZ)
  add_custom_target(fuzz_targets)
endif()
function(hv_fuzz)
  if(NOT HYPERVET_FUZZ)
    return()
  endif()
  cmake_parse_arguments(F "" "NAME;RUNS" "SOURCES;LIBS" ${ARGN})
  if(NOT F_RUNS)
    set(F_RUNS 20000)
  endif()
  add_executable(${F_NAME} ${F_SOURCES})
  target_link_libraries(${F_NAME} PRIVATE hv_options ${F_LIBS})
  target_compile_options(${F_NAME} PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_options(${F_NAME} PRIVATE -fsanitize=fuzzer,address,undefined)
  add_dependencies(fuzz_targets ${F_NAME})
  add_test(NAME ${F_NAME} COMMAND ${F_NAME} -runs=${F_RUNS} -seed=1 -max_total_time=60 -rss_limit_mb=2048)
  set_tests_properties(${F_NAME} PROPERTIES TIMEOUT 180 LABELS fuzz)
endfunction()

# hv_payload(NAME name SOURCES ... SCRIPT file.ld): a bare-metal ELF for the guest, and name.bzimage: its bytes by load
# address, which are a bzImage because the linker script lays them out so.
function(hv_payload)
  cmake_parse_arguments(P "" "NAME;SCRIPT" "SOURCES" ${ARGN})
  add_executable(${P_NAME} ${P_SOURCES})
  set_target_properties(${P_NAME} PROPERTIES SUFFIX .elf RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/payloads
                        LINK_DEPENDS ${P_SCRIPT})
  target_include_directories(${P_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  # No SSE and no red zone: an interrupt may come between any two instructions and nobody saves vector registers.
  target_compile_options(${P_NAME} PRIVATE -O2 -g0 -ffreestanding -fno-pic -fno-pie -mno-red-zone
    # Clang refuses whatever names long double in a header under -mgeneral-regs-only.
    "$<IF:$<C_COMPILER_ID:Clang>,-mno-sse;-mno-mmx,-mgeneral-regs-only>"
    -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit>
    -Wall -Wextra -Werror)
  target_link_options(${P_NAME} PRIVATE -nostdlib -static -no-pie -Wl,-T,${P_SCRIPT} -Wl,--build-id=none
    -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments)
  set(bzimage ${CMAKE_BINARY_DIR}/payloads/${P_NAME}.bzimage)
  add_custom_command(TARGET ${P_NAME} POST_BUILD BYPRODUCTS ${bzimage}
                     COMMAND ${CMAKE_OBJCOPY} --set-section-flags .linux_setup=alloc,load,contents -O binary $<TARGET_FILE:${P_NAME}> ${bzimage})
  install(FILES ${CMAKE_BINARY_DIR}/payloads/${P_NAME}.elf ${bzimage} DESTINATION ${CMAKE_INSTALL_DATADIR}/hypervet/payloads)
endfunction()
