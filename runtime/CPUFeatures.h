//===- CPUFeatures.h - What this CPU can run --------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CPUFEATURES_H
#define RUNTIME_CPUFEATURES_H

#include "mica/Status.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// Whether this CPU and this system support a feature, by LLVM's name of it
/// ("avx512f"). An unknown name is not supported. A feature of tile registers
/// is asked of the system first, so that it can be used where this is true.
/// What MICA_CPU_FEATURES leaves out (`-avx512f,-avx512bw`) is not supported
/// either.
bool cpuHas(std::string_view feature);

/// Whether MICA_CPU_FEATURES, if it is set, is a list of features that CPUs of
/// this kind may have, each behind a minus.
Status checkFeatureMask();

/// What is missing of what a named CPU has (only levels such as "x86-64-v3" and
/// "armv8.2-a" are known, any other name asks for nothing) and of `wanted`, in
/// this order. Of a level of another architecture that is the architecture.
std::vector<std::string> missingFeatures(std::string_view cpu,
                                         std::span<const std::string> wanted);

/// What the processor calls itself, or "unknown".
std::string cpuName();

} // namespace mica

#endif // RUNTIME_CPUFEATURES_H
