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
  enum class Scaling : uint8_t {
    None,
    Linear,  ///< all wavelengths times `factor` (Chen et al. 2023)
    Dynamic, ///< a base for `context` positions (NTK-aware)
    Yarn,    ///< long wavelengths times `factor` (Peng et al. 2023)
    Llama3,  ///< the same with another transition
  };
  /// Columns of a head that turn, an even number.
  int64_t columns = 0;
  double theta = 10000;
  Scaling scaling = Scaling::None;
  double factor = 1;
  /// What the model was trained with before its context was stretched, and what
  /// it is stretched to.
  double originalContext = 8192, context = 8192;
  /// Of Llama3: wavelengths above originalContext / lowFactor are stretched by
  /// `factor`, those below originalContext / highFactor are kept.
  double lowFactor = 1, highFactor = 4;
  /// Of Yarn: columns that turn less than `betaSlow` times in originalContext
  /// are stretched, those that turn more than `betaFast` times are kept;
  /// `truncate` rounds the columns between which that changes to whole ones.
  double betaFast = 32, betaSlow = 1;
  bool truncate = true;
  /// Of cosines and sines; and of scores, which DeepSeek scales as well
  /// (`mscale_all_dim`).
  double attentionFactor = 1, scoreFactor = 1;
  /// Each wavelength's own factor [columns / 2], or empty (LongRoPE, Ding et
  /// al. 2024; GGUF files of Llama 3).
  std::vector<float> factors = {};
};

/// What a family assumes where no setting says, and how config.json calls it.
struct RopeDefaults {
  double theta = 10000;
  double partial = 1; ///< the share of a head's columns that turns
  /// 0: `max_position_embeddings`.
  int64_t originalContext = 0;
  std::string_view thetaKey = "rope_theta";
  std::string_view partialKey = "partial_rotary_factor";
  /// How many columns of a head turn, whatever the settings say; 0: as they do.
  int64_t columns = 0;
};

/// The rope of all layers, or of the layers of `kind` ("full_attention",
/// "sliding_attention") where config.json distinguishes them. Understands
/// `rope_parameters` (flat or, for a kind, by kind), and the older `rope_theta`
/// with `rope_scaling`, which are not for "sliding_attention": its older theta
/// is `rope_local_base_freq`, else that of `defaults`. In GGUF, whatever the
/// kind, `rope.freq_base`, `rope.dimension_count`,
/// `rope.scaling.*` and the tensors "rope_freqs.weight" and
/// "rope_factors_{short,long}.weight".
///
/// Two scalings depend on how long a text is: `dynamic` and `longrope`. Both
/// are made for the longest one, `requestedContext()` or else
/// `model.maxContext`, which `dynamic` raises up to its factor.
RopeSettings readRope(Hyperparameters &in, ModelDescription &model,
                      const RopeDefaults &defaults, std::string_view kind = {});

/// Frequencies with every step rounded to f32 as in `transformers` (powers are
/// correctly rounded here and within one unit in the last place there).
std::vector<float> inverseFrequencies(const RopeSettings &rope);

/// The table of `rope`, which pairs halves.
RopeTable ropeTable(const RopeSettings &rope);

} // namespace mica

#endif // LIB_IMPORT_ROPE_H
