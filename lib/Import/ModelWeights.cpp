//===- ModelWeights.cpp - The weights of a model as mica IR ---------------===//

#include "lib/Import/ModelWeights.h"
#include "mlir/IR/Remarks.h"

#include <algorithm>

using namespace mlir;
using namespace mica;

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// The type that holds the scales of `format` exactly.
static Type scaleType(MLIRContext *context, const Format &format) {
  switch (format.scale.type) {
  case ScaleType::F16:
    return Float16Type::get(context);
  case ScaleType::BF16:
  case ScaleType::E8M0Half:
    return BFloat16Type::get(context);
  case ScaleType::F32:
  case ScaleType::None:
    return Float32Type::get(context);
  }
  llvm_unreachable("no such scale");
}

/// What codes stand for that are no integers; null if they are.
static Attribute floatsOf(MLIRContext *context, const Format &format) {
  if (format.encoding == Encoding::Float)
    return TypeAttr::get(Float8E4M3FNType::get(context));
  if (!format.floatValues.empty())
    return DenseF32ArrayAttr::get(context, format.floatValues);
  return nullptr;
}

FormatAttr mica::formatAttr(MLIRContext *context, const Format &format) {
  SmallVector<int64_t> values(format.values.begin(), format.values.end());
  bool twoLevels = format.subElements != 0;
  tile::BlocksAttr blocks;
  if (format.isBlocks())
    blocks = tile::BlocksAttr::get(
        context, format.elementBits, values.empty() ? format.integerZero() : 0,
        format.group(), scaleType(context, format),
        twoLevels ? format.blockElements : 0,
        format.min.type != ScaleType::None, format.zeros, values,
        floatsOf(context, format));
  return FormatAttr::get(context, StringRef(format.name).lower(),
                         format.blockElements, format.blockBytes, blocks);
}

/// The format of a weight: the one that is asked for, if its blocks fit, else
/// as the checkpoint stores it.
const Format &ModelWeights::formatOf(Role role, const WeightSource &source) {
  const TensorView &tensor = *firstPart(source);
  const Format *wanted = nullptr;
  // Blocks of what is transposed lie across the rows that they would make.
  const Format &own = source.transposed && tensor.format->isBlocks()
                          ? *findFormat("F32")
                          : *tensor.format;
  // What chooses experts is small, and a little off it chooses others; taps are
  // no product's.
  if (quantize && source.columns > 1 && role != Role::Router && !isTaps(role))
    wanted = quantize(source.tensor);
  if (!wanted || wanted == &own)
    return own;
  if (source.columns % wanted->blockElements == 0)
    return *wanted;
  if (unfit.insert(source.tensor).second)
    remark::missed(UnknownLoc::get(context),
                   remark::RemarkOpts::name("quantize").category("mica"))
        << remark::add("{0} not quantized to {1}: {2} columns are no "
                       "multiple of its blocks of {3}",
                       source.tensor, StringRef(wanted->name).lower(),
                       source.columns, int(wanted->blockElements));
  return own;
}

const TensorView *ModelWeights::firstPart(const WeightSource &source) const {
  return checkpoint.find(partName(source.tensor, 0));
}

WeightType ModelWeights::typeOf(Role role, const WeightSource &source) {
  SmallVector<int64_t> shape = {source.rows};
  // Vectors that hold something for each head are vectors, though some files
  // have a row for each.
  const std::vector<int64_t> &stored = firstPart(source)->shape;
  size_t last = stored.size() - 1;
  if (last > 0 && source.columns > 1 &&
      (source.columnStep || source.partStep ||
       source.columns == stored[last - source.transposed]))
    shape.push_back(source.columns);
  if (source.parts)
    shape.insert(shape.begin(), source.parts);
  const Format &format = formatOf(role, source);
  if (format.name == "F32")
    return WeightType::get(shape, Float32Type::get(context));
  if (format.name == "F16")
    return WeightType::get(shape, Float16Type::get(context));
  if (format.name == "BF16")
    return WeightType::get(shape, BFloat16Type::get(context));
  return WeightType::get(context, shape, formatAttr(context, format),
                         LayoutAttr());
}

//===----------------------------------------------------------------------===//
// Weights and orders
//===----------------------------------------------------------------------===//

std::map<Role, Role> ModelWeights::ordersOf(const WeightMap &weights) const {
  auto orderOf = [&](const WeightSource &source) {
    return source.columnOrder.empty()
               ? std::span<const std::byte>()
               : checkpoint.find(source.columnOrder)->data;
  };
  std::map<Role, Role> result;
  for (const auto &[role, source] : weights) {
    std::span<const std::byte> order = orderOf(source);
    if (order.empty())
      continue;
    auto first = llvm::find_if(weights, [&](const auto &other) {
      return std::ranges::equal(orderOf(other.second), order);
    });
    result[role] = first->first;
  }
  return result;
}

static std::string symbolOf(StringRef prefix, Role role) {
  std::string name = prefix.str() + std::string(roleName(role));
  std::ranges::replace(name, ' ', '_');
  return name;
}

std::vector<ModelWeight> ModelWeights::of(const WeightMap &weights,
                                          StringRef prefix) {
  std::vector<ModelWeight> result;
  for (const auto &[role, source] : weights) {
    int64_t permuted =
        source.order == RowOrder::PairsToHalves ? source.rows / headSize : 0;
    result.push_back(
        {role, /*isOrder=*/false, typeOf(role, source), symbolOf(prefix, role),
         SourceAttr::get(context, 0, source.tensor, source.firstRow,
                         source.rows, source.transposed, permuted, source.run,
                         source.stride, source.parts, source.firstColumn,
                         source.columnStep, source.partStep)});
  }
  for (auto [role, first] : ordersOf(weights)) {
    if (role != first)
      continue;
    const WeightSource &source = weights.at(role);
    result.push_back(
        {role, /*isOrder=*/true,
         WeightType::get({source.columns}, IntegerType::get(context, 32)),
         symbolOf(prefix, role) + "_order",
         SourceAttr::get(context, 0, source.columnOrder, /*first=*/0,
                         source.columns, /*transposed=*/false,
                         /*permuted=*/0, /*run=*/0, /*stride=*/0,
                         /*parts=*/0, /*first_column=*/0,
                         /*column_step=*/0, /*part_step=*/0)});
  }
  return result;
}
