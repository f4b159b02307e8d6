// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a program of programs.S.
#pragma once

#include <cstdint>
#include <span>

#define HV_PROGRAM(name)                                                           \
  ([]() -> std::span<const std::uint8_t> {                                         \
    extern const std::uint8_t hv_begin_##name[] __asm__("hv_program_" #name);      \
    extern const std::uint8_t hv_end_##name[] __asm__("hv_program_" #name "_end"); \
    return {hv_begin_##name, hv_end_##name};                                       \
  }())
