//===- TokenizerPipeline.h - Stages of a tokenizer.json ---------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_TOKENIZERPIPELINE_H
#define LIB_IMPORT_TOKENIZERPIPELINE_H

#include "lib/Import/TokenizerSource.h"

#include <nlohmann/json_fwd.hpp>

namespace mica {

/// Fill the fields of `source` that a stage of tokenizer.json decides; `stage`
/// may be null. Errors name the file of `source`.
Status readNormalizer(const nlohmann::json &stage, TokenizerSource &source);
Status readPreTokenizer(const nlohmann::json &stage, TokenizerSource &source);
Status readDecoder(const nlohmann::json &stage, TokenizerSource &source);
Status readPostProcessor(const nlohmann::json &stage, TokenizerSource &source);

} // namespace mica

#endif // LIB_IMPORT_TOKENIZERPIPELINE_H
