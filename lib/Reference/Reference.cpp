//===- Reference.cpp - Run a model by its ops' definitions ----------------===//

#include "lib/Reference/Reference.h"
#include "lib/Reference/Entry.h"
#include "lib/Reference/Jit.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Reference/Passes.h"
#include "passes/Reference/Patterns.h"

#include <bit>
#include <cstring>
#include <deque>

using namespace mlir;
using namespace mica;

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

namespace {

/// A row-major buffer of generated code.
struct Buffer {
  Buffer() = default;
  Buffer(ArrayRef<int64_t> shape, int64_t elementBytes)
      : shape(shape), bytes(llvm::product_of(shape) * elementBytes) {}

  SmallVector<int64_t> shape;
  std::vector<std::byte> bytes;

  /// Writes the descriptor of this buffer: base, aligned base, offset, sizes,
  /// strides, in words of 64 bits.
  void describe(void *to) const {
    auto *words = static_cast<int64_t *>(to);
    words[0] = words[1] = reinterpret_cast<int64_t>(bytes.data());
    words[2] = 0;
    int64_t stride = 1, rank = shape.size();
    for (int64_t d = rank - 1; d >= 0; --d) {
      words[3 + d] = shape[d];
      words[3 + rank + d] = stride;
      stride *= shape[d];
    }
  }
};

/// A `memref<?x?xf32>` that generated code passes.
struct Matrix {
  float *base, *aligned;
  int64_t offset, sizes[2], strides[2];
};

/// What is known of a result before it is computed.
struct ResultInfo {
  std::string function, op, name;
};

} // namespace

/// `x` rounded to bf16, to nearest even.
static uint16_t roundToBF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// The contents `values` of a weight in the type in which it is stored.
static Buffer storeWeight(WeightType type, ArrayRef<float> values) {
  Type element = type.getElementType();
  bool isIndex = element && element.isInteger();
  bool narrow = element && !element.isF32() && !isIndex;
  Buffer buffer(type.getShape(), narrow ? 2 : 4);
  if (!narrow && !isIndex) {
    std::memcpy(buffer.bytes.data(), values.data(), buffer.bytes.size());
    return buffer;
  }
  for (auto [i, value] : llvm::enumerate(values)) {
    if (isIndex) {
      int32_t index = static_cast<int32_t>(value);
      std::memcpy(buffer.bytes.data() + 4 * i, &index, 4);
      continue;
    }
    uint16_t bits = element.isBF16()
                        ? roundToBF16(value)
                        : std::bit_cast<uint16_t>(static_cast<_Float16>(value));
    std::memcpy(buffer.bytes.data() + 2 * i, &bits, 2);
  }
  return buffer;
}

//===----------------------------------------------------------------------===//
// The state of a reference
//===----------------------------------------------------------------------===//

struct Reference::State {
  /// Part of what the entry takes: a batch, or a cache or state of so many
  /// layers.
  struct Argument {
    Type type;
    int64_t layers;
  };

  std::optional<Jit> jit;
  ReferenceLimits limits;
  std::vector<Argument> arguments;
  std::vector<ResultInfo> results; ///< by number
  /// The layers that a function computes, in order.
  llvm::StringMap<std::vector<int64_t>> layersOf;
  std::deque<Buffer> weights, caches; ///< never moved: code points to them
  std::vector<decltype(Buffer::bytes)> otherCaches; ///< contents; none at first
  std::vector<void *> batch; ///< where the descriptors of the batch belong
  void (*runEntry)() = nullptr;
  const Matrix *logits = nullptr;

  // Of the step that runs.
  const std::function<void(const OpRows &)> *onRows = nullptr;
  std::vector<int64_t> calls; ///< of each result

  /// The state whose step runs on this thread: generated code passes none.
  static thread_local State *running;
  static void capture(int64_t number, const Matrix *rows);

  Status readEntry(func::FuncOp entry);
  Status lower(ModuleOp module, StringRef entry);
  Status loadWeights(ModuleOp module, const WeightLoader &load);
  Status makeArguments();
  Status check(const ReferenceStep &step) const;
};

thread_local Reference::State *Reference::State::running = nullptr;

void Reference::State::capture(int64_t number, const Matrix *rows) {
  int64_t call = running->calls[number]++;
  if (!*running->onRows)
    return;
  const ResultInfo &info = running->results[number];
  auto layers = running->layersOf.find(info.function);
  int64_t layer = layers == running->layersOf.end() ? -1 : layers->second[call];
  (*running->onRows)({info.function, info.op, info.name, number, layer,
                      rows->sizes[0], rows->sizes[1],
                      rows->aligned + rows->offset});
}

