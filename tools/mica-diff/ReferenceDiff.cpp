//===- ReferenceDiff.cpp - A compiled model beside the reference ----------===//
//
// Each step runs three times: compiled, while a recorder copies what phases
// leave in memory; on the reference with every op's rows moved by one rounding,
// which tells how far rounding alone may move the rows behind it; and on the
// reference as it is, where rows are compared. Both runs of the reference take
// over the compiled rows wherever there are any, and each has caches of its
// own.
//
//===----------------------------------------------------------------------===//

#include "lib/Compiler/Register.h"
#include "lib/Compiler/Source.h"
#include "lib/Reference/Reference.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Graph/Passes.h"
#include "tools/mica-diff/Diff.h"
#include "tools/mica/Support.h"

#include <bit>
#include <numeric>
#include <optional>
#include <set>

using namespace mica;

namespace {

/// How many times the reference's own movement an op may be off. Compiled code
/// rounds at other places than the reference: intermediate values, sums in
/// another order, approximations of exp and tanh.
constexpr double kFactor = 8;

class ReferenceDiff {
public:
  ReferenceDiff(Model &model, const DiffTokens &tokens,
                const DiffOptions &options)
      : model(model), tokens(tokens), options(options), recorder(model),
        unit(sumUnit(model.manifest())),
        typeUnit(std::max(unitOf(model.manifest()), unit)) {}

  Expected<DiffResult> run(Reference &reference);

private:
  using Key = std::pair<int64_t, std::string>;

  Status compareStep(Reference &reference, const DiffStep &step);
  ReferenceStep makeStep(const DiffStep &step) const;
  const RecordedRows *recordedOf(const OpRows &rows);
  void moveOnce(const OpRows &rows, double unit) const;
  void compare(const OpRows &rows, const RecordedRows &recorded,
               const DiffStep &step);

  Model &model;
  const DiffTokens &tokens;
  const DiffOptions &options;
  Recorder recorder;
  /// Relative errors: of rows, and of what attention weighs, whose weights are
  /// rounded to the model's type.
  double unit, typeUnit;
  std::map<Key, std::vector<float>> moved; // Of the step.
  std::set<Key> compared, hidden;
  std::string mismatch; // The first contradiction, for an error.
  DiffResult result;
  std::optional<Progress> progress; // Of ops, from the first step on.
  uint64_t done = 0;
};

} // namespace

ReferenceStep ReferenceDiff::makeStep(const DiffStep &step) const {
  ReferenceStep made;
  made.rowStart.push_back(0);
  for (uint64_t s = 0; s < tokens.sequences; ++s) {
    for (uint64_t p = step.first; p < step.end; ++p) {
      made.token.push_back(tokens.ids[s * tokens.length + p]);
      made.position.push_back(p);
    }
    made.rowStart.push_back(made.token.size());
    made.length.push_back(step.end);
  }
  made.outRow.resize(made.token.size());
  std::iota(made.outRow.begin(), made.outRow.end(), 0);
  return made;
}

/// What the model left of the op; null if nothing, or something else.
const RecordedRows *ReferenceDiff::recordedOf(const OpRows &rows) {
  if (rows.name.empty())
    return nullptr;
  const RecordedRows *found = recorder.find(rows.layer, rows.name);
  uint64_t columns = rows.columns;
  if (!found) {
    hidden.insert({rows.layer, rows.name});
    return nullptr;
  }
  if (found->columns() == columns &&
      found->values.size() == rows.rows * columns) {
    progress->update(++done);
    return found;
  }
  if (mismatch.empty())
    mismatch = describe(*found->output, rows.layer) + " has " +
               std::to_string(found->columns()) + " columns, expected " +
               std::to_string(columns);
  return nullptr;
}

/// Moves each element by `unit` of it, up or down as a hash of its place says.
void ReferenceDiff::moveOnce(const OpRows &rows, double unit) const {
  uint64_t state = 0x9e3779b97f4a7c15 * (rows.number * 65537 + rows.layer + 2);
  for (int64_t i = 0; i < rows.rows * rows.columns; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    double sign = state >> 63 ? 1 : -1;
    rows.values[i] *= 1 + sign * unit;
  }
}

void ReferenceDiff::compare(const OpRows &rows, const RecordedRows &recorded,
                            const DiffStep &step) {
  std::span<const float> expected(rows.values, recorded.values.size());
  Bound bound = {options.factor ? options.factor : kFactor,
                 std::max(unit, unitOf(recorded.output->element)),
                 std::max(cacheUnit(model.manifest()), unit),
                 recorded.output->element == OpOutput::I8 ? 32u : 0u};
  Finding finding =
      compareElements(recorded.values, expected, moved[{rows.layer, rows.name}],
                      recorded.columns(), bound);
  finding.output = recorded.output;
  finding.layer = recorded.layer;
  finding.row = tokenOf(finding.row, step, tokens);
  compared.insert({rows.layer, rows.name});
  result.add(finding);
}

