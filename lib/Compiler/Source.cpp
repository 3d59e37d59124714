//===- Source.cpp - What is compiled, read --------------------------------===//

#include "lib/Compiler/Source.h"
#include "lib/Compiler/Nesting.h"
#include "lib/Compiler/Recipe.h"
#include "lib/Compiler/TunedRows.h"
#include "lib/Import/BuildModel.h"
#include "lib/Target/CPU/Target.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include <filesystem>

using namespace mlir;
using namespace mica;

/// The checkpoint that a module's weights come from.
static constexpr llvm::StringLiteral checkpointAttribute = "mica.checkpoint";

static Expected<Source> readModule(MLIRContext &context,
                                   const CompileOptions &options,
                                   const DiagnosticKeeper &keeper) {
  Source source;
  ParserConfig config(&context);
  if (Status status = checkNesting(options.input); !status)
    return status.takeError();
  source.module = parseSourceFile<ModuleOp>(options.input, config);
  if (!source.module)
    return keeper.failure(options.input);
  ModuleOp module = *source.module;
  if (!module->hasAttr("mica.target")) {
    auto cpu = resolveCPU(options.cpu);
    if (!cpu)
      return cpu.takeError();
    module->setAttr("mica.target", getTargetAttr(&context, *cpu));
  }
  if (!module->hasAttr("mica.dtype")) {
    Type type =
        parseType(options.dtype.empty() ? "f32" : options.dtype, &context);
    module->setAttr("mica.dtype", TypeAttr::get(type));
  }
  bool whole = options.startFrom.empty() || options.startFrom == "import";
  if (whole && !module->hasAttr(kSourceAttribute))
    module->setAttr(kSourceAttribute, StringAttr::get(&context, options.input));
  return source;
}

/// `--dtype`, or the type of most elements of the model's matrices; bf16 for
/// block formats.
static Type chooseType(MLIRContext &context, const CompileOptions &options,
                       const Checkpoint &checkpoint,
                       const ModelDescription &model) {
  std::string name = options.dtype;
  if (name.empty()) {
    std::map<std::string_view, int64_t> elements;
    auto count = [&](const WeightMap &weights) {
      for (const auto &[role, source] : weights)
        if (source.columns > 1)
          elements[checkpoint.find(partName(source.tensor, 0))->format->name] +=
              std::max<int64_t>(source.parts, 1) * source.rows * source.columns;
    };
    count(model.weights);
    for (const LayerDescription &layer : model.layers)
      count(layer.weights);
    auto most = std::max_element(
        elements.begin(), elements.end(),
        [](const auto &a, const auto &b) { return a.second < b.second; });
    StringRef format = most == elements.end() ? "F32" : most->first;
    name = format == "F32" || format == "F16" ? format.lower() : "bf16";
  }
  return parseType(name, &context);
}

/// `--kv`, or the type of the weights.
static Type cacheType(MLIRContext &context, const CompileOptions &options,
                      Type dtype) {
  if (options.kv.empty())
    return dtype;
  std::string name = options.kv;
  if (StringRef(name).consume_front("int"))
    name.erase(1, 2); // i8, i4
  return parseType(name, &context);
}

static Expected<Source>
readCheckpoint(MLIRContext &context, const CompileOptions &options,
               const DiagnosticKeeper &keeper,
               const std::function<void(const char *part)> &finished) {
  auto cpu = resolveCPU(options.cpu);
  if (!cpu)
    return cpu.takeError();
  auto checkpoint = Checkpoint::open(options.input);
  if (!checkpoint)
    return checkpoint.takeError();
  auto model = describeModel(*checkpoint, options.maxContext);
  if (!model)
    return model.takeError();
  auto recipe = Recipe::parse(options.quant);
  if (!recipe)
    return recipe.takeError();
  Type dtype = chooseType(context, options, *checkpoint, *model);
  if (finished)
    finished("read");
  Source source;
  source.module = buildModel(
      &context, *checkpoint, *model,
      {getTargetAttr(&context, *cpu), dtype, cacheType(context, options, dtype),
       options.page,
       [&](const std::string &tensor) { return recipe->formatFor(tensor); }});
  if (!source.module)
    return keeper.failure(options.input + ": stage import failed");
  // A stage is written to and entered from any folder.
  Builder b(&context);
  auto path = std::filesystem::absolute(options.input);
  (*source.module)
      ->setAttr(checkpointAttribute, b.getStringAttr(path.string()));
  (*source.module)->setAttr(kSourceAttribute, b.getStringAttr(options.input));
  source.checkpoint = std::move(*checkpoint);
  source.warnings = std::move(model->warnings);
  return source;
}

