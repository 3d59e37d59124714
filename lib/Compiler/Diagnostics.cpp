//===- Diagnostics.cpp - What stages say, kept ----------------------------===//

#include "lib/Compiler/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mica;

/// `file:line:column: message`, or the message alone, in one line.
static std::string text(const Diagnostic &diagnostic) {
  std::string result;
  llvm::raw_string_ostream os(result);
  if (auto place = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
    os << place.getFilename().getValue() << ':' << place.getLine() << ':'
       << place.getColumn() << ": ";
  os << diagnostic;
  std::replace(result.begin(), result.end(), '\n', ' ');
  return result;
}

DiagnosticKeeper::DiagnosticKeeper(MLIRContext *context)
    : handler(context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            error.empty())
          error = text(diagnostic);
        if (diagnostic.getSeverity() == DiagnosticSeverity::Remark) {
          std::string message = diagnostic.str();
          add({StringRef(message).starts_with("not "), message});
        }
        return success();
      }) {}

void DiagnosticKeeper::add(Remark remark) {
  if (llvm::none_of(kept, [&](const Remark &other) {
        return other.message == remark.message;
      }))
    kept.push_back(std::move(remark));
}

Error DiagnosticKeeper::failure(const std::string &what) const {
  return Error{what + (error.empty() ? "" : ": " + error)};
}
