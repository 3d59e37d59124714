//===- Shape.h - A model that is one product --------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_TUNE_SHAPE_H
#define TOOLS_MICA_TUNE_SHAPE_H

#include "mica/Status.h"

#include <cstdint>
#include <optional>
#include <string>

namespace mica {

/// "2048x8192:q4_0": so many columns (rows of the weight) of so many terms, in
/// a format that `compile --quant` takes, or f32, bf16, f16.
struct Shape {
  int64_t columns, terms;
  std::string format;

  /// Whether this is a type rather than a block format.
  bool isFloat() const {
    return format == "f32" || format == "bf16" || format == "f16";
  }
};

/// Nothing if `text` is written otherwise.
std::optional<Shape> parseShape(const std::string &text);

/// The type that a model of such weights computes in (`--dtype`).
std::string dtypeOf(const Shape &shape);

/// Writes a checkpoint of random weights and a module to `folder`, and returns
/// the path of the module: layers that each add such a product to their input,
/// all with the same weight.
Expected<std::string> writeShapeModel(const Shape &shape,
                                      const std::string &folder);

} // namespace mica

#endif // TOOLS_MICA_TUNE_SHAPE_H
