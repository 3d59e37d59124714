//===- LogitSource.h - Logits of a model or of a file -----------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_LOGITSOURCE_H
#define TOOLS_MICA_LOGITSOURCE_H

#include "mica/Model.h"
#include "tools/mica/Npy.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mica {

/// What gives the logits after each token of windows, one window after the
/// other, each from an empty cache.
class LogitSource {
public:
  virtual ~LogitSource() = default;

  virtual uint32_t vocab() const = 0;
  virtual uint32_t maxContext() const = 0; ///< Tokens of a window at most.
  virtual uint32_t maxRows() const = 0;    ///< Tokens of a call at most.

  /// The artifact, if it is one.
  virtual const Model *model() const { return nullptr; }

  /// Begins the next window.
  virtual Status begin() = 0;

  /// Goes on with tokens and returns the logits after the last `outputs` of
  /// them, valid until the next call.
  virtual Expected<Logits> feed(std::span<const int32_t> tokens,
                                uint32_t outputs) = 0;
};

/// Whether a path is that of a .npy file.
bool isNpy(const std::string &path);

/// Opens an artifact with room for one sequence of `context` tokens.
Expected<std::unique_ptr<LogitSource>>
openModelSource(const std::string &path, const LoadOptions &options);

/// Opens a file of logits of tokens with this shape: float32 [sequences,
/// tokens, vocabulary], as `mica eval --logits` writes it.
Expected<std::unique_ptr<LogitSource>>
openNpySource(const std::string &path, std::span<const uint64_t> tokens);

} // namespace mica

#endif // TOOLS_MICA_LOGITSOURCE_H
