//===- Recipe.h - Which weights are quantized to what -----------*- C++ -*-===//

#ifndef LIB_COMPILER_RECIPE_H
#define LIB_COMPILER_RECIPE_H

#include "lib/Format/Format.h"
#include "lib/Import/Checkpoint.h"
#include "llvm/Support/GlobPattern.h"

namespace mica {

/// What `--quant` says: "q4_k" for all matrices, or, separated by commas, also
/// "PATTERN=FORMAT" for tensors whose name in the checkpoint matches, of which
/// the last counts: "q4_k,*down*=q6_k,output.weight=q8_0". "keep" leaves tensors
/// as they are.
class Recipe {
public:
  static Expected<Recipe> parse(llvm::StringRef text);

  /// The format for `tensor`; null to keep its own.
  const Format *formatFor(const std::string &tensor) const;

private:
  struct Rule {
    llvm::GlobPattern pattern;
    const Format *format;
  };
  std::vector<Rule> rules;
};

} // namespace mica

#endif // LIB_COMPILER_RECIPE_H
