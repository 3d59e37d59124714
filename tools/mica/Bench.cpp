//===- Bench.cpp - `mica bench` -------------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Artifact.h"
#include "runtime/CPUFeatures.h"
#include "runtime/Placement.h"
#include "runtime/Random.h"
#include "runtime/Workers.h"
#include "tools/mica/Commands.h"
#include "tools/mica/Roofline.h"
#include "tools/mica/Support.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

using namespace mica;
using nlohmann::json;

namespace {

struct BenchOptions {
  std::string model;
  uint32_t prompt = 512, tokens = 64;
  std::vector<uint32_t> depths = {0};
  std::vector<uint32_t> threads;
  bool machine = false, asJson = false;
};

// contract: a block is kept if its two ceilings differ by at most 10 %; nine
// kept blocks make a figure, thirty tries are the end.
constexpr uint32_t kWanted = 9, kMost = 30;
constexpr double kTolerance = 1.10;
constexpr double kLoopMilliseconds = 10;
// A block of decoding takes at least this long.
constexpr double kBlockSeconds = 0.3;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 ? values[half]
                           : (values[half - 1] + values[half]) / 2;
}

/// One figure, for people or programs.
struct Figure {
  std::string test;
  uint32_t depth, threads, blocks = 0;
  std::vector<double> kept, all; // Tokens per second of each block.
  std::vector<double> shares;    // Of kept blocks.

  bool conclusive() const { return kept.size() >= kWanted; }
  double speed() const { return median(conclusive() ? kept : all); }

  json toJson() const {
    json out = {{"test", test},
                {"depth", depth},
                {"threads", threads},
                {"tokens_per_second", speed()},
                {"roofline_share", nullptr},
                {"blocks", blocks},
                {"kept", kept.size()},
                {"conclusive", conclusive()}};
    if (conclusive() && !shares.empty())
      out["roofline_share"] = median(shares);
    return out;
  }

  void print() const {
    std::string share = "-";
    if (!conclusive())
      share = "inconclusive";
    else if (!shares.empty())
      share = std::to_string(median(shares)).substr(0, 5);
    std::printf("%-8s %7u %8u %14.2f %15s %6zu/%u\n", test.c_str(), depth,
                threads, speed(), share.c_str(), kept.size(), blocks);
    std::fflush(stdout);
  }
};

/// Tests one model with one number of threads.
class Bench {
public:
  Bench(Model model, Machine &machine, const std::vector<Work> &works)
      : model(std::move(model)), machine(machine), works(works), random(1) {}

  /// Tokens per second of `tokens` tokens after `depth` others: appended as a
  /// prompt, or one by one.
  Expected<Figure> test(uint32_t tokens, uint32_t depth, bool prefill) {
    Figure figure{(prefill ? "pp" : "tg") + std::to_string(tokens),
                  depth,
                  model.threads(),
                  0,
                  {},
                  {},
                  {}};
    Sequence base = model.createSequence();
    if (depth)
      if (auto logits = model.feed(base, randomTokens(depth)); !logits)
        return logits.takeError();
    uint32_t per = tokens; // Tokens of a block.
    auto warm = run(base, prefill ? tokens : std::min(tokens, 2u), prefill);
    if (!warm)
      return warm.takeError();
    if (!prefill)
      per = std::clamp<double>(
          std::ceil(kBlockSeconds / (*warm / std::min(tokens, 2u))), 1, tokens);

    Progress progress(figure.test, kWanted);
    Ceilings before = ceilings();
    Sequence sequence = base.fork();
    while (figure.kept.size() < kWanted && figure.blocks < kMost) {
      if (prefill || sequence.length() + per > depth + tokens)
        sequence = base.fork();
      uint32_t length = sequence.length();
      auto seconds = run(sequence, per, prefill);
      if (!seconds)
        return seconds.takeError();
      Ceilings after = ceilings();
      addBlock(figure, *seconds, least(before, length, per, prefill),
               least(after, length, per, prefill), per);
      before = after;
      progress.update(figure.kept.size());
    }
    return figure;
  }

private:
  std::vector<int32_t> randomTokens(uint32_t count) {
    std::vector<int32_t> tokens(count);
    for (int32_t &token : tokens)
      token = random.below(model.info().vocab);
    return tokens;
  }

  /// Seconds of appending random tokens, the logits of each in decoding.
  Expected<double> run(const Sequence &sequence, uint32_t count, bool prefill) {
    auto tokens = randomTokens(count);
    uint64_t begin = nowNanoseconds();
    std::span<const int32_t> rest = tokens;
    uint32_t piece = prefill ? count : 1;
    for (; !rest.empty(); rest = rest.subspan(piece))
      if (auto logits = model.feed(sequence, rest.first(piece)); !logits)
        return logits.takeError();
    return (nowNanoseconds() - begin) * 1e-9;
  }

  Ceilings ceilings() const {
    return measureCeilings(machine, works, model.threads(), 1,
                           kLoopMilliseconds);
  }

  /// The least seconds of a block. Without `work` in the manifest only its
  /// change tells anything.
  double least(const Ceilings &ceilings, uint32_t length, uint32_t count,
               bool prefill) const {
    if (works.empty())
      return 1 / ceilings.bandwidth;
    double sum = 0;
    uint32_t most = prefill ? model.info().maxRows : 1;
    for (uint32_t done = 0; done < count; done += most) {
      StepShape shape;
      shape.rows = std::min(most, count - done);
      shape.outputs = !prefill || done + most >= count;
      shape.depth = length + done;
      sum += leastSeconds(works, shape, ceilings);
    }
    return sum;
  }

