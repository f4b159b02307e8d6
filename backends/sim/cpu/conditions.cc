// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/cpu/conditions.h"

namespace hypervet::sim {
namespace {

#define HV_FAMILY(prefix)                                                                  \
  {ZYDIS_MNEMONIC_##prefix##O,  ZYDIS_MNEMONIC_##prefix##NO,  ZYDIS_MNEMONIC_##prefix##B,  \
   ZYDIS_MNEMONIC_##prefix##NB, ZYDIS_MNEMONIC_##prefix##Z,   ZYDIS_MNEMONIC_##prefix##NZ, \
   ZYDIS_MNEMONIC_##prefix##BE, ZYDIS_MNEMONIC_##prefix##NBE, ZYDIS_MNEMONIC_##prefix##S,  \
   ZYDIS_MNEMONIC_##prefix##NS, ZYDIS_MNEMONIC_##prefix##P,   ZYDIS_MNEMONIC_##prefix##NP, \
   ZYDIS_MNEMONIC_##prefix##L,  ZYDIS_MNEMONIC_##prefix##NL,  ZYDIS_MNEMONIC_##prefix##LE, \
   ZYDIS_MNEMONIC_##prefix##NLE}

constexpr ZydisMnemonic kFamilies[3][16] = {HV_FAMILY(J), HV_FAMILY(SET), HV_FAMILY(CMOV)};
#undef HV_FAMILY

}  // namespace

std::optional<unsigned> condition_of(ZydisMnemonic mnemonic, ConditionFamily family) {
  const auto& names = kFamilies[static_cast<unsigned>(family)];
  for (unsigned i = 0; i < 16; ++i) {
    if (names[i] == mnemonic) return i;
  }
  return std::nullopt;
}

}  // namespace hypervet::sim
