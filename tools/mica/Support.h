//===- Support.h - What the subcommands share -------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_SUPPORT_H
#define TOOLS_MICA_SUPPORT_H

#include "mica/Model.h"
#include "mica/Status.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace mica {

/// Prints "mica: <message>" and returns the exit status of a failure.
int report(const Error &error);

/// The bytes of a file; "-" is standard input.
Expected<std::string> readFile(const std::string &path);

/// The folder of this program, with a slash at its end.
std::string ownFolder();

/// Fails if the model of file `path` gives embeddings.
Status expectLogits(const Model &model, const std::string &path);

/// The tokenizer of a model.
Expected<Tokenizer> loadTokenizer(const Model &model, const std::string &path);

/// A line on a terminal that shows how far long work is. Nothing is shown in
/// the first second, nor where standard error is no terminal.
class Progress {
public:
  Progress(std::string what, uint64_t total);
  ~Progress();
  void update(uint64_t done);

private:
  std::string what;
  uint64_t total, begin, shown = 0;
  bool terminal;
};

/// A number with a unit for people: "1.50 GB".
std::string formatBytes(double bytes);

} // namespace mica

#endif // TOOLS_MICA_SUPPORT_H
