// SPDX-License-Identifier: Apache-2.0
// What the compiler may call for copies and clears.
#include <cstddef>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
  void* d = to;
  asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(size) : : "memory");
  return to;
}

void* memset(void* to, int value, std::size_t size) {
  void* d = to;
  asm volatile("rep stosb" : "+D"(d), "+c"(size) : "a"(value) : "memory");
  return to;
}
}
