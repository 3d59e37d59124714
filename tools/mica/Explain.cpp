//===- Explain.cpp - `mica explain` ---------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Artifact/OutputFile.h"
#include "runtime/Artifact.h"
#include "tools/mica/Commands.h"
#include "tools/mica/Roofline.h"
#include "tools/mica/Support.h"

#include "nlohmann/json.hpp"

#include <cstdio>
#include <map>
#include <memory>

using namespace mica;
using nlohmann::json;

namespace {

struct ExplainOptions {
  std::string model, trace;
  uint32_t rows = 1, depth = 0, steps = 8, threads = 1;
  bool asJson = false;
};

/// Phases of the measured steps and what they were measured with.
struct Measurement {
  std::vector<TimeStamp> stamps;
  std::map<std::string, double> seconds; // Per step, by phase.
  Ceilings ceilings;
  uint32_t threads;
  std::vector<int> cpus; // Of each thread; empty if they are not bound.
};

/// Runs the steps that the options describe, after one that warms up.
Expected<Measurement> measure(const ExplainOptions &o,
                              const std::vector<Work> &works) {
  auto model = Model::load(
      o.model, {.threads = o.threads,
                .kvTokens = o.depth + o.rows * (uint64_t(o.steps) + 1)});
  if (!model)
    return model.takeError();
  Sequence sequence = model->createSequence();
  std::vector<int32_t> tokens(uint64_t(o.depth) + o.rows);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = (i * 7919 + 1) % model->info().vocab;
  if (auto logits = model->feed(sequence, tokens); !logits)
    return logits.takeError();
  model->recordPhases(true);
  for (uint32_t step = 0; step < o.steps; ++step) {
    if (!model->manifest().causal)
      sequence = model->createSequence();
    if (auto logits = model->feed(sequence, std::span(tokens).first(o.rows));
        !logits)
      return logits.takeError();
  }
  Measurement measured;
  measured.threads = model->threads();
  measured.cpus.assign(model->cpus().begin(), model->cpus().end());
  measured.stamps = model->phases();
  for (const TimeStamp &stamp : measured.stamps)
    measured.seconds[stamp.phase] += (stamp.end - stamp.begin) * 1e-9 / o.steps;
  auto machine = Machine::create();
  if (!machine)
    return machine.takeError();
  measured.ceilings = measureCeilings(*machine, works, measured.threads, 3, 20);
  return measured;
}

/// A trace for chrome://tracing or Perfetto: what worker 0 worked and waited.
Status writeTrace(const std::string &path, const Measurement &measured) {
  json events = json::array();
  uint64_t zero = measured.stamps.empty() ? 0 : measured.stamps[0].begin;
  auto add = [&](const std::string &name, const char *kind, uint64_t begin,
                 uint64_t end) {
    events.push_back({{"name", name},
                      {"cat", kind},
                      {"ph", "X"},
                      {"pid", 0},
                      {"tid", 0},
                      {"ts", (begin - zero) * 1e-3},
                      {"dur", (end - begin) * 1e-3}});
  };
  for (const TimeStamp &stamp : measured.stamps) {
    add(stamp.phase, "work", stamp.begin, stamp.arrived);
    add("wait", "wait", stamp.arrived, stamp.end);
  }
  std::string text = json{{"traceEvents", events}}.dump();
  return writeFile(path, text.data(), text.size());
}

/// One phase with everything that is known of it.
json describe(const Work &work, const StepShape &shape,
              const Measurement &measured) {
  double least = leastSeconds(work, shape, measured.ceilings);
  json out = {{"phase", work.phase},
              {"layout", work.layout},
              {"instructions", work.instructions},
              {"calls", work.calls},
              {"bytes", bytesOf(work, shape)},
              {"operations", opsOf(work, shape)},
              {"predicted_seconds", least},
              {"measured_seconds", nullptr},
              {"roofline_share", nullptr}};
  auto found = measured.seconds.find(work.phase);
  if (found != measured.seconds.end() && found->second > 0) {
    out["measured_seconds"] = found->second;
    if (least > 0)
      out["roofline_share"] = std::min(1.0, least / found->second);
  }
  return out;
}

/// The sum of all phases, as one more; with the time of phases that have no
/// entry, such as the plan.
json describeStep(const json &phases, const Measurement &measured) {
  json out = {{"phase", "step"},
              {"layout", ""},
              {"instructions", ""},
              {"calls", 1},
              {"bytes", 0.0},
              {"operations", 0.0},
              {"predicted_seconds", 0.0},
              {"measured_seconds", 0.0},
              {"roofline_share", nullptr}};
  for (const json &phase : phases)
    for (const char *key : {"bytes", "operations", "predicted_seconds"})
      out[key] = out[key].get<double>() + phase[key].get<double>();
  double seconds = 0;
  for (const auto &[phase, time] : measured.seconds)
    seconds += time;
  out["measured_seconds"] = seconds;
  double least = out["predicted_seconds"].get<double>();
  if (least > 0 && seconds > 0)
    out["roofline_share"] = std::min(1.0, least / seconds);
  return out;
}

void printPhases(const json &phases) {
  std::printf("%-16s %5s %12s %12s %11s %11s %6s  %s\n", "phase", "calls",
              "bytes", "operations", "predicted", "measured", "share",
              "layout, instructions");
  for (const json &p : phases) {
    std::string measured = "-", share = "-";
    if (!p["measured_seconds"].is_null()) {
      char text[32];
      std::snprintf(text, sizeof(text), "%.1f us",
                    p["measured_seconds"].get<double>() * 1e6);
      measured = text;
    }
    if (!p["roofline_share"].is_null()) {
      char text[32];
      std::snprintf(text, sizeof(text), "%.2f",
                    p["roofline_share"].get<double>());
      share = text;
    }
    auto layout = p["layout"].get<std::string>();
    auto instructions = p["instructions"].get<std::string>();
    bool both = !layout.empty() && !instructions.empty();
    std::printf(
        "%-16s %5u %12s %12.4g %8.1f us %11s %6s  %s%s%s\n",
        p["phase"].get<std::string>().c_str(), p["calls"].get<uint32_t>(),
        formatBytes(p["bytes"].get<double>()).c_str(),
        p["operations"].get<double>(),
        p["predicted_seconds"].get<double>() * 1e6, measured.c_str(),
        share.c_str(), layout.c_str(), both ? ", " : "", instructions.c_str());
  }
}

/// A remark is an object with a `message`, or any other value.
void printRemark(const json &remark) {
  auto field = [&](const char *key) {
    return remark.is_object() && remark.contains(key) && remark[key].is_string()
               ? remark[key].get<std::string>()
               : std::string();
  };
  std::string message = field("message"), kind = field("kind");
  if (message.empty())
    message = remark.is_string() ? remark.get<std::string>() : remark.dump();
  std::printf("%s%s%s\n", kind.c_str(), kind.empty() ? "" : ": ",
              message.c_str());
}

void printWorkers(const Measurement &measured) {
  std::printf("workers: %u, ", measured.threads);
  const char *before = "on CPUs ";
  for (int cpu : measured.cpus) {
    std::printf("%s%d", before, cpu);
    before = ", ";
  }
  std::printf("%s\n\n", measured.cpus.empty() ? "not bound" : "");
}

void printModel(const Manifest &m, const Artifact &artifact) {
  std::printf("%s: %s, %u layers, %.1f M parameters in %s, vocabulary %u, "
              "context %u\n",
              m.name.c_str(), m.family.c_str(), m.layers, m.parameters * 1e-6,
              m.dtype.c_str(), m.vocab, m.maxContext);
  for (size_t i = 0; i < m.code.size(); ++i)
    std::printf(
        "code %zu: %s, %s%s\n", i, m.code[i].target().c_str(),
        formatBytes(artifact.section(MICA_SECTION_CODE, i).size()).c_str(),
        i == m.image && m.code.size() > 1 ? ", in use" : "");
  for (const CacheGroup &g : m.cache) {
    if (g.isState()) {
      std::printf("state: %u layers, %u heads of %ux%u, %s per sequence\n",
                  g.layers, g.heads, g.keyDim, g.valueDim,
                  formatBytes(double(g.pageBytes())).c_str());
      continue;
    }
    std::printf("cache '%s': %u layers, %u heads, pages of %u tokens, %s per "
                "token%s\n",
                g.name.c_str(), g.layers, g.heads, g.pageTokens,
                formatBytes(double(g.pageBytes()) / g.pageTokens).c_str(),
                g.window ? (", window " + std::to_string(g.window)).c_str()
                         : "");
  }
  std::printf("weights: %s\nworkspace: %s per row, %s per output row, %s per "
              "worker\n",
              formatBytes(m.weightBytes).c_str(),
              formatBytes(m.arenaBytes[0]).c_str(),
              formatBytes(m.arenaBytes[1]).c_str(),
              formatBytes(m.arenaBytes[2]).c_str());
}

int explain(const ExplainOptions &o) {
  auto artifact = Artifact::open(o.model);
  if (!artifact)
    return report(artifact.error());
  const Manifest &manifest = artifact->manifest();
  auto works = parseWork(manifest.work, o.model);
  if (!works)
    return report(works.error());
  auto measured = measure(o, *works);
  if (!measured)
    return report(measured.error());
  StepShape shape{o.rows, 1, o.depth + o.rows * (1 + uint64_t(o.steps) / 2)};
  json phases = json::array();
  for (const Work &work : *works)
    phases.push_back(describe(work, shape, *measured));
  if (!phases.empty())
    phases.push_back(describeStep(phases, *measured));
  json remarks = json::parse(manifest.remarks, nullptr, false);
  if (!o.trace.empty())
    if (Status status = writeTrace(o.trace, *measured); !status)
      return report(status.error());
  if (o.asJson) {
    json out = {{"model", manifest.name},
                {"code", manifest.code[manifest.image].target()},
                {"rows", o.rows},
                {"depth", o.depth},
                {"threads", measured->threads},
                {"cpus", measured->cpus},
                {"phases", phases},
                {"measured", measured->seconds},
                {"remarks", remarks}};
    std::printf("%s\n", out.dump(2).c_str());
    return 0;
  }
  printModel(manifest, *artifact);
  printWorkers(*measured);
  printPhases(phases);
  if (!remarks.empty())
    std::printf("\n");
  for (const json &remark : remarks)
    printRemark(remark);
  return 0;
}

} // namespace

void mica::addExplainCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "explain", "Show what each phase of a step does, why, and how long it "
                 "takes");
  command->footer("Examples:\n"
                  "  mica explain M.mica --rows 1 --depth 4096\n"
                  "  mica explain M.mica --trace step.json\n");
  auto o = std::make_shared<ExplainOptions>();
  command->add_option("model", o->model, "A .mica file")->required();
  command->add_option("--rows", o->rows, "Tokens of the step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--depth", o->depth, "Tokens in the cache before")
      ->capture_default_str();
  command->add_option("--steps", o->steps, "Steps to measure")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--threads", o->threads, "Threads; 0: one for each core")
      ->capture_default_str();
  command->add_option("--trace", o->trace,
                      "Write the measured steps as a Chrome trace");
  command->add_flag("--json", o->asJson, "Print an object");
  command->callback([=, &status] { status = explain(*o); });
}