Status Reference::State::readEntry(func::FuncOp entry) {
  llvm::DenseMap<Value, int64_t> layers; // of the cache that is an argument
  int64_t index = 0;
  for (auto stack : entry.getOps<StackOp>())
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
      layersOf[layer.getFunction().getValue()].push_back(index++);
      for (int64_t kv : layer.getKv())
        ++layers[stack.getKv()[kv]];
    }
  for (BlockArgument argument : entry.getArguments()) {
    if (!isa<BatchType, KVType, StateType>(argument.getType()))
      return Error{"reference: function " + entry.getSymName().str() +
                   " takes other arguments than a batch, caches and states"};
    int64_t count = layers.lookup(argument);
    arguments.push_back({argument.getType(), std::max<int64_t>(count, 1)});
  }
  if (entry.getNumResults() == 0 ||
      !isa<RankedTensorType>(entry.getResultTypes()[0]))
    return Error{"reference: function " + entry.getSymName().str() +
                 " returns no logits"};
  return {};
}

Status Reference::State::lower(ModuleOp module, StringRef entry) {
  reference::inlineGroups(module);
  for (OpResult result : reference::captureResults(module)) {
    Operation *op = result.getOwner();
    results.push_back({op->getParentOfType<func::FuncOp>().getSymName().str(),
                       op->getName().getStringRef().str(), nameOf(result)});
  }
  PassManager toLoops(module.getContext());
  toLoops.addPass(createReferencePass());
  if (failed(toLoops.run(module)))
    return Error{"reference: the module does not lower to loops"};
  addEntry(module, module.lookupSymbol<func::FuncOp>(entry));
  PassManager toLLVM(module.getContext());
  buildReferenceToLLVMPipeline(toLLVM);
  if (failed(toLLVM.run(module)))
    return Error{"reference: the loops do not lower to LLVM"};
  auto compiled = Jit::compile(module, reinterpret_cast<void *>(&capture));
  if (!compiled)
    return compiled.takeError();
  jit.emplace(std::move(*compiled));
  return {};
}

Status Reference::State::loadWeights(ModuleOp module,
                                     const WeightLoader &load) {
  for (auto weight : module.getOps<WeightOp>()) {
    if (weight.getPack() || weight->hasAttr("mica.value"))
      continue;
    auto type = cast<WeightType>(weight.getType());
    std::vector<float> values(llvm::product_of(type.getShape()));
    if (Status status = load(weight, values); !status)
      return status;
    weights.push_back(storeWeight(type, values));
    void *descriptor = jit->find(weight.getSymName());
    if (!descriptor)
      return Error{"reference: no symbol " + weight.getSymName().str()};
    weights.back().describe(descriptor);
  }
  return {};
}

Status Reference::State::makeArguments() {
  int64_t number = 0;
  auto next = [&] {
    return jit->find("mica_argument_" + std::to_string(number++));
  };
  for (const Argument &argument : arguments) {
    if (isa<BatchType>(argument.type)) {
      for (int i = 0; i < 5; ++i)
        batch.push_back(next());
      continue;
    }
    if (auto state = dyn_cast<StateType>(argument.type)) {
      SmallVector<int64_t> shape = {argument.layers, limits.sequences};
      llvm::append_range(shape, state.getShape());
      caches.emplace_back(shape, sizeof(double)).describe(next());
      *static_cast<int64_t *>(next()) = 0; // The first layer of the group.
      continue;
    }
    auto kv = cast<KVType>(argument.type);
    // Integers with scales are what they stand for, in f32.
    int64_t bytes = kv.getElement().isInteger()
                        ? sizeof(float)
                        : kv.getElement().getIntOrFloatBitWidth() / 8;
    for (int64_t width : {kv.getKey(), kv.getValue()}) {
      caches.emplace_back(ArrayRef<int64_t>{argument.layers, limits.sequences,
                                            limits.context, kv.getHeads(),
                                            width},
                          bytes);
      caches.back().describe(next());
    }
    *static_cast<int64_t *>(next()) = 0; // The first layer of the group.
  }
  runEntry = reinterpret_cast<void (*)()>(jit->find("mica_run"));
  logits = static_cast<const Matrix *>(jit->find("mica_result"));
  if (!runEntry || !logits)
    return Error{"reference: the module has no entry"};
  return {};
}

