//===- Quantized.h - Matrices of quantized directories ----------*- C++ -*-===//
//
// config.json's "quantization_config" names the method by which linear layers
// were quantized; each has its own tensors for codes, scales and zero points.
// What a method's tensors mean is said in a `StoredMatrix`; everything after
// that knows no methods.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_QUANTIZED_QUANTIZED_H
#define LIB_IMPORT_QUANTIZED_QUANTIZED_H

#include "lib/Import/Checkpoint.h"

namespace mica {

/// Tensors by name.
using TensorViews = std::map<std::string, TensorView, std::less<>>;

/// Adds to `views`, the tensors of `files`, a matrix "<module>.weight" for each
/// linear layer that is quantized as `config` says, and marks what it consists
/// of. Layers with plain weights stay as they are. The paths are for messages.
Status addQuantized(const std::string &directory, const std::string &configPath,
                    const nlohmann::json &config,
                    std::span<const Safetensors> files, TensorViews &views);

} // namespace mica

#endif // LIB_IMPORT_QUANTIZED_QUANTIZED_H
