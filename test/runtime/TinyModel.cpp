//===- TinyModel.cpp - A model that remembers tokens ----------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "test/runtime/TinyModel.h"

#include "lib/Artifact/Writer.h"
#include "nlohmann/json.hpp"

#include <algorithm>
#include <cstring>

using namespace mica;
using namespace mica::tiny;
using nlohmann::json;

// In the weights section: one word per layer of the table.
static constexpr uint32_t kSalt[2] = {0x9e3779b9, 0x85ebca6b};

/// The address of token n in group g's cache. Each token fills 16 bytes of the
/// blocks of all layers and heads; it is read back from the last of them.
#define TINY_BLOCK(group, page, block)                                         \
  ((group).pool + (uint64_t(page) * kLayers * kHeads + (block)) * kBlockBytes)

// A function without callees or constants in other sections, so that its bytes
// alone are an image. Not optimised: a vectorised loop has such constants. Only
// the last attribute keeps ThreadSanitizer from calls at atomic operations.
extern "C" __attribute__((section("mica_tiny"), optnone, noinline,
                          no_sanitize("all", "coverage"),
                          no_profile_instrument_function,
                          disable_sanitizer_instrumentation)) void
mica::tiny::micaTinyEntry(const mica_step *step, uint32_t worker,
                          uint32_t workers) {
  typedef uint32_t __attribute__((may_alias)) word;
  // Phase 0: rows append themselves to both caches.
  while (true) {
    uint32_t row = __atomic_fetch_add(&step->sync->next, 1, __ATOMIC_RELAXED);
    if (row >= step->rows)
      break;
    for (uint32_t g = 0; g < 2; ++g) {
      const mica_kv_group &kv = step->kv[g];
      int32_t slot = kv.slot[row];
      for (uint32_t block = 0; block < kLayers * kHeads; ++block)
        *(word *)(TINY_BLOCK(kv, slot / kPageTokens, block) +
                  slot % kPageTokens * 16) =
            step->token[row] + step->position[row] * 64;
    }
    ((word *)step->arena[0])[row] = step->token[row];
  }
  step->sync->barrier(step->sync, worker, workers, 0);
  // Phase 1: each output row folds what it may see, the window's tokens twice.
  while (true) {
    uint32_t out = __atomic_fetch_add(&step->sync->next, 1, __ATOMIC_RELAXED);
    if (out >= step->outs)
      break;
    uint32_t row = step->out_row[out], s = 0;
    while (step->row_start[s + 1] <= (int32_t)row)
      ++s;
    uint32_t hash = *(const word *)step->weights[0];
    for (uint32_t g = 0; g < 2; ++g) {
      const mica_kv_group &kv = step->kv[g];
      uint32_t last = kv.length[s] - (step->row_start[s + 1] - row);
      uint32_t first = g && last + 1 > kWindow ? last + 1 - kWindow : 0;
      uint32_t pages = kv.page_start[s + 1] - kv.page_start[s];
      for (uint32_t n = first; n <= last; ++n) {
        uint32_t page = kv.page[kv.page_start[s] + n / kPageTokens % pages];
        word *block = (word *)(TINY_BLOCK(kv, page, kLayers * kHeads - 1) +
                               n % kPageTokens * 16);
        hash = (hash ^ *block) * 0x01000193u;
      }
    }
    hash ^= *(const word *)step->weights[1] + ((word *)step->arena[0])[row];
    for (uint32_t id = 0; id < kPaddedVocab; ++id)
      ((word *)step->logits)[out * kPaddedVocab + id] =
          0x3f800000u | ((hash ^ id * 0x9e3779b9u) * 0x85ebca6bu >> 9);
  }
}

extern "C" const char __start_mica_tiny[], __stop_mica_tiny[];

float tiny::expectedLogit(std::span<const int32_t> tokens, uint32_t id) {
  uint32_t hash = kSalt[0];
  for (uint32_t g = 0; g < 2; ++g) {
    size_t first = g && tokens.size() > kWindow ? tokens.size() - kWindow : 0;
    for (size_t n = first; n < tokens.size(); ++n)
      hash = (hash ^ (tokens[n] + uint32_t(n) * 64)) * 0x01000193u;
  }
  hash ^= kSalt[1] + tokens.back();
  uint32_t bits = 0x3f800000u | ((hash ^ id * 0x9e3779b9u) * 0x85ebca6bu >> 9);
  float logit;
  std::memcpy(&logit, &bits, 4);
  return logit;
}

std::vector<float> tiny::expectedLogits(std::span<const int32_t> tokens) {
  std::vector<float> logits;
  for (uint32_t id = 0; id < kVocab; ++id)
    logits.push_back(expectedLogit(tokens, id));
  return logits;
}

static json group(const char *name, uint32_t window) {
  return {{"name", name},
          {"layers", kLayers},
          {"heads", kHeads},
          {"page_tokens", kPageTokens},
          {"block_bytes", kBlockBytes},
          {"window", window},
          {"element", "bf16"},
          {"key_dim", 4},
          {"value_dim", 4}};
}

std::string tiny::manifest() {
  uint64_t entry = reinterpret_cast<uintptr_t>(&micaTinyEntry) -
                   reinterpret_cast<uintptr_t>(__start_mica_tiny);
  json root = {
      {"version", 1},
      {"model",
       {{"name", "tiny"},
        {"family", "test"},
        {"vocab", kVocab},
        {"padded_vocab", kPaddedVocab},
        {"max_context", kMaxContext},
        {"dtype", "f32"},
        {"parameters", 2},
        {"layers", 2}}},
      {"code",
       {{{"cpu", "other"}, {"features", {"no-such-feature"}}, {"entry", 0}},
        {{"cpu", "any"}, {"features", json::array()}, {"entry", entry}}}},
      {"arena", {{"row", 4}, {"out", 0}, {"worker", 64}}},
      {"max_rows", kMaxRows},
      {"kv", {group("full", 0), group("window", kWindow)}},
      {"weights",
       {{"slots", 2}, {"layers", 1}, {"offsets", {0, 64}}, {"bytes", 128}}},
      {"phases", {"append", "output"}},
      {"work", json::array()},
      {"remarks", json::array()}};
  return root.dump();
}

Status tiny::write(const std::string &path, const std::string &tokenizer,
                   const std::string &manifestText) {
  auto writer = ArtifactWriter::create(path);
  if (!writer)
    return writer.takeError();
  Status status = writer->begin(MICA_SECTION_WEIGHTS);
  for (const uint32_t &salt : kSalt) {
    if (status)
      status = writer->write(&salt, 4);
    if (auto aligned = writer->align(64); !aligned)
      status = aligned.takeError();
  }
  if (!status)
    return status;
  writer->end();
  std::string_view image(__start_mica_tiny, __stop_mica_tiny);
  for (uint32_t index : {0, 1})
    if (status)
      status = writer->add(MICA_SECTION_CODE, index, image);
  if (status && !tokenizer.empty())
    status = writer->add(MICA_SECTION_TOKENIZER, 0, tokenizer);
  if (status)
    status = writer->add(MICA_SECTION_MANIFEST, 0, manifestText);
  return status ? writer->finish() : std::move(status);
}
