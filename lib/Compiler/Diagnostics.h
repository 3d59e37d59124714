//===- Diagnostics.h - What stages say, kept --------------------*- C++ -*-===//

#ifndef LIB_COMPILER_DIAGNOSTICS_H
#define LIB_COMPILER_DIAGNOSTICS_H

#include "mica/Status.h"
#include "mlir/IR/Diagnostics.h"
#include <string>
#include <utility>
#include <vector>

namespace mica {

/// Something that a stage did, or why it did not.
struct Remark {
  bool missed; ///< what could be faster, `--no-fallback`'s errors
  std::string message;
};

/// `file:line:column: message`, or the message alone, in one line.
std::string oneLine(const mlir::Diagnostic &diagnostic);

/// Keeps the first error and the distinct remarks (mlir/IR/Remarks.h) of a
/// context, in the order in which they come. Outlives the passes that remark.
class DiagnosticKeeper {
public:
  explicit DiagnosticKeeper(mlir::MLIRContext *context);

  void add(Remark remark);
  const std::vector<Remark> &remarks() const { return kept; }
  /// Hands out the remarks kept so far: those of one of several modules.
  std::vector<Remark> takeRemarks() { return std::exchange(kept, {}); }

  /// `what` failed: with the first error, if there was one.
  Error failure(const std::string &what) const;

private:
  std::string error;
  std::vector<Remark> kept;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace mica

#endif // LIB_COMPILER_DIAGNOSTICS_H
