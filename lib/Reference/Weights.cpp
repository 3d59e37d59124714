//===- Weights.cpp - The contents of weights, decoded ---------------------===//

#include "lib/Compiler/Packing.h"
#include "lib/Reference/Reference.h"

using namespace mica;

WeightLoader mica::loadFrom(const Checkpoint &checkpoint) {
  return [&](WeightOp weight, std::span<float> to) -> Status {
    if (!weight.getSources())
      return Error{"weight " + weight.getSymName().str() +
                   ": no sources, expected tensors of " + checkpoint.path()};
    auto reader = makeReader(weight, checkpoint);
    if (!reader)
      return reader.takeError();
    auto type = mlir::cast<WeightType>(weight.getType());
    if (type.isVector()) {
      reader->read(0, to.data());
      return {};
    }
    for (int64_t row = 0; row < type.parts() * type.rows(); ++row)
      reader->read(row, to.data() + row * type.columns());
    return {};
  };
}
