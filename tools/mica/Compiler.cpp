//===- Compiler.cpp - Commands that are programs of their own -------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/Commands.h"
#include "tools/mica/Support.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace mica;

namespace {
struct Program {
  const char *command, *name, *summary;
};
constexpr Program kPrograms[] = {
    {"compile", "mica-compile", "Compile a checkpoint to a .mica file"},
    {"diff", "mica-diff", "Name the first op that computes something wrong"},
    {"tune", "mica-tune", "Find faster schedules for this machine"},
};
} // namespace

void mica::addCompilerCommands(CLI::App &app) {
  for (const Program &program : kPrograms)
    app.add_subcommand(program.command, program.summary)->prefix_command();
}

int mica::runCompilerCommand(int argc, char **argv) {
  for (const Program &program : kPrograms) {
    if (argc < 2 || std::strcmp(argv[1], program.command) != 0)
      continue;
    std::string path = ownFolder() + program.name;
    argv[1] = path.data();
    execv(path.c_str(), argv + 1);
    return report(Error{path + ": cannot run: " + std::strerror(errno) +
                        ", expected it beside mica"});
  }
  return 0;
}
