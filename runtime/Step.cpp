//===- Step.cpp - One step of several sequences ---------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Step.h"

#include <algorithm>
#include <cstring>

using namespace mica;

// What generated code may touch beyond the last unit of an arena, because it
// rounds the sizes of buffers up.
static constexpr uint64_t kArenaSlack = 4096;

Expected<StepBuilder> StepBuilder::create(const Manifest &manifest,
                                          uint32_t workers, bool guarded) {
  static const char *const names[] = {"the workspace of rows",
                                      "the workspace of output rows",
                                      "the workspace of workers"};
  uint64_t units[] = {manifest.maxRows, manifest.maxRows, workers};
  StepBuilder builder;
  std::copy_n(manifest.arenaBytes, 3, builder.arenaBytes);
  builder.vocab = manifest.vocab;
  builder.resultStride = manifest.resultStride();
  builder.causal = manifest.causal;
  builder.maxContext = manifest.maxContext;
  builder.maxRows = manifest.maxRows;
  builder.guarded = guarded;
  for (int k = 0; k < 3; ++k) {
    uint64_t size =
        manifest.arenaBytes[k] * units[k] + (guarded ? 0 : kArenaSlack);
    auto memory = Memory::create(size, guarded, names[k]);
    if (!memory)
      return memory.takeError();
    builder.arena[k] = std::move(*memory);
    builder.step.arena[k] = builder.arena[k].place(size);
  }
  uint64_t size = uint64_t(manifest.maxRows) * manifest.resultStride() * 4;
  auto memory = Memory::create(size, guarded, "the logits");
  if (!memory)
    return memory.takeError();
  builder.logits = std::move(*memory);
  builder.groups.resize(manifest.cache.size());
  builder.kv.resize(manifest.cache.size());
  return builder;
}

Expected<mica_step *> StepBuilder::build(std::span<const StepRequest> requests,
                                         KVCache &cache) {
  if (Status status = check(requests, cache); !status)
    return status.takeError();
  layRows(requests, cache);
  growths.clear();
  for (const StepRequest &request : requests)
    growths.push_back({request.sequence, uint32_t(request.tokens.size())});
  if (Status status = cache.append(growths); !status)
    return status.takeError();
  if (Status status = layGroups(requests, cache); !status)
    return status.takeError();
  if (Status status = publish(); !status)
    return status.takeError();
  return &step;
}

Status StepBuilder::check(std::span<const StepRequest> requests,
                          const KVCache &cache) {
  uint64_t rows = 0;
  named.clear();
  for (const StepRequest &request : requests) {
    std::string which = "step: request " + std::to_string(named.size());
    uint64_t count = request.tokens.size();
    uint64_t before = cache.length(request.sequence);
    if (!count)
      return Error{which + " has no tokens, expected 1 or more"};
    if (request.outputs > count)
      return Error{which + " wants logits of " +
                   std::to_string(request.outputs) +
                   " rows, expected at most " + std::to_string(count)};
    if (before && !causal)
      return Error{which + " continues a sequence of " +
                   std::to_string(before) +
                   " tokens, expected a new one: this model reads sequences "
                   "whole"};
    if (before + count > maxContext)
      return Error{
          which + " makes its sequence " + std::to_string(before + count) +
          " tokens long, expected at most " + std::to_string(maxContext)};
    for (int32_t token : request.tokens)
      if (token < 0 || uint32_t(token) >= vocab)
        return Error{which + " has token " + std::to_string(token) +
                     ", expected 0 to " + std::to_string(vocab - 1)};
    rows += count;
    named.push_back(request.sequence);
  }
  if (!rows || rows > maxRows)
    return Error{"step: " + std::to_string(rows) + " rows, expected 1 to " +
                 std::to_string(maxRows)};
  std::sort(named.begin(), named.end());
  if (std::adjacent_find(named.begin(), named.end()) != named.end())
    return Error{"step: a sequence stands in two requests, expected in one"};
  return {};
}

