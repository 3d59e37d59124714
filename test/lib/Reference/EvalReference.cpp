//===- EvalReference.cpp - `mica eval` of the reference -------------------===//
//
// EvalReference MODULE.mlir T.npy L.npy PREFILL: runs the stage-0 module on all
// sequences of T at once, PREFILL tokens of each in the first step and one in
// every other, and writes the logits, [sequences, tokens, vocabulary].
//
//===----------------------------------------------------------------------===//

#include "lib/Compiler/Register.h"
#include "lib/Reference/Reference.h"
#include "mlir/Parser/Parser.h"
#include "tools/mica/Npy.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>

using namespace mica;

namespace {

/// Tokens [first, end) of every sequence in one step; all rows are wanted.
ReferenceStep makeStep(const IntArray &tokens, int64_t first, int64_t end) {
  ReferenceStep step;
  step.rowStart.push_back(0);
  int64_t sequences = tokens.shape[0], length = tokens.shape[1];
  for (int64_t s = 0; s < sequences; ++s) {
    for (int64_t p = first; p < end; ++p) {
      step.token.push_back(tokens.values[s * length + p]);
      step.position.push_back(p);
    }
    step.rowStart.push_back(step.token.size());
    step.length.push_back(end);
  }
  step.outRow.resize(step.token.size());
  std::iota(step.outRow.begin(), step.outRow.end(), 0);
  return step;
}

Status evaluate(mlir::ModuleOp module, const IntArray &tokens, int64_t prefill,
                const std::string &output) {
  auto path = module->getAttrOfType<mlir::StringAttr>("mica.checkpoint");
  auto checkpoint = Checkpoint::open(path ? path.str() : "");
  if (!checkpoint)
    return checkpoint.takeError();
  uint64_t sequences = tokens.shape[0], length = tokens.shape[1];
  auto reference = Reference::create(
      module, loadFrom(*checkpoint),
      {.sequences = int64_t(sequences), .context = int64_t(length)});
  if (!reference)
    return reference.takeError();
  std::optional<NpyWriter> writer;
  for (uint64_t first = 0; first < length;) {
    uint64_t end = first ? first + 1 : prefill, rows = end - first;
    auto logits = reference->run(makeStep(tokens, first, end));
    if (!logits)
      return logits.takeError();
    uint64_t vocabulary = logits->size() / (sequences * rows);
    if (!writer) {
      uint64_t shape[] = {sequences, length, vocabulary};
      auto created = NpyWriter::create(output, shape);
      if (!created)
        return created.takeError();
      writer.emplace(std::move(*created));
    }
    for (uint64_t s = 0; s < sequences; ++s)
      if (Status status =
              writer->write((s * length + first) * vocabulary,
                            std::span(*logits).subspan(s * rows * vocabulary,
                                                       rows * vocabulary));
          !status)
        return status;
    first = end;
  }
  return writer->commit();
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 5) {
    std::cerr << "usage: EvalReference MODULE.mlir T.npy L.npy PREFILL\n";
    return 2;
  }
  mlir::MLIRContext context(registerCompiler());
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  std::ifstream file(argv[2], std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  auto tokens = parseNpy(bytes, argv[2]);
  Status status = tokens
                      ? evaluate(*module, *tokens, std::stoll(argv[4]), argv[3])
                      : Status(tokens.takeError());
  if (!status)
    std::cerr << "EvalReference: " << status.error().message << "\n";
  return status ? 0 : 1;
}
