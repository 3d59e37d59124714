//===- LogProbs.h - Log probabilities as lines of JSON ----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_LOGPROBS_H
#define TOOLS_MICA_LOGPROBS_H

#include "lib/Artifact/OutputFile.h"
#include "mica/Sampler.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include <optional>

namespace mica {

/// Writes a line for each token, with the names that OpenAI's API has:
///
///   {"id":5,"token":" a","logprob":-0.7,"bytes":[32,97],"top_logprobs":[...]}
///
/// Bytes that are no whole character are U+FFFD in "token". What has no
/// probability at all has the least finite number in place of -infinity.
class LogProbWriter {
public:
  /// To standard error where `path` is empty.
  static Expected<LogProbWriter> create(const std::string &path,
                                        const Tokenizer &tokenizer);
  Status write(const LogProbs &logProbs);
  /// Gives the file its name.
  Status commit();

private:
  explicit LogProbWriter(const Tokenizer &tokenizer) : tokenizer(&tokenizer) {}

  const Tokenizer *tokenizer;
  std::optional<OutputFile> file;
};

} // namespace mica

#endif // TOOLS_MICA_LOGPROBS_H
