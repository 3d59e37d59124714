//===- Recipe.cpp - Which weights are quantized to what -------------------===//

#include "lib/Compiler/Recipe.h"
#include "lib/Format/Quantize.h"
#include "lib/Import/MappedFile.h"
#include "llvm/ADT/StringExtras.h"

using namespace mica;

/// The formats that `quantizeRow` writes, in words.
static std::string knownFormats() {
  std::string names;
  for (const Format &format : formatTable())
    if (format.isBlocks() && canQuantize(format))
      names += llvm::StringRef(format.name).lower() + ", ";
  return names + "or a group format such as w4g128";
}

Expected<Recipe> Recipe::parse(llvm::StringRef text) {
  Recipe recipe;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    auto [pattern, name] = part.rsplit('=');
    if (name.empty())
      pattern = "*", name = part;
    const Format *format = name == "keep" ? nullptr : findFormat(name.str());
    bool known = format && format->isBlocks() && canQuantize(*format);
    if (name != "keep" && !known)
      return Error{"quant " + quote(name.str()) + ", expected " +
                   knownFormats()};
    auto glob = llvm::GlobPattern::create(pattern);
    if (!glob) {
      llvm::consumeError(glob.takeError());
      return Error{"quant pattern " + quote(pattern.str()) +
                   ", expected a glob such as *ffn_down*"};
    }
    recipe.rules.push_back({std::move(*glob), format});
  }
  return recipe;
}

const Format *Recipe::formatFor(const std::string &tensor) const {
  const Format *format = nullptr;
  for (const Rule &rule : rules)
    if (rule.pattern.match(tensor))
      format = rule.format;
  return format;
}
