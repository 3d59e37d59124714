//===- DumpDiff.cpp - A compiled model beside another's dumps -------------===//
//
// Another framework computes in its own way from the tokens on, so errors add
// up: the tolerance of an op is 16 units of rounding times the root of the
// layers before it and one more, as independent errors grow.
//
//===----------------------------------------------------------------------===//

#include "tools/mica-diff/Diff.h"
#include "tools/mica/Npy.h"
#include "tools/mica/Support.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

using namespace mica;
namespace fs = std::filesystem;

static constexpr double kFactor = 16;

std::vector<std::string> mica::dumpNames(const OpOutput &output,
                                         int64_t layer) {
  std::string place = layer < 0 ? "" : "layer." + std::to_string(layer);
  std::string op = output.op;
  std::ranges::replace(op, '/', '_');
  std::vector<std::string> names = {place + (layer < 0 ? "" : ".") + op};
  if (output.role == "layer" && layer >= 0)
    names.push_back(place);
  else if (!output.role.empty() && layer < 0)
    names.push_back(output.role);
  return names;
}

namespace {

/// A file of rows and the op that it is compared with.
struct Dump {
  std::string path;
  FloatArray array;
  const OpOutput *output = nullptr;
  int64_t layer = -1;
  std::vector<float> found; ///< [tokens][columns], by the model
};

class DumpDiff {
public:
  DumpDiff(Model &model, const DiffTokens &tokens, const DiffOptions &options)
      : model(model), tokens(tokens), options(options), recorder(model) {}

  Expected<DiffResult> run();

private:
  Status readDumps();
  Status assign(const RecordedRows &rows);
  Status collect(const DiffStep &step);
  Finding compare(const Dump &dump) const;

  Model &model;
  const DiffTokens &tokens;
  const DiffOptions &options;
  Recorder recorder;
  std::map<std::string, Dump> dumps; // By name, without ".npy".
  std::vector<Dump *> order;         // In which ops run.
};

} // namespace

Status DumpDiff::readDumps() {
  std::error_code failed;
  for (auto it = fs::directory_iterator(options.against, failed);
       !failed && it != fs::directory_iterator(); it.increment(failed)) {
    if (it->path().extension() != ".npy")
      continue;
    std::string path = it->path().string();
    auto bytes = readFile(path);
    if (!bytes)
      return bytes.takeError();
    auto array = parseFloatNpy(*bytes, path);
    if (!array)
      return array.takeError();
    dumps[it->path().stem().string()] = {
        path, std::move(*array), nullptr, -1, {}};
  }
  if (failed)
    return Error{options.against + ": " + failed.message() +
                 ", expected a directory"};
  if (dumps.empty())
    return Error{options.against + ": no .npy file, expected those of "
                                   "mica diff --list"};
  return {};
}

/// Notes that the file for the op of `rows`, if there is one, is compared.
Status DumpDiff::assign(const RecordedRows &rows) {
  for (const std::string &name : dumpNames(*rows.output, rows.layer)) {
    auto it = dumps.find(name);
    if (it == dumps.end() || it->second.output)
      continue;
    Dump &dump = it->second;
    uint64_t wanted = tokens.ids.size() * rows.columns();
    const auto &shape = dump.array.shape;
    if (dump.array.values.size() != wanted || shape.empty() ||
        shape.back() != rows.columns()) {
      std::string text;
      for (uint64_t size : shape)
        text += (text.empty() ? "" : ", ") + std::to_string(size);
      return Error{dump.path + ": shape is [" + text + "], expected [" +
                   std::to_string(tokens.sequences) + ", " +
                   std::to_string(tokens.length) + ", " +
                   std::to_string(rows.columns()) + "]"};
    }
    dump.output = rows.output;
    dump.layer = rows.layer;
    dump.found.resize(wanted);
    order.push_back(&dump);
  }
  return {};
}

/// Takes the rows of a step over that files are there for.
Status DumpDiff::collect(const DiffStep &step) {
  for (const RecordedRows &rows : recorder.all()) {
    if (step.first == 0)
      if (Status status = assign(rows); !status)
        return status;
    uint64_t columns = rows.columns();
    for (Dump *dump : order)
      if (dump->output == rows.output && dump->layer == rows.layer)
        for (uint64_t row = 0; row < rows.rows(); ++row)
          std::copy_n(rows.values.begin() + row * columns, columns,
                      dump->found.begin() +
                          tokenOf(row, step, tokens) * columns);
  }
  recorder.clear();
  return {};
}

Finding DumpDiff::compare(const Dump &dump) const {
  uint64_t layers = model.manifest().stack.size();
  uint64_t depth = dump.layer >= 0                     ? dump.layer + 1
                   : dump.output->role == "embeddings" ? 0
                                                       : layers + 1;
  double factor = options.factor ? options.factor : kFactor;
  double unit = std::max(unitOf(model.manifest()), sumUnit(model.manifest()));
  double tolerance = factor * unit * std::sqrt(depth + 1.0);
  Finding finding = compareRows(dump.found, dump.array.values,
                                dump.output->columns, tolerance);
  finding.output = dump.output;
  finding.layer = dump.layer;
  return finding;
}

Expected<DiffResult> DumpDiff::run() {
  if (Status status = readDumps(); !status)
    return status.takeError();
  auto steps = planSteps(model, tokens, options.decodeFrom);
  if (!steps)
    return steps.takeError();
  Status status = runSteps(model, tokens, *steps,
                           [&](const DiffStep &step) { return collect(step); });
  if (!status)
    return status.takeError();
  for (const auto &[name, dump] : dumps)
    if (!dump.output)
      return Error{dump.path + ": no op of that name, expected those of "
                               "mica diff --list"};
  DiffResult result;
  for (const Dump *dump : order)
    result.add(compare(*dump));
  return result;
}

Expected<DiffResult> mica::diffDumps(Model &model, const DiffTokens &tokens,
                                     const DiffOptions &options) {
  return DumpDiff(model, tokens, options).run();
}
