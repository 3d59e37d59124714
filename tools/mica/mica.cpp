//===- mica.cpp - Compile, run and examine models -------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Commands.h"

using namespace mica;

int main(int argc, char **argv) {
  if (int status = runCompilerCommand(argc, argv))
    return status;
  int status = 0;
  CLI::App app("Mica compiles language models and runs them.\n\n"
               "  mica compile MODEL -o M.mica\n"
               "  mica run M.mica -p \"The capital of France is\"\n");
  app.require_subcommand(1);
  addCompilerCommands(app);
  addRunCommand(app, status);
  addEmbedCommand(app, status);
  addEvalCommand(app, status);
  addBenchCommand(app, status);
  addExplainCommand(app, status);
  addTokenizeCommand(app, status);
  addVerifyCommand(app, status);
  CLI11_PARSE(app, argc, argv);
  return status;
}