/// Fills in what does not depend on the cache's pages. The cache is that before
/// the step.
void StepBuilder::layRows(std::span<const StepRequest> requests,
                          const KVCache &cache) {
  for (Array *array : {&token, &position, &rowStart, &outRow})
    array->values.clear();
  for (const StepRequest &request : requests) {
    rowStart.values.push_back(token.values.size());
    int32_t first = cache.length(request.sequence);
    for (size_t i = 0; i < request.tokens.size(); ++i) {
      if (i + request.outputs >= request.tokens.size())
        outRow.values.push_back(token.values.size());
      token.values.push_back(request.tokens[i]);
      position.values.push_back(first + i);
    }
  }
  rowStart.values.push_back(token.values.size());
}

/// Fills in the cache groups. The cache is that after the step.
Status StepBuilder::layGroups(std::span<const StepRequest> requests,
                              const KVCache &cache) {
  for (uint32_t g = 0; g < groups.size(); ++g) {
    auto &[slot, pageStart, page, length] = groups[g];
    for (Array *array : {&slot, &pageStart, &page, &length})
      array->values.clear();
    uint32_t tokens = cache.pageTokens(g);
    for (const StepRequest &request : requests) {
      auto pages = cache.pages(g, request.sequence);
      uint32_t end = cache.length(request.sequence);
      pageStart.values.push_back(page.values.size());
      length.values.push_back(end);
      page.values.insert(page.values.end(), pages.begin(), pages.end());
      for (uint32_t n = end - request.tokens.size(); n < end; ++n)
        slot.values.push_back(
            tokens ? pages[n / tokens % pages.size()] * tokens + n % tokens
                   : pages[0]);
    }
    pageStart.values.push_back(page.values.size());
    const int32_t **targets[] = {&kv[g].slot, &kv[g].page_start, &kv[g].page,
                                 &kv[g].length};
    Array *arrays[] = {&slot, &pageStart, &page, &length};
    for (int i = 0; i < 4; ++i) {
      auto placed = place(*arrays[i]);
      if (!placed)
        return placed.takeError();
      *targets[i] = *placed;
    }
    kv[g].pool = cache.pool(g);
  }
  return {};
}

/// Fills `size` bytes with NaNs of every format.
static void poison(void *bytes, uint64_t size) {
  if (size)
    std::memset(bytes, 0xFF, size);
}

Status StepBuilder::publish() {
  const int32_t **targets[] = {&step.token, &step.position, &step.row_start,
                               &step.out_row};
  Array *arrays[] = {&token, &position, &rowStart, &outRow};
  for (int i = 0; i < 4; ++i) {
    auto placed = place(*arrays[i]);
    if (!placed)
      return placed.takeError();
    *targets[i] = *placed;
  }
  step.size = sizeof(mica_step);
  step.rows = token.values.size();
  step.seqs = rowStart.values.size() - 1;
  step.outs = outRow.values.size();
  step.kv = kv.data();
  step.tree_mask = nullptr;
  uint64_t bytes = uint64_t(step.outs) * resultStride * 4;
  step.logits = reinterpret_cast<float *>(logits.place(bytes));
  if (!guarded)
    return {};
  // As if the workspace were no larger than this step's: an access beyond the
  // last row faults however small the step is. And nothing is left of the last
  // step: whatever is read before it is written is a NaN.
  uint64_t sizes[] = {arenaBytes[0] * step.rows, arenaBytes[1] * step.outs,
                      arena[2].size()};
  for (int k = 0; k < 3; ++k) {
    step.arena[k] = arena[k].place(sizes[k]);
    poison(step.arena[k], sizes[k]);
  }
  poison(step.logits, bytes);
  return {};
}

/// The array as generated code sees it: itself, or a copy in guarded memory.
Expected<const int32_t *> StepBuilder::place(Array &array) {
  if (!guarded)
    return array.values.data();
  uint64_t bytes = array.values.size() * 4;
  if (array.memory.size() < bytes) {
    auto memory = Memory::create(2 * bytes, true, "an array of the step");
    if (!memory)
      return memory.takeError();
    array.memory = std::move(*memory);
  }
  uint8_t *copy = array.memory.place(bytes, 4);
  if (bytes)
    std::memcpy(copy, array.values.data(), bytes);
  return reinterpret_cast<const int32_t *>(copy);
}
