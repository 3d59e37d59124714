//===- MicaDriver.cpp - Mica as an engine to be timed ---------------------===//
//
// Beside the lines of Driver.h:
//
//   ceiling R D O    measures this machine and answers the least seconds that a
//                    step of R rows after D tokens, O of them with logits, can
//                    take on it
//   step 1,1,256     one step of several sequences with so many rows each, all
//                    from the depth that was set; the logits of each last row
//
// A fourth argument, SEQUENCES, is the most of a step.
//
// What was computed for a depth is kept, and is the beginning of greater ones.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "benchmarks/Driver.h"
#include "mica/Model.h"
#include "runtime/Artifact.h"
#include "tools/mica/Roofline.h"

#include <cstdlib>
#include <map>
#include <optional>

using namespace mica;

namespace {

constexpr uint32_t kDepths = 8; // That are set at most.

[[noreturn]] void fail(const Error &error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  std::exit(1);
}

template <class T> T require(Expected<T> value) {
  if (!value)
    fail(value.error());
  return std::move(*value);
}

class MicaEngine : public Engine {
public:
  MicaEngine(Model model, std::vector<Work> works)
      : model(std::move(model)), works(std::move(works)) {
    depths.emplace(0, this->model.createSequence());
    setDepth({});
  }

  void setDepth(const std::vector<int32_t> &tokens) override {
    uint32_t depth = tokens.size();
    base = std::prev(depths.upper_bound(depth));
    if (base->first < depth) {
      Sequence deeper = base->second.fork();
      require(model.feed(deeper, std::span(tokens).subspan(base->first)));
      base = depths.emplace(depth, std::move(deeper)).first;
    }
    rewind();
  }
  void prefill(const std::vector<int32_t> &tokens) override {
    require(model.feed(*current, tokens));
  }
  void decode(const std::vector<int32_t> &tokens) override {
    // One step each, so that the logits of every token are computed.
    for (const int32_t &token : tokens)
      require(model.feed(*current, {&token, 1}));
  }
  void rows(const std::vector<int32_t> &tokens) override {
    Request request{&*current, tokens, uint32_t(tokens.size())};
    require(model.step({&request, 1}));
  }
  void rewind() override {
    current.reset();
    current.emplace(base->second.fork());
  }
  double other(const std::string &word, std::istringstream &words) override {
    if (word == "step")
      return step(words);
    StepShape shape;
    if (word != "ceiling" ||
        !(words >> shape.rows >> shape.depth >> shape.outputs))
      return -1;
    // Not before: what its loops read would count as the memory of the model.
    if (!machine)
      machine.emplace(require(Machine::create()));
    return leastSeconds(works, shape,
                        measureCeilings(*machine, works, model.threads(), 1,
                                        kLoopMilliseconds));
  }

private:
  static constexpr double kLoopMilliseconds = 10;

  double step(std::istringstream &words) {
    std::vector<Sequence> sequences;
    std::vector<std::vector<int32_t>> tokens;
    for (std::string rows; std::getline(words >> std::ws, rows, ',');) {
      tokens.push_back(randomTokens(std::stoul(rows), model.info().vocab));
      sequences.push_back(base->second.fork());
    }
    std::vector<Request> requests;
    for (size_t i = 0; i < tokens.size(); ++i)
      requests.push_back({&sequences[i], tokens[i]});
    return secondsOf([&] { require(model.step(requests)); });
  }

  Model model;
  std::optional<Machine> machine;
  std::vector<Work> works;
  std::map<uint32_t, Sequence> depths; // By their tokens.
  std::map<uint32_t, Sequence>::iterator base;
  std::optional<Sequence> current;
};

} // namespace

int main(int argc, char **argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: MicaDriver M.mica THREADS TOKENS SEQUENCES\n");
    return 2;
  }
  std::string path = argv[1];
  Artifact artifact = require(Artifact::open(path));
  // Each depth that was set may have a page that is partly full.
  Model model = require(
      Model::load(path, {.threads = uint32_t(std::atoi(argv[2])),
                         .kvTokens = uint64_t(std::atoll(argv[3])),
                         .sequences = uint32_t(std::atoi(argv[4])) + kDepths}));
  MicaEngine engine(std::move(model),
                    require(parseWork(artifact.manifest().work, path)));
  uint32_t vocab = artifact.manifest().vocab;
  return serve(engine, vocab);
}
