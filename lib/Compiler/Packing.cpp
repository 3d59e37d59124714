//===- Packing.cpp - From packed weights in IR to jobs --------------------===//

#include "lib/Compiler/Packing.h"
#include "lib/Target/CPU/Emit.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Group/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mica;

static bool isPacking(Operation &op) {
  return isa<WeightOp>(op) || op.hasAttr("mica.pack_function");
}

OwningOpRef<ModuleOp> mica::takePacking(ModuleOp module) {
  OwningOpRef<ModuleOp> packing = ModuleOp::create(module.getLoc());
  for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
    if (isPacking(op))
      op.moveBefore(packing->getBody(), packing->getBody()->end());
  return packing;
}

void mica::returnPacking(ModuleOp packing, ModuleOp module) {
  auto &operations = module.getBody()->getOperations();
  operations.splice(operations.begin(), packing.getBody()->getOperations());
}

/// Whether `weight` of `symbols` is made as `other` of `others`.
static bool isPackedAlike(WeightOp weight, const SymbolTable &symbols,
                          WeightOp other, const SymbolTable &others) {
  if (weight.getType() != other.getType() ||
      weight.getInputsAttr() != other.getInputsAttr() || !weight.getPack() ||
      !other.getPack())
    return false;
  auto by = symbols.lookup<func::FuncOp>(*weight.getPack());
  auto byOther = others.lookup<func::FuncOp>(*other.getPack());
  return by && byOther && by.getFunctionType() == byOther.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &by.getBody(), &byOther.getBody(),
             OperationEquivalence::IgnoreLocations);
}

Status mica::checkSamePacking(ModuleOp module, ModuleOp packing,
                              ModuleOp first) {
  SymbolTable symbols(packing), others(first);
  auto table = module->getAttrOfType<ArrayAttr>("tile.weights");
  for (Attribute entry : table ? table.getValue() : ArrayRef<Attribute>()) {
    auto name = dyn_cast<FlatSymbolRefAttr>(entry);
    if (!name)
      continue;
    auto weight = symbols.lookup<WeightOp>(name.getValue());
    auto other = others.lookup<WeightOp>(name.getValue());
    if (weight && other && isPackedAlike(weight, symbols, other, others))
      continue;
    std::string found;
    llvm::raw_string_ostream os(found);
    os << "weight '" << name.getValue() << "' is ";
    if (weight)
      os << weight.getType();
    os << " for one cpu";
    if (other)
      os << " and " << other.getType() << " for another";
    os << ", expected one layout for all";
    return Error{found};
  }
  return {};
}

