//===- Diff.cpp - Steps of a model that is compared -----------------------===//

#include "tools/mica-diff/Diff.h"

#include <algorithm>

using namespace mica;

Expected<std::vector<DiffStep>> mica::planSteps(const Model &model,
                                                const DiffTokens &tokens,
                                                uint32_t decodeFrom) {
  const ModelInfo &info = model.info();
  if (tokens.sequences > info.maxRows || tokens.length > info.maxContext)
    return Error{"tokens: " + std::to_string(tokens.sequences) +
                 " sequences of " + std::to_string(tokens.length) +
                 ", expected at most " + std::to_string(info.maxRows) + " of " +
                 std::to_string(info.maxContext)};
  std::vector<DiffStep> steps;
  for (uint64_t at = 0; at < tokens.length;) {
    uint64_t most = at < decodeFrom
                        ? std::min<uint64_t>(info.maxRows / tokens.sequences,
                                             decodeFrom - at)
                        : 1;
    uint64_t end = std::min(tokens.length, at + most);
    steps.push_back({at, end});
    at = end;
  }
  return steps;
}

uint64_t mica::tokenOf(uint64_t row, const DiffStep &step,
                       const DiffTokens &tokens) {
  uint64_t count = step.end - step.first;
  return row / count * tokens.length + step.first + row % count;
}

Status mica::runSteps(Model &model, const DiffTokens &tokens,
                      std::span<const DiffStep> steps,
                      const std::function<Status(const DiffStep &)> &after) {
  std::vector<Sequence> sequences;
  for (uint64_t s = 0; s < tokens.sequences; ++s)
    sequences.push_back(model.createSequence());
  for (const DiffStep &step : steps) {
    std::vector<Request> requests;
    uint32_t count = step.end - step.first;
    for (uint64_t s = 0; s < tokens.sequences; ++s)
      requests.push_back(
          {&sequences[s],
           std::span(tokens.ids).subspan(s * tokens.length + step.first, count),
           count});
    auto logits = model.step(requests);
    if (!logits)
      return logits.takeError();
    if (Status status = after(step); !status)
      return status;
  }
  return {};
}

void DiffResult::add(const Finding &finding) {
  if (finding.isOut() && !first.output)
    first = finding;
  auto it = std::ranges::find_if(findings, [&](const Finding &other) {
    return other.output == finding.output && other.layer == finding.layer;
  });
  if (it == findings.end())
    findings.push_back(finding);
  else if (!(finding.ratio <= it->ratio))
    *it = finding;
}