/// `--activations` and `--quant`, as attributes of the module.
static void setPrecision(ModuleOp module, const CompileOptions &options) {
  Builder b(module.getContext());
  StringRef name = options.activations;
  Type type = name == "int8"   ? Type(b.getIntegerType(8))
              : name == "bf16" ? Type(b.getBF16Type())
                               : Type(b.getF32Type());
  if (!name.empty())
    module->setAttr("mica.activations", TypeAttr::get(type));
  if (!options.quant.empty())
    module->setAttr("mica.quant", b.getStringAttr(options.quant));
}

/// Takes `tile.schedules` over from the file that `--schedules` names.
static Status addSchedules(ModuleOp module, const CompileOptions &options,
                           const DiagnosticKeeper &keeper) {
  ParserConfig config(module.getContext());
  if (Status status = checkNesting(options.schedules); !status)
    return status;
  auto file = parseSourceFile<ModuleOp>(options.schedules, config);
  if (!file)
    return keeper.failure(options.schedules);
  Attribute rows = (*file)->getAttr("tile.schedules");
  if (!isa_and_nonnull<ArrayAttr>(rows))
    return Error{options.schedules + ": module without 'tile.schedules', "
                                     "expected the attribute"};
  module->setAttr("tile.schedules", rows);
  return {};
}

/// Puts what `mica tune` found for this machine behind what `--schedules` says.
static Status addTuned(ModuleOp module, const CompileOptions &options) {
  if (options.tuned.empty() || options.cpu != "native")
    return {};
  auto target = getTarget(module);
  if (!target)
    return target.takeError();
  auto tuned = TunedRows::read(*module.getContext(), options.tuned);
  if (!tuned)
    return tuned.takeError();
  SmallVector<Attribute> rows;
  if (auto given = module->getAttrOfType<ArrayAttr>("tile.schedules"))
    llvm::append_range(rows, given);
  llvm::append_range(rows, tuned->rowsFor(thisMachine(*target)));
  if (!rows.empty())
    module->setAttr("tile.schedules",
                    ArrayAttr::get(module.getContext(), rows));
  return {};
}

Expected<Source>
mica::readSource(MLIRContext &context, const CompileOptions &options,
                 const DiagnosticKeeper &keeper,
                 const std::function<void(const char *part)> &finished) {
  bool isModule = StringRef(options.input).ends_with(".mlir");
  auto source = isModule ? readModule(context, options, keeper)
                         : readCheckpoint(context, options, keeper, finished);
  if (source)
    setPrecision(*source->module, options);
  if (source && !options.schedules.empty())
    if (Status status = addSchedules(*source->module, options, keeper); !status)
      return status.takeError();
  // A module entered at a later stage has its rows already.
  if (source && options.startFrom.empty())
    if (Status status = addTuned(*source->module, options); !status)
      return status.takeError();
  if (source && finished)
    finished(isModule ? "read" : "import");
  return source;
}

Status mica::openCheckpoint(Source &source, const std::string &file) {
  if (source.checkpoint)
    return {};
  auto attr = (*source.module)->getAttrOfType<StringAttr>(checkpointAttribute);
  if (!attr)
    return Error{file +
                 ": module without 'mica.checkpoint', expected the attribute"};
  auto path = std::filesystem::path(file).parent_path() / attr.getValue().str();
  auto opened = Checkpoint::open(path.string());
  if (!opened)
    return opened.takeError();
  source.checkpoint = std::move(*opened);
  return {};
}
