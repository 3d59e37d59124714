//===- MicaRowOps.cpp - The formulas of row ops ---------------------------===//
//
// Each formula stands once and serves epilogues and passes over rows alike
// (`RowOpInterface`).
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include <numeric>

using namespace mlir;
using namespace mica;
using namespace mica::tile;

int64_t mica::widthOf(Operation *op) {
  int64_t width = 0;
  for (Value operand : op->getOperands())
    width = std::max(width, columnsOf(operand));
  return width;
}

int64_t mica::granuleOf(Operation *op, int64_t columns, bool inPasses) {
  int64_t granule = 1, width = widthOf(op);
  if (auto row = dyn_cast<RowOpInterface>(op)) {
    granule = std::max<int64_t>(row.getRowGranule(), 1);
    if (inPasses && granule == width && row.onlyReduces())
      return 1;
  } else if (auto split = dyn_cast<SplitOp>(op)) {
    granule = split.getInterleave() * split.getNumResults();
  } else if (auto write = dyn_cast<KVWriteOp>(op)) {
    KVType kv = write.getKv().getType();
    granule = write.getValue() ? kv.getValue() : kv.getKey();
    // Columns of one head: what shares a scale, else any pairs.
    if (write.getFirst() && !(kv.scales(true) && write.getValue()))
      granule = std::gcd(width, int64_t(KVType::keyGroup));
  } else if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    if (tile::GroupsAttr groups = groupsOf(quantize.getResult()))
      granule = groups.getSize();
  }
  return granule == 1 ? 1 : granule * columns / width;
}

/// x / rms(x) * (w + offset), over groups of `d` columns; without w if there is
/// none.
template <typename OpTy>
static Row rmsNorm(OpTy op, RowBuilder &b, Row x, int64_t d) {
  Row w;
  if (op.getWeight()) {
    w = b.loadVector(op.getWeight(), op.getWeight().getType().rows(), x.size());
    if (double offset = op.getOffset().convertToDouble())
      w = w + offset;
  }
  Scalar scale = rsqrt(sum(x * x) * (1.0 / static_cast<double>(d)) +
                       op.getEps().convertToDouble());
  return op.getWeight() ? x * scale * w : x * scale;
}

int64_t RMSNormOp::getRowGranule() {
  if (getGroup())
    return *getGroup();
  return getWeight() ? getWeight().getType().rows() : columnsOf(getInput());
}

SmallVector<Row> RMSNormOp::emitRow(RowBuilder &b, ArrayRef<Row> inputs) {
  return {rmsNorm(*this, b, inputs[0], getRowGranule())};
}

int64_t AddRMSNormOp::getRowGranule() { return getWeight().getType().rows(); }

SmallVector<Row> AddRMSNormOp::emitRow(RowBuilder &b, ArrayRef<Row> inputs) {
  Row sum = inputs[0] + inputs[1];
  return {sum, rmsNorm(*this, b, sum, getRowGranule())};
}

int64_t LayerNormOp::getRowGranule() {
  return getGroup().value_or(getWeight().getType().rows());
}

SmallVector<Row> LayerNormOp::emitRow(RowBuilder &b, ArrayRef<Row> inputs) {
  Row x = inputs[0];
  int64_t period = getWeight().getType().rows();
  double share = 1.0 / static_cast<double>(getRowGranule());
  Row centred = x - sum(x) * share;
  Scalar scale =
      rsqrt(sum(centred * centred) * share + getEps().convertToDouble());
  Row y = centred * scale * b.loadVector(getWeight(), period, x.size());
  return {getBias() ? y + b.loadVector(getBias(), period, x.size()) : y};
}

int64_t PositionScaleOp::getRowGranule() { return 0; }

SmallVector<Row> PositionScaleOp::emitRow(RowBuilder &b, ArrayRef<Row> inputs) {
  int64_t interval = getInterval();
  Scalar steps = b.loadPosition(/*first=*/1, interval) + 1.0;
  Scalar factor = log(steps) * getScale().convertToDouble() + 1.0;
  return {inputs[0] * factor};
}

int64_t RopeOp::getRowGranule() { return getHead(); }

bool RopeOp::onlyReduces() { return false; }

SmallVector<Row> RopeOp::emitRow(RowBuilder &b, ArrayRef<Row> inputs) {
  int64_t pairs = cast<RankedTensorType>(getAngles().getType()).getDimSize(1);
  int64_t begin = getFirst(), end = begin + 2 * pairs, size = inputs[0].size();
  Row x = inputs[0].slice(begin, 2 * pairs);
  Row cos = b.loadAngles(getAngles(), 0, pairs);
  Row sin = b.loadAngles(getAngles(), 1, pairs);
  Row first = getInterleaved() ? x.strided(0, 2) : x.slice(0, pairs);
  Row second = getInterleaved() ? x.strided(1, 2) : x.slice(pairs, pairs);
  Row a = first * cos - second * sin, c = second * cos + first * sin;
  SmallVector<Row> parts;
  if (begin > 0)
    parts.push_back(inputs[0].slice(0, begin));
  if (getInterleaved())
    parts.push_back(interleave(a, c));
  else
    parts.append({a, c});
  if (end < size)
    parts.push_back(inputs[0].slice(end, size - end));
  return {parts.size() == 1 ? parts[0] : join(parts)};
}
