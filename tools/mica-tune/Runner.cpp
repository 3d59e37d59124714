//===- Runner.cpp - Times code on the weights of an artifact --------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Runner.h"

#include <cstring>
#include <set>

using namespace mica;

Runner::Runner(Artifact artifact, mica_entry entry,
               std::vector<uint64_t> weights, KVCache cache, Workers workers,
               StepBuilder builder, uint64_t workerBytes)
    : artifact(std::move(artifact)), entry(entry), weights(std::move(weights)),
      cache(std::move(cache)), workers(std::move(workers)),
      builder(std::move(builder)), workerBytes(workerBytes) {}

Expected<Runner> Runner::create(const std::string &path, uint32_t threads,
                                uint32_t mostRows) {
  auto artifact = Artifact::open(path);
  if (!artifact)
    return artifact.takeError();
  auto code = artifact->chooseCode();
  if (!code)
    return code.takeError();
  auto entry = artifact->loadCode(*code);
  if (!entry)
    return entry.takeError();
  auto weights = artifact->weightAddresses(false);
  if (!weights)
    return weights.takeError();
  uint32_t cores;
  usableCPUs(cores);
  auto workers = Workers::create(threads ? threads : cores);
  if (!workers)
    return workers.takeError();
  const Manifest &manifest = artifact->manifest();
  auto cache = KVCache::create(manifest.cache, {.tokens = mostRows,
                                                .sequences = 1,
                                                .maxRows = manifest.maxRows,
                                                .guarded = false});
  if (!cache)
    return cache.takeError();
  auto builder = StepBuilder::create(manifest, workers->count(), false);
  if (!builder)
    return builder.takeError();
  uint64_t workerBytes = manifest.arenaBytes[2];
  Runner runner(std::move(*artifact), *entry, std::move(*weights),
                std::move(*cache), std::move(*workers), std::move(*builder),
                workerBytes);
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
  Manifest manifest = artifact.manifest();
  manifest.arenaBytes[2] = bytes;
  auto made = StepBuilder::create(manifest, workers.count(), false);
  if (!made)
    return made.takeError();
  builder = std::move(*made);
  workerBytes = bytes;
  return {};
}

Expected<StepResult> Runner::run(mica_entry code, uint32_t rows) {
  std::vector<int32_t> tokens(rows);
  for (uint32_t i = 0; i < rows; ++i)
    tokens[i] = (i * 7919 + 1) % manifest().vocab;
  uint32_t sequence = cache.createSequence();
  StepRequest request{sequence, tokens, 1};
  auto step = builder.build({&request, 1}, cache);
  if (!step) {
    cache.release(sequence);
    return step.takeError();
  }
  (*step)->weights = weights.data();
  workers.record(true);
  workers.run(code, **step);
  cache.release(sequence);

  StepResult result;
  result.seconds.resize(manifest().phases.size());
  uint64_t begin = 0;
  for (const PhaseEvent &event : workers.events()) {
    if (event.phase < result.seconds.size())
      result.seconds[event.phase] += (event.left - begin) * 1e-9;
    begin = event.left;
  }
  const float *logits = (*step)->logits;
  result.logits.assign(logits, logits + manifest().vocab);
  return result;
}
