//===- Packer.h - Packs weights as a stream ---------------------*- C++ -*-===//
//
// Weights are packed in strips of panels by generated functions
// (`passes/Group/LowerPacking.cpp`) and written in order, so that memory stays
// bounded whatever the size of the checkpoint.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_PACK_PACKER_H
#define LIB_PACK_PACKER_H

#include "lib/Artifact/Writer.h"
#include "lib/Pack/WeightReader.h"

#include <array>
#include <functional>
#include <optional>
#include <span>

namespace mica {

/// What generated code calls for row `row` of its source `source`: in f32 or,
/// with a `record`, taken apart.
using FetchFunction = void(void *context, int64_t source, int64_t row,
                           void *to);

/// A generated pack function (see `LowerPackingPass`).
using PackFunction = void(FetchFunction *fetch, void *context, void *scratch,
                          void *out, int64_t first, int64_t count);

/// Where the parts of a row that is taken apart go: the offsets in bytes of
/// what `BlockRow` names, in its order.
using RecordOffsets = std::array<int64_t, 5>;

/// One packed weight: what packs it, from what, into how many bytes.
struct PackJob {
  PackFunction *function = nullptr;
  std::vector<WeightReader> inputs;
  int64_t parts = 1;                        ///< matrices, one after another
  int64_t panels = 0;                       ///< of a part; 1 for a vector
  int64_t panelBytes = 0;                   ///< with padding
  int64_t scratch = 0;                      ///< bytes that `function` needs
  std::optional<RecordOffsets> record = {}; ///< of a block format

  uint64_t bytes() const { return uint64_t(parts) * panels * panelBytes; }
};

/// Called as bytes are written: how many, of how many.
using Progress = std::function<void(uint64_t done, uint64_t total)>;

/// Alignment of packed weights in their section, in bytes.
constexpr uint64_t kWeightAlignment = 64;

/// Where each of `jobs` lies in the section, then the section's size.
std::vector<uint64_t> placeWeights(std::span<const PackJob> jobs);

/// Packs `jobs` on `threads` threads and appends them to the open section of
/// `writer`, each at its place of `placeWeights`. The bytes do not depend on
/// `threads`; memory is a few strips of 4 MiB, or of one panel if that is more.
Status packWeights(std::span<const PackJob> jobs, ArtifactWriter &writer,
                   int threads, const Progress &progress);

} // namespace mica

#endif // LIB_PACK_PACKER_H