  void addBlock(Figure &figure, double seconds, double before, double after,
                uint32_t tokens) const {
    ++figure.blocks;
    figure.all.push_back(tokens / seconds);
    if (std::max(before, after) > kTolerance * std::min(before, after))
      return;
    figure.kept.push_back(tokens / seconds);
    // A kernel that is faster than the fixed loops is itself the ceiling.
    if (!works.empty())
      figure.shares.push_back(std::min(1.0, std::min(before, after) / seconds));
  }

  Model model;
  Machine &machine;
  const std::vector<Work> &works;
  Random random;
};

std::vector<uint32_t> threadCounts(const BenchOptions &options) {
  if (!options.threads.empty())
    return options.threads;
  return {defaultWorkers()};
}

Status benchModel(const BenchOptions &options, json &out) {
  auto artifact = Artifact::open(options.model);
  if (!artifact)
    return artifact.takeError();
  auto works = parseWork(artifact->manifest().work, options.model);
  if (!works)
    return works.takeError();
  auto machine = Machine::create();
  if (!machine)
    return machine.takeError();
  uint32_t deepest =
      options.depths.empty()
          ? 0
          : *std::max_element(options.depths.begin(), options.depths.end());
  uint64_t room =
      uint64_t(deepest) + std::max(options.prompt, options.tokens) + 1;
  if (!options.asJson)
    std::printf("%-8s %7s %8s %14s %15s %8s\n", "test", "depth", "threads",
                "tokens/s", "roofline share", "blocks");
  for (uint32_t threads : threadCounts(options)) {
    auto model =
        Model::load(options.model,
                    {.threads = threads, .kvTokens = 2 * room, .sequences = 2});
    if (!model)
      return model.takeError();
    if (Status status = expectLogits(*model, options.model); !status)
      return status.takeError();
    Bench bench(std::move(*model), *machine, *works);
    for (uint32_t depth : options.depths)
      for (bool prefill : {true, false}) {
        uint32_t tokens = prefill ? options.prompt : options.tokens;
        if (!tokens)
          continue;
        auto figure = bench.test(tokens, depth, prefill);
        if (!figure)
          return figure.takeError();
        if (!options.asJson)
          figure->print();
        out.push_back(figure->toJson());
      }
  }
  return {};
}

Status benchMachine(const BenchOptions &options, json &out) {
  auto machine = Machine::create();
  if (!machine)
    return machine.takeError();
  std::vector<uint32_t> counts = options.threads;
  if (counts.empty())
    counts = {1, 2};
  if (!options.asJson)
    std::printf("%s\n", cpuName().c_str());
  auto show = [&](uint32_t threads, const char *what, const Rate &rate,
                  const char *unit) {
    if (!options.asJson)
      std::printf("%u thread%s  %-14s %9.2f %s  (%s)\n", threads,
                  threads == 1 ? " " : "s", what, rate.perSecond * 1e-9, unit,
                  rate.loop.c_str());
    out.push_back({{"measure", what},
                   {"threads", threads},
                   {"per_second", rate.perSecond},
                   {"loop", rate.loop}});
  };
  for (uint32_t threads : counts) {
    show(threads, "read", machine->bandwidth(threads, 5, 30), "GB/s");
    for (const char *type :
         {"f32", "f16", "bf16", "i8", "i8/32", "i6/16", "i4/32"})
      for (const Rate &rate : machine->dots(type, threads, 5, 30))
        show(threads, type, rate, "Gop/s");
  }
  return {};
}

int bench(const BenchOptions &options) {
  json out = json::array();
  if (!options.machine && options.model.empty())
    return report(Error{"bench: neither a .mica file nor --machine given, "
                        "expected one of the two"});
  Status status =
      options.machine ? benchMachine(options, out) : benchModel(options, out);
  if (!status)
    return report(status.error());
  if (options.asJson)
    std::printf("%s\n", out.dump(2).c_str());
  return 0;
}

} // namespace

void mica::addBenchCommand(CLI::App &app, int &status) {
  CLI::App *command = app.add_subcommand(
      "bench", "Measure speed beside this machine's ceilings");
  command->footer(
      "Roofline share: the least time that reading every weight once and "
      "computing every product\ntakes at this machine's best, over the time "
      "taken. Ceilings are measured before and after\neach block; blocks "
      "between unequal ceilings do not count.\n\n"
      "Examples:\n"
      "  mica bench M.mica -p 512 -n 64 -d 0,4096 --threads 1,2\n"
      "  mica bench --machine\n");
  auto o = std::make_shared<BenchOptions>();
  command->add_option("model", o->model, "A .mica file");
  command
      ->add_option("-p,--prompt", o->prompt, "Tokens of a prompt; 0: no test")
      ->capture_default_str();
  command
      ->add_option("-n,--tokens", o->tokens,
                   "Tokens generated one by one; 0: no test")
      ->capture_default_str();
  command->add_option("-d,--depth", o->depths, "Tokens in the cache before")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--threads", o->threads, "Threads, one or more numbers")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  command->add_flag("--machine", o->machine,
                    "Only the ceilings: reading, and products by type");
  command->add_flag("--json", o->asJson, "Print a list of objects");
  command->callback([=, &status] { status = bench(*o); });
}