/// The pack functions of `packing` in the LLVM dialect.
static FailureOr<OwningOpRef<ModuleOp>> lowerPackFunctions(ModuleOp packing) {
  OwningOpRef<ModuleOp> packs = ModuleOp::create(packing.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(packs->getBody());
  for (Operation &op : *packing.getBody())
    if (!isa<WeightOp>(op))
      b.clone(op);
  PassManager pm(packing.getContext());
  pm.addPass(createLowerPackingPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  if (failed(pm.run(*packs)))
    return failure();
  return packs;
}

Expected<PackCode> PackCode::compile(ModuleOp packing) {
  auto packs = lowerPackFunctions(packing);
  if (failed(packs))
    return Error{"pack functions do not lower to LLVM"};
  // Not the model's target, which another machine may be, and the level that
  // every machine like this one has, so that bits are equal on all.
  auto target = resolveCPU(hostBaseline());
  if (!target)
    return target.takeError();
  auto image = emitImage(**packs, *target);
  if (!image)
    return image.takeError();
  auto mapped = HostImage::map(*image);
  if (!mapped)
    return mapped.takeError();
  return PackCode(std::move(*mapped));
}

/// Part `part` of `source`.
static Expected<RowSource> rowSource(SourceAttr source, int64_t part,
                                     const Checkpoint &checkpoint) {
  std::string name = partName(source.getTensor().str(), part);
  const TensorView *tensor = checkpoint.find(name);
  if (!tensor)
    return Error{checkpoint.path() + ": no tensor " + quote(name) +
                 ", expected it"};
  bool together = name == source.getTensor();
  return RowSource{tensor,
                   source.getFirst(),
                   source.getRows(),
                   source.getTransposed(),
                   source.getPermuted(),
                   source.getRun(),
                   source.getStride(),
                   together ? part : 0,
                   source.getFirstColumn(),
                   source.getColumnStep(),
                   source.getPartStep()};
}

Expected<WeightReader> mica::makeReader(WeightOp weight,
                                        const Checkpoint &checkpoint) {
  auto type = cast<WeightType>(weight.getType());
  std::vector<RowSource> sources;
  for (int64_t part = 0; part < type.parts(); ++part)
    for (auto source : weight.getSources()->getAsRange<SourceAttr>()) {
      auto found = rowSource(source, part, checkpoint);
      if (!found)
        return Error{found.error().message + " for weight " +
                     weight.getSymName().str()};
      sources.push_back(*found);
    }
  if (type.isVector())
    return WeightReader::create(std::move(sources), 0);
  const Format *format = nullptr;
  if (type.getFormat()) {
    StringRef wanted = type.getFormat().getName();
    // A matrix may have a format of its own, which has no blocks.
    for (const RowSource &source : sources)
      if (source.tensor->format &&
          wanted.equals_insensitive(source.tensor->format->name))
        format = source.tensor->format;
    if (!format)
      format = findFormat(wanted.str());
    if (!format)
      return Error{"weight " + weight.getSymName().str() + ": no format " +
                   quote(wanted.str())};
  }
  return WeightReader::create(std::move(sources), type.columns(), format);
}

/// Notes what becomes of a weight's format, if anything.
static void noteConversion(WeightType from, Type to, Conversions &conversions) {
  if (!to)
    return;
  std::string type;
  llvm::raw_string_ostream(type) << to;
  if (auto format = dyn_cast<FormatAttr>(from.getElement()))
    ++conversions[format.getName().lower() + " weights unpacked to " + type];
  else if (from.getElementType() != to) {
    std::string was;
    llvm::raw_string_ostream(was) << from.getElementType();
    ++conversions[was + " weights converted to " + type];
  }
}

/// The sizes of `job`, which makes a weight of `type`.
static void setSizes(PackJob &job, WeightType type) {
  LayoutAttr layout = type.getLayout();
  int64_t n = type.rows(), bytes = type.sizeInBytes();
  job.parts = type.parts();
  constexpr int64_t f32 = sizeof(float);
  if (type.isVector()) {
    job.panels = 1;
    job.scratch = n * f32;
  } else if (layout) {
    job.panels = layout.paddedRows(n) / layout.getPanel();
    int64_t columns = layout.paddedColumns(type.columns());
    job.scratch = layout.getPanel() * columns * f32;
    if (FormatAttr format = type.getFormat()) {
      auto offsets = format.getBlocks().recordOffsets(columns);
      job.scratch = layout.getPanel() * offsets[5];
      std::copy_n(offsets.begin(), 5, job.record.emplace().begin());
    }
  } else {
    job.panels = n;
    job.scratch = type.columns() * f32;
  }
  job.panelBytes = bytes / (job.parts * job.panels);
}

Expected<PackJob> mica::makePackJob(WeightOp weight, const SymbolTable &symbols,
                                    const PackCode &code,
                                    const Checkpoint &checkpoint,
                                    Conversions &conversions) {
  std::string name = weight.getSymName().str();
  auto type = cast<WeightType>(weight.getType());
  PackJob job;
  if (!weight.getPack() || !weight.getInputs())
    return Error{"weight " + name + " is not packed, expected a pack function"};
  job.function = code.find(*weight.getPack());
  if (!job.function)
    return Error{"weight " + name + ": no pack function " +
                 weight.getPack()->str()};
  for (auto input : weight.getInputs()->getAsRange<FlatSymbolRefAttr>()) {
    auto source = symbols.lookup<WeightOp>(input.getValue());
    if (!source || !source.getSources())
      return Error{"weight " + name + ": " + input.getValue().str() +
                   " is no weight of the checkpoint"};
    auto reader = makeReader(source, checkpoint);
    if (!reader)
      return reader.takeError();
    job.inputs.push_back(std::move(*reader));
    if (!type.isVector())
      noteConversion(cast<WeightType>(source.getType()), type.getElementType(),
                     conversions);
  }
  setSizes(job, type);
  return job;
}
