//===- Runner.cpp - Times code on the weights of an artifact --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Runner.h"

#include <cstring>
#include <set>

using namespace mica;

Runner::Runner(ModelParts opened)
    : parts(std::move(opened)), workerBytes(manifest().arenaBytes[2]) {}

Expected<Runner> Runner::create(const std::string &path, uint32_t threads,
                                uint32_t mostRows) {
  auto parts =
      ModelParts::open(path, {.threads = threads, .kvTokens = mostRows}, false);
  if (!parts)
    return parts.takeError();
  Runner runner(std::move(*parts));
  if (Status status = runner.separateLayers(); !status)
    return status.takeError();
  return runner;
}

Status Runner::separateLayers() {
  // A weight ends where the next one begins.
  std::set<int64_t> begins = {int64_t(manifest().weightBytes)};
  for (int64_t offset : manifest().weightOffsets)
    begins.insert(offset);
  std::set<uint64_t> taken;
  std::vector<uint64_t> &weights = parts.weights;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i] || taken.insert(weights[i]).second)
      continue;
    int64_t offset = manifest().weightOffsets[i];
    uint64_t size = *begins.upper_bound(offset) - offset;
    auto copy = Memory::create(size, false, "a layer's own weight");
    if (!copy)
      return copy.takeError();
    uint8_t *place = copy->place(size);
    std::memcpy(place, reinterpret_cast<const void *>(weights[i]), size);
    weights[i] = reinterpret_cast<uintptr_t>(place);
    copies.push_back(std::move(*copy));
  }
  return {};
}

Status Runner::prepare(uint64_t bytes) {
  if (bytes <= workerBytes)
    return {};
  Manifest enlarged = manifest();
  enlarged.arenaBytes[2] = bytes;
  auto made = StepBuilder::create(enlarged, threads(), false);
  if (!made)
    return made.takeError();
  parts.builder = std::move(*made);
  workerBytes = bytes;
  return {};
}

Expected<StepResult> Runner::run(mica_entry code, uint32_t rows) {
  std::vector<int32_t> tokens(rows);
  for (uint32_t i = 0; i < rows; ++i)
    tokens[i] = (i * 7919 + 1) % manifest().vocab;
  uint32_t sequence = parts.cache.createSequence();
  StepRequest request{sequence, tokens, 1};
  auto step = parts.builder.build({&request, 1}, parts.cache);
  if (!step) {
    parts.cache.release(sequence);
    return step.takeError();
  }
  (*step)->weights = parts.weights.data();
  parts.workers.record(true);
  parts.workers.run(code, **step);
  parts.cache.release(sequence);

  StepResult result;
  result.seconds.resize(manifest().phases.size());
  uint64_t begin = 0;
  for (const PhaseEvent &event : parts.workers.events()) {
    if (event.phase < result.seconds.size())
      result.seconds[event.phase] += (event.left - begin) * 1e-9;
    begin = event.left;
  }
  const float *logits = (*step)->logits;
  result.logits.assign(logits, logits + manifest().vocab);
  return result;
}
