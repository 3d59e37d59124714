//===- Rope.h - Inverse frequencies of rotary positions ---------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_ROPE_H
#define LIB_IMPORT_ROPE_H

#include "lib/Import/Hyperparameters.h"
#include "lib/Import/Model.h"

namespace mica {

/// How the frequencies of a rope are made from its base.
struct RopeSettings {
  enum class Scaling : uint8_t { None, Linear, Llama3 };
  double theta = 10000;
  Scaling scaling = Scaling::None;
  double factor = 1; ///< of Linear and Llama3
  /// Of Llama3: wavelengths above originalContext / lowFactor are stretched by
  /// `factor`, those below originalContext / highFactor are kept.
  double lowFactor = 1, highFactor = 4, originalContext = 8192;
};

/// The rope of all layers, or of the layers of `kind` ("full_attention",
/// "sliding_attention") where config.json distinguishes them. Understands
/// `rope_parameters` (flat or by kind), and the older `rope_theta` with
/// `rope_scaling`; in GGUF, `rope.freq_base` and `rope.scaling.*`.
RopeSettings readRope(Hyperparameters &in, double defaultTheta,
                      std::string_view kind = {});

/// Frequencies for `columns` rotating columns of a head, every step rounded to
/// f32 as in `transformers` (powers are correctly rounded here and within one
/// unit in the last place there).
std::vector<float> inverseFrequencies(const RopeSettings &rope,
                                      int64_t columns);

/// Divides by the f32 tensor "rope_freqs.weight", which GGUF files of Llama 3
/// have instead of settings. No such tensor: nothing.
void applyStoredFactors(Hyperparameters &in, std::vector<float> &frequencies);

} // namespace mica

#endif // LIB_IMPORT_ROPE_H