Status ReferenceDiff::compareStep(Reference &reference, const DiffStep &step) {
  ReferenceStep made = makeStep(step);
  moved.clear();
  reference.exchangeCaches();
  auto first = reference.run(made, [&](const OpRows &rows) {
    const RecordedRows *recorded = recordedOf(rows);
    if (!recorded)
      return moveOnce(rows, unit);
    moved[{rows.layer, rows.name}].assign(
        rows.values, rows.values + recorded->values.size());
    std::ranges::copy(recorded->values, rows.values);
    bool cached = recorded->output->arena >= OpOutput::Keys;
    moveOnce(rows, cached ? typeUnit : unit);
  });
  reference.exchangeCaches();
  if (!first)
    return first.takeError();
  auto second = reference.run(made, [&](const OpRows &rows) {
    const RecordedRows *recorded = recordedOf(rows);
    if (!recorded)
      return;
    compare(rows, *recorded, step);
    std::ranges::copy(recorded->values, rows.values);
  });
  return second ? Status() : second.takeError();
}

Expected<DiffResult> ReferenceDiff::run(Reference &reference) {
  auto steps = planSteps(model, tokens, options.decodeFrom);
  if (!steps)
    return steps.takeError();
  Status status = runSteps(model, tokens, *steps, [&](const DiffStep &step) {
    if (!progress)
      progress.emplace("diff", 2 * steps->size() * recorder.all().size());
    Status compared = compareStep(reference, step);
    recorder.clear();
    return compared;
  });
  progress.reset();
  if (!status)
    return status.takeError();
  if (!mismatch.empty())
    return Error{options.model + ": " + mismatch + ", as in " +
                 options.checkpoint};
  if (compared.empty())
    return Error{options.model + ": no op of " + options.checkpoint +
                 ", expected what was compiled"};
  result.hidden = hidden.size();
  return std::move(result);
}

/// `x` rounded to bf16, to nearest even, or to f16.
static float rounded(float x, bool toBF16) {
  if (!toBF16)
    return static_cast<_Float16>(x);
  uint32_t bits = std::bit_cast<uint32_t>(x);
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000);
}

/// A loader whose matrices are rounded to the model's type, as packed ones are.
static WeightLoader roundingLoader(WeightLoader load,
                                   const Manifest &manifest) {
  if (manifest.dtype != "bf16" && manifest.dtype != "f16")
    return load;
  bool toBF16 = manifest.dtype == "bf16";
  return [=](WeightOp weight, std::span<float> to) -> Status {
    if (Status status = load(weight, to); !status)
      return status;
    auto type = mlir::cast<WeightType>(weight.getType());
    if (type.getShape().size() == 2 && !type.getFormat())
      for (float &x : to)
        x = rounded(x, toBF16);
    return {};
  };
}

/// What was compiled, at stage 0, with the names that the compiler gave.
static Expected<Source> readStage0(mlir::MLIRContext &context,
                                   const Manifest &manifest,
                                   const std::string &path) {
  DiagnosticKeeper keeper(&context);
  CompileOptions compile;
  compile.input = path;
  compile.dtype = manifest.dtype;
  compile.quant = manifest.quant;
  compile.activations = manifest.activations;
  compile.cpu = manifest.code[manifest.image].target();
  for (const CacheGroup &group : manifest.cache)
    if (!group.isState())
      compile.kv = group.element == "i8" ? "int8" : group.element;
  auto source = readSource(context, compile, keeper);
  if (!source)
    return source;
  mlir::PassManager names(&context);
  names.addPass(createNameOpsPass());
  // Of many rows weights may be rounded: the reference does so as well.
  names.addPass(createQuantizeActivationsPass());
  if (failed(names.run(*source->module)))
    return keeper.failure(path + ": naming failed");
  if (Status status = openCheckpoint(*source, path); !status)
    return status.takeError();
  return source;
}

Expected<DiffResult> mica::diffReference(Model &model, const DiffTokens &tokens,
                                         const DiffOptions &given) {
  DiffOptions options = given;
  if (options.checkpoint.empty())
    options.checkpoint = model.manifest().source;
  if (options.checkpoint.empty())
    return Error{options.model +
                 ": source is not known, expected --checkpoint"};
  mlir::MLIRContext context(registerCompiler(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto source = readStage0(context, model.manifest(), options.checkpoint);
  if (!source)
    return source.takeError();
  auto reference = Reference::create(
      *source->module,
      roundingLoader(loadFrom(*source->checkpoint), model.manifest()),
      {.sequences = int64_t(tokens.sequences),
       .context = int64_t(tokens.length)});
  if (!reference)
    return reference.takeError();
  return ReferenceDiff(model, tokens, options).run(*reference);
}
