//===- Manifest.h - What an artifact says about itself ----------*- C++ -*-===//
//
// The JSON section that the compiler writes and the runtime believes only after
// every number has been checked. docs/architecture.md describes its fields.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_MANIFEST_H
#define RUNTIME_MANIFEST_H

#include "mica/Status.h"
#include "runtime/Chat/ChatSource.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// The code image `i` of the artifact and what it needs to run.
struct CodeImage {
  std::string cpu;                   // A level, such as "x86-64-v4".
  std::vector<std::string> features; // Beyond the level's; LLVM's names.
  uint64_t entry;                    // Offset in code section i.

  /// "x86-64-v4+avx512bf16", as `--cpu` has it.
  std::string target() const {
    std::string text = cpu;
    for (const std::string &feature : features)
      text += "+" + feature;
    return text;
  }
};

/// A group of layers that keep the same kind of cache, or of state.
struct CacheGroup {
  std::string name;
  uint32_t layers, heads;
  uint32_t pageTokens; // 0: a state, one page for a sequence of any length.
  uint64_t blockBytes; // Of one head of one layer in one page.
  uint32_t window;     // Tokens that attention sees, 0: all.
  std::string element;
  uint32_t keyDim, valueDim;

  bool isState() const { return pageTokens == 0; }
  uint64_t pageBytes() const { return uint64_t(layers) * heads * blockBytes; }
};

/// The rows that an op computed, for who compares them (`mica diff`): after
/// phase `phase` they lie at `offset` times the units of the step in an arena,
/// in the logits, or in the cache group `offset`.
struct OpOutput {
  std::string function; // As in `Manifest::stack`; others run once a step.
  std::string op;       // Unique in the function.
  std::string names;    // Of what was fused into it, `op` last: "down, add".
  std::string role;     // "embeddings", "layer", "logits" or nothing.
  uint32_t phase;
  enum Arena : uint8_t { Row, Out, Logits, Keys, Values } arena;
  /// I8: integers in groups of 32 columns, whose f32 scales follow the row's
  /// `columns` bytes; but BF16 where the units are `bf16From` or more (0:
  /// never).
  enum Element : uint8_t { F32, F16, BF16, I8 } element;
  uint32_t bf16From;
  uint64_t offset;
  uint32_t columns, stride; // In elements; columns <= stride.
};

/// A layer of the model.
struct StackLayer {
  std::string function;
  std::vector<uint32_t> kv;      // Its cache groups.
  std::vector<uint32_t> kvLayer; // Its place in each of them.
};

/// The manifest of an artifact, as it holds for one of its code images: what
/// code does with the workspace and the cache may differ between them, the
/// model and the weights do not. Every number is within the stated bounds.
struct Manifest {
  uint32_t image; // The code image that this holds for.
  std::string name, family, dtype;
  uint32_t vocab, paddedVocab; // vocab <= paddedVocab <= 2^24.
  uint32_t maxContext;         // Positions of one sequence, at most 2^30.
  uint32_t embeddingWidth;     // Of what a step gives; 0: it gives logits.
  bool causal;                 // If not, sequences enter whole.
  uint64_t parameters;
  uint32_t layers;

  std::vector<CodeImage> code;
  uint64_t arenaBytes[3]; // Per row, per output row, per worker.
  uint32_t maxRows;       // Rows of one step, at most 2^16.
  std::vector<CacheGroup> cache;

  uint32_t weightSlots, weightLayers;
  std::vector<int64_t> weightOffsets; // [layers * slots], -1: none.
  uint64_t weightBytes;

  std::vector<std::string> phases; // Names, by the ids given to the barrier.
  std::string work, remarks;       // JSON arrays, for `mica explain`.

  std::vector<StackLayer> stack; // In order; may be empty, as `outputs`.
  std::vector<OpOutput> outputs; // By phase.
  ChatSource chat;
  std::string source;      // What was compiled; "" if not known.
  std::string quant;       // `--quant` of `mica compile`.
  std::string activations; // `--activations` likewise.

  /// Columns of what a step gives for an output row, and from one to the next.
  uint32_t resultWidth() const {
    return embeddingWidth ? embeddingWidth : vocab;
  }
  uint32_t resultStride() const {
    return embeddingWidth ? (embeddingWidth + 15) / 16 * 16 : paddedVocab;
  }
};

/// Reads a manifest: for each code image, in their order, as it holds for it.
/// `file` begins every error.
Expected<std::vector<Manifest>> parseManifests(std::string_view text,
                                               const std::string &file);

} // namespace mica

#endif // RUNTIME_MANIFEST_H
