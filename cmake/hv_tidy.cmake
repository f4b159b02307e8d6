# SPDX-License-Identifier: Apache-2.0
# Target `tidy`: clang-tidy over every host source that this build compiles, as many at once as ninja runs jobs. Included last,
# when all targets are known. Guest code is left out: it is freestanding and has flags of its own.

find_program(CLANG_TIDY clang-tidy-19)

# Appends to OUT the .cc files of all targets in DIRECTORY and below.
function(hv_sources_below DIRECTORY OUT)
  set(found ${${OUT}})
  get_property(targets DIRECTORY ${DIRECTORY} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(sources ${target} SOURCES)
    get_target_property(type ${target} TYPE)
    if(NOT sources OR type STREQUAL UTILITY OR type STREQUAL INTERFACE_LIBRARY)
      continue()
    endif()
    get_target_property(folder ${target} SOURCE_DIR)
    foreach(source ${sources})
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder} NORMALIZE)
      list(APPEND found ${source})
    endforeach()
  endforeach()
  get_property(children DIRECTORY ${DIRECTORY} PROPERTY SUBDIRECTORIES)
  foreach(child ${children})
    hv_sources_below(${child} found)
  endforeach()
  set(${OUT} ${found} PARENT_SCOPE)
endfunction()

function(hv_add_tidy)
  if(NOT CLANG_TIDY)
    add_custom_target(tidy COMMAND ${CMAKE_COMMAND} -E echo "clang-tidy-19 is missing: ./hypervet packages"
                      COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
    return()
  endif()
  set(sources)
  hv_sources_below(${CMAKE_SOURCE_DIR} sources)
  list(REMOVE_DUPLICATES sources)
  set(checked)
  foreach(source ${sources})
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE name)
    if(NOT name MATCHES "^(backends|benchmarks|harness|reports)/.*\\.cc$")
      continue()
    endif()
    # Never made, so checked at every call: a header may have changed.
    set(mark ${CMAKE_BINARY_DIR}/tidy/${name})
    set_property(SOURCE ${mark} PROPERTY SYMBOLIC TRUE)
    # The flags are g++'s own; a warning that clang does not know is no finding.
    add_custom_command(OUTPUT ${mark} COMMENT "tidy ${name}" VERBATIM
      COMMAND ${CLANG_TIDY} --quiet -p ${CMAKE_BINARY_DIR} --extra-arg=-Wno-unknown-warning-option ${source})
    list(APPEND checked ${mark})
  endforeach()
  add_custom_target(tidy DEPENDS ${checked})
endfunction()

hv_add_tidy()
