//===- CPUFeatures.h - What this CPU can run --------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CPUFEATURES_H
#define RUNTIME_CPUFEATURES_H

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// Whether this CPU and this system support a feature, by LLVM's name of it
/// ("avx512f"). An unknown name is not supported.
bool cpuHas(std::string_view feature);

/// The features of `wanted` that are missing, in their order.
std::vector<std::string> missingFeatures(std::span<const std::string> wanted);

/// What the processor calls itself, or "unknown".
std::string cpuName();

} // namespace mica

#endif // RUNTIME_CPUFEATURES_H
