//===- ModelWeights.h - The weights of a model as mica IR -------*- C++ -*-===//
//
// Which `mica.weight` ops a set of roles becomes: their names, types and
// sources. A matrix whose columns are in an order of their own brings that
// order along, as a weight of indices.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_MODELWEIGHTS_H
#define LIB_IMPORT_MODELWEIGHTS_H

#include "dialects/Mica/Mica.h"
#include "lib/Import/Model.h"
#include "mlir/IR/Builders.h"

#include <functional>
#include <set>

namespace mica {

/// The attribute of a block format of the table.
FormatAttr formatAttr(mlir::MLIRContext *context, const Format &format);

/// The format that a tensor's matrix is quantized to, null to keep its own.
using ChooseFormat = std::function<const Format *(const std::string &tensor)>;

/// A weight, or the order of a matrix's columns.
struct ModelWeight {
  Role role;
  bool isOrder;
  WeightType type; ///< as it is computed with
  std::string symbol;
  SourceAttr source;
};

class ModelWeights {
public:
  /// `headSize` counts for weights whose rows are permuted within each head.
  ModelWeights(mlir::MLIRContext *context, const Checkpoint &checkpoint,
               int64_t headSize, ChooseFormat quantize)
      : context(context), checkpoint(checkpoint), headSize(headSize),
        quantize(std::move(quantize)) {}

  /// All of `weights`, in the order in which functions take them; symbols begin
  /// with `prefix`. A matrix that cannot be quantized as asked is remarked
  /// once.
  std::vector<ModelWeight> of(const WeightMap &weights,
                              llvm::StringRef prefix = "");

  /// For each of `weights` whose columns are in an order of their own the role
  /// of the first one in the same order: they share it.
  std::map<Role, Role> ordersOf(const WeightMap &weights) const;

private:
  const TensorView *firstPart(const WeightSource &source) const;
  const Format &formatOf(const WeightSource &source);
  WeightType typeOf(const WeightSource &source);

  mlir::MLIRContext *context;
  const Checkpoint &checkpoint;
  int64_t headSize;
  ChooseFormat quantize;
  std::set<std::string> unfit; // Tensors that could not be quantized.
};

} // namespace mica

#endif // LIB_IMPORT_MODELWEIGHTS_H
