//===- ModelParts.cpp - What runs a compiled model ------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/ModelParts.h"
#include "runtime/Placement.h"

using namespace mica;

Expected<ModelParts> ModelParts::open(const std::string &path,
                                      const LoadOptions &options,
                                      bool guarded) {
  auto artifact = Artifact::open(path);
  if (!artifact)
    return artifact.takeError();
  auto code = artifact->chooseCode();
  if (!code)
    return code.takeError();
  auto entry = artifact->loadCode(*code);
  if (!entry)
    return entry.takeError();
  auto weights = artifact->weightAddresses(guarded);
  if (!weights)
    return weights.takeError();
  auto workers =
      Workers::create(options.threads ? options.threads : defaultWorkers());
  if (!workers)
    return workers.takeError();
  const Manifest &manifest = artifact->manifest();
  // Whole sequences come together: a step of them must have room.
  uint64_t usual = manifest.causal
                       ? manifest.maxContext
                       : std::max(manifest.maxContext, manifest.maxRows);
  uint64_t tokens = options.kvTokens ? options.kvTokens : usual;
  auto cache = KVCache::create(manifest.cache, {.tokens = tokens,
                                                .sequences = options.sequences,
                                                .maxRows = manifest.maxRows,
                                                .guarded = guarded,
                                                .seed = options.pageSeed});
  if (!cache)
    return cache.takeError();
  auto builder = StepBuilder::create(manifest, workers->count(), guarded);
  if (!builder)
    return builder.takeError();
  return ModelParts{std::move(*artifact), *entry,
                    std::move(*weights),  std::move(*cache),
                    std::move(*builder),  std::move(*workers)};
}
