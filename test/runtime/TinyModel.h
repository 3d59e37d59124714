//===- TinyModel.h - A model that remembers tokens --------------*- C++ -*-===//
//
// A hand-written entry, packed as the compiler packs its own: it stores tokens
// in its caches and makes logits from all of them that a row may see. It uses
// every field of the ABI, so a mistake anywhere in the runtime changes a logit.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_RUNTIME_TINYMODEL_H
#define TEST_RUNTIME_TINYMODEL_H

#include "mica/Status.h"
#include "mica/abi.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mica::tiny {

constexpr uint32_t kVocab = 50, kPaddedVocab = 64, kMaxContext = 200;
constexpr uint32_t kMaxRows = 16, kPageTokens = 4, kWindow = 5;
constexpr uint32_t kLayers = 2, kHeads = 3, kBlockBytes = 64;

/// The manifest, as JSON.
std::string manifest();

/// Writes the artifact. `tokenizer` is the bytes of that section, if any.
Status write(const std::string &path, const std::string &tokenizer = "",
             const std::string &manifestText = manifest());

/// The logit of `id` after `tokens`.
float expectedLogit(std::span<const int32_t> tokens, uint32_t id);

/// All logits after `tokens`, [kVocab].
std::vector<float> expectedLogits(std::span<const int32_t> tokens);

/// The entry itself, for tests that do not load an artifact.
extern "C" void micaTinyEntry(const mica_step *step, uint32_t worker,
                              uint32_t workers);

} // namespace mica::tiny

#endif // TEST_RUNTIME_TINYMODEL_H
