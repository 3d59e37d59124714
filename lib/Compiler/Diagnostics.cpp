//===- Diagnostics.cpp - What stages say, kept ----------------------------===//

#include "lib/Compiler/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mica;

std::string mica::oneLine(const Diagnostic &diagnostic) {
  std::string result;
  llvm::raw_string_ostream os(result);
  if (auto place = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
    os << place.getFilename().getValue() << ':' << place.getLine() << ':'
       << place.getColumn() << ": ";
  os << diagnostic;
  std::replace(result.begin(), result.end(), '\n', ' ');
  return result;
}

namespace {
/// Hands the remarks of a context's engine to a keeper.
struct Streamer : remark::detail::MLIRRemarkStreamerBase {
  explicit Streamer(DiagnosticKeeper &keeper) : keeper(keeper) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    std::string message;
    for (const auto &arg : remark.getArgs())
      message += arg.val;
    bool missed = remark.getRemarkType() == llvm::remarks::Type::Missed;
    keeper.add({missed, std::move(message)});
  }

  DiagnosticKeeper &keeper;
};
} // namespace

DiagnosticKeeper::DiagnosticKeeper(MLIRContext *context)
    : handler(context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            error.empty())
          error = oneLine(diagnostic);
        return success();
      }) {
  remark::RemarkCategories categories;
  categories.passed = categories.missed = "mica";
  // Fails only where a context has an engine already.
  (void)remark::enableOptimizationRemarks(
      *context, std::make_unique<Streamer>(*this),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}

void DiagnosticKeeper::add(Remark remark) {
  if (llvm::none_of(kept, [&](const Remark &other) {
        return other.message == remark.message;
      }))
    kept.push_back(std::move(remark));
}

Error DiagnosticKeeper::failure(const std::string &what) const {
  return Error{what + (error.empty() ? "" : ": " + error)};
}