Status Reference::State::check(const ReferenceStep &step) const {
  auto fail = [](const std::string &what) {
    return Status(Error{"step: " + what});
  };
  int64_t rows = step.token.size(), sequences = step.length.size();
  if (step.position.size() != step.token.size())
    return fail(std::to_string(step.position.size()) + " positions, expected " +
                std::to_string(rows));
  if (sequences > limits.sequences ||
      static_cast<int64_t>(step.rowStart.size()) != sequences + 1)
    return fail(std::to_string(sequences) + " sequences and " +
                std::to_string(step.rowStart.size()) +
                " starts, expected at most " +
                std::to_string(limits.sequences) + " and one start more");
  if (step.rowStart.front() != 0 || step.rowStart.back() != rows)
    return fail("rows of sequences end at " +
                std::to_string(step.rowStart.back()) + ", expected " +
                std::to_string(rows));
  for (int64_t s = 0; s < sequences; ++s) {
    int64_t added = int64_t(step.rowStart[s + 1]) - step.rowStart[s];
    if (added < 0 || step.length[s] < added || step.length[s] > limits.context)
      return fail("sequence " + std::to_string(s) + " of length " +
                  std::to_string(step.length[s]) + " with " +
                  std::to_string(added) + " new rows, expected at most " +
                  std::to_string(limits.context));
  }
  for (int32_t row : step.outRow)
    if (row < 0 || row >= rows)
      return fail("output row " + std::to_string(row) + ", expected one of " +
                  std::to_string(rows));
  return {};
}

//===----------------------------------------------------------------------===//
// Reference
//===----------------------------------------------------------------------===//

Reference::Reference(std::unique_ptr<State> state) : state(std::move(state)) {}
Reference::~Reference() = default;
Reference::Reference(Reference &&) = default;
Reference &Reference::operator=(Reference &&) = default;

Expected<Reference> Reference::create(ModuleOp module, const WeightLoader &load,
                                      const ReferenceLimits &limits,
                                      StringRef entry) {
  auto function = module.lookupSymbol<func::FuncOp>(entry);
  if (!function || function.isExternal())
    return Error{"reference: no function " + entry.str() + " in the module"};
  auto state = std::make_unique<State>();
  state->limits = limits;
  if (Status status = state->readEntry(function); !status)
    return status.takeError();
  // What is built around the ops; a parsed module loads what it uses only.
  module.getContext()
      ->loadDialect<arith::ArithDialect, func::FuncDialect,
                    memref::MemRefDialect, tensor::TensorDialect>();
  OwningOpRef<ModuleOp> copy = module.clone();
  if (Status status = state->lower(*copy, entry); !status)
    return status.takeError();
  if (Status status = state->loadWeights(module, load); !status)
    return status.takeError();
  if (Status status = state->makeArguments(); !status)
    return status.takeError();
  return Reference(std::move(state));
}

void Reference::exchangeCaches() {
  auto &others = state->otherCaches;
  for (auto [i, cache] : llvm::enumerate(state->caches)) {
    if (i == others.size())
      others.emplace_back(cache.bytes.size());
    std::swap_ranges(cache.bytes.begin(), cache.bytes.end(), others[i].begin());
  }
}

Expected<std::vector<float>>
Reference::run(const ReferenceStep &step,
               const std::function<void(const OpRows &)> &onRows) {
  if (Status status = state->check(step); !status)
    return status.takeError();
  std::vector<Buffer> lists;
  for (const std::vector<int32_t> *list :
       {&step.token, &step.position, &step.rowStart, &step.outRow,
        &step.length}) {
    Buffer &buffer =
        lists.emplace_back(static_cast<int64_t>(list->size()), sizeof(int32_t));
    std::memcpy(buffer.bytes.data(), list->data(), buffer.bytes.size());
  }
  for (auto [i, descriptor] : llvm::enumerate(state->batch))
    lists[i % 5].describe(descriptor);

  state->calls.assign(state->results.size(), 0);
  state->onRows = &onRows;
  State::running = state.get();
  state->runEntry();
  State::running = nullptr;

  const Matrix &matrix = *state->logits;
  std::vector<float> logits(matrix.aligned,
                            matrix.aligned + matrix.sizes[0] * matrix.sizes[1]);
  std::free(matrix.base);
  return logits;
}
