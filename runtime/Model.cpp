//===- Model.cpp - Run a compiled model -----------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "mica/Model.h"

#include "runtime/ModelParts.h"

#include <algorithm>

using namespace mica;

/// Everything that a model owns. It stays where it is when the model moves.
struct mica::ModelState : ModelParts {
  ModelInfo info;
  std::vector<StepRequest> requests; // Of the step being built.
};

//===----------------------------------------------------------------------===//
// Sequence
//===----------------------------------------------------------------------===//

Sequence::Sequence(Sequence &&other) noexcept
    : model(std::exchange(other.model, nullptr)), id(other.id) {}

Sequence &Sequence::operator=(Sequence &&other) noexcept {
  std::swap(model, other.model);
  std::swap(id, other.id);
  return *this;
}

Sequence::~Sequence() {
  if (model)
    model->cache.release(id);
}

uint32_t Sequence::length() const {
  return model ? model->cache.length(id) : 0;
}

Sequence Sequence::fork() const {
  return model ? Sequence(model, model->cache.fork(id)) : Sequence();
}

bool Sequence::truncate(uint32_t length) {
  return model && model->cache.truncate(id, length);
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Model::Model(std::unique_ptr<ModelState> state) : state(std::move(state)) {}
Model::Model(Model &&) noexcept = default;
Model &Model::operator=(Model &&) noexcept = default;
Model::~Model() = default;

static ModelInfo describe(const Manifest &manifest) {
  return {manifest.name,
          manifest.family,
          manifest.dtype,
          manifest.vocab,
          manifest.maxContext,
          manifest.maxRows,
          manifest.layers,
          manifest.parameters,
          manifest.code[manifest.image].target(),
          uint32_t(manifest.code.size()),
          manifest.embeddingWidth};
}

Expected<Model> Model::load(const std::string &path,
                            const LoadOptions &options) {
  auto parts = ModelParts::open(path, options, guardRequested());
  if (!parts)
    return parts.takeError();
  ModelInfo info = describe(parts->artifact.manifest());
  return Model(std::make_unique<ModelState>(
      ModelState{std::move(*parts), std::move(info), {}}));
}

const ModelInfo &Model::info() const { return state->info; }

uint32_t Model::threads() const { return state->workers.count(); }

std::span<const int> Model::cpus() const { return state->workers.cpus(); }

std::span<const uint8_t> Model::tokenizer() const {
  return state->artifact.section(MICA_SECTION_TOKENIZER);
}

Sequence Model::createSequence() {
  return Sequence(state.get(), state->cache.createSequence());
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Expected<Logits> Model::step(std::span<const Request> requests) {
  state->requests.clear();
  for (const Request &request : requests) {
    if (!request.sequence || request.sequence->model != state.get())
      return Error{"step: request " + std::to_string(state->requests.size()) +
                   " has no sequence of this model, expected one"};
    state->requests.push_back(
        {request.sequence->id, request.tokens, request.outputs});
  }
  auto step = state->builder.build(state->requests, state->cache);
  if (!step)
    return step.takeError();
  (*step)->weights = state->weights.data();
  state->workers.run(state->entry, **step);
  const Manifest &manifest = state->artifact.manifest();
  return Logits{(*step)->logits, (*step)->outs, manifest.resultWidth(),
                manifest.resultStride()};
}

Expected<Logits> Model::feed(const Sequence &sequence,
                             std::span<const int32_t> tokens, uint32_t chunk) {
  if (tokens.empty())
    return Error{"feed: no tokens, expected 1 or more"};
  if (!chunk || chunk > state->info.maxRows)
    chunk = state->info.maxRows;
  while (true) {
    bool last = tokens.size() <= chunk;
    Request request{&sequence, tokens.first(last ? tokens.size() : chunk),
                    last ? 1u : 0u};
    auto logits = step({&request, 1});
    if (!logits || last)
      return logits;
    tokens = tokens.subspan(chunk);
  }
}

Expected<GenerateStats>
Model::generate(const Sequence &sequence, std::span<const int32_t> prompt,
                Sampler &sampler, const GenerateOptions &options,
                const std::function<bool(int32_t)> &show) {
  GenerateStats stats;
  uint64_t begin = nowNanoseconds();
  auto logits = feed(sequence, prompt);
  if (!logits)
    return logits.takeError();
  sampler.accept(prompt);
  uint64_t decode = nowNanoseconds();
  stats.promptTokens = prompt.size();
  stats.promptSeconds = (decode - begin) * 1e-9;
  const auto &ends = options.endTokens;
  while (stats.newTokens < options.maxTokens) {
    int32_t token = sampler.sample(logits->row(0));
    sampler.accept(token);
    stats.ended = std::find(ends.begin(), ends.end(), token) != ends.end();
    if (stats.ended)
      break;
    ++stats.newTokens;
    if (!show(token) || stats.newTokens == options.maxTokens ||
        sequence.length() == state->info.maxContext)
      break;
    Request request{&sequence, {&token, 1}, 1};
    logits = step({&request, 1});
    if (!logits)
      return logits.takeError();
    ++stats.decodeSteps;
  }
  stats.decodeSeconds = (nowNanoseconds() - decode) * 1e-9;
  return stats;
}

//===----------------------------------------------------------------------===//
// Time stamps
//===----------------------------------------------------------------------===//

void Model::recordPhases(bool on) { state->workers.record(on); }

std::vector<TimeStamp> Model::phases() const {
  const auto &names = state->artifact.manifest().phases;
  std::vector<TimeStamp> stamps;
  uint64_t begin = 0;
  for (const PhaseEvent &event : state->workers.events()) {
    if (event.phase == PhaseEvent::StepEnd)
      stamps.push_back({"end", begin, event.arrived, event.left});
    else if (event.phase != PhaseEvent::StepBegin)
      stamps.push_back({event.phase < names.size()
                            ? names[event.phase]
                            : "phase " + std::to_string(event.phase),
                        begin, event.arrived, event.left});
    begin = event.left;
  }
  return stamps;
}

void Model::observePhases(
    std::function<void(const mica_step &, uint32_t)> observer) {
  state->workers.observe(std::move(observer));
}

const Manifest &Model::manifest() const { return state->artifact.manifest(); }
