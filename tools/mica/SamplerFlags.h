//===- SamplerFlags.h - Options that say how tokens are drawn ---*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_SAMPLERFLAGS_H
#define TOOLS_MICA_SAMPLERFLAGS_H

#include "mica/Sampler.h"
#include "mica/Status.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include "CLI/CLI.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mica {

/// What the options said. Texts become tokens in `samplerOptions`.
struct SamplerFlags {
  SamplerOptions options;
  std::vector<std::string> bias; ///< "ID+N" or "TEXT-N".
  std::vector<std::string> breakers = {"\\n", ":", "\"", "*"};
  std::string stages; ///< "top_k;temperature"; empty: the usual ones.
  std::string logProbsFile;
};

/// Adds the options of sampling, with llama.cpp's names.
void addSamplerFlags(CLI::App &app, SamplerFlags &flags);

/// How tokens are to be drawn; an error if that is impossible. `vocab`: token
/// ids are below it.
Expected<SamplerOptions> samplerOptions(const SamplerFlags &flags,
                                        const Tokenizer &tokenizer,
                                        uint32_t vocab);

} // namespace mica

#endif // TOOLS_MICA_SAMPLERFLAGS_H
