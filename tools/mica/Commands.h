//===- Commands.h - The subcommands of `mica` -------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_COMMANDS_H
#define TOOLS_MICA_COMMANDS_H

#include "CLI/CLI.hpp"

#include <string>

namespace mica {

// Each adds one subcommand. When that is the one given, parsing the arguments
// runs it and sets `status`, the exit status, which is 0 before.

void addBenchCommand(CLI::App &app, int &status);
void addEmbedCommand(CLI::App &app, int &status);
void addEvalCommand(CLI::App &app, int &status);
void addExplainCommand(CLI::App &app, int &status);
void addRunCommand(CLI::App &app, int &status);
/// The options of `run` for a program that carries `model`, or, if it is empty,
/// is given one.
void addRunOptions(CLI::App &command, int &status, const std::string &model);

void addTokenizeCommand(CLI::App &app, int &status);
void addVerifyCommand(CLI::App &app, int &status);

/// Adds `compile`, `diff` and `tune`, which are programs of their own, so that
/// `mica` starts without the compiler.
void addCompilerCommands(CLI::App &app);

/// Replaces this process by the program of `argv[1]` if that is one of those;
/// otherwise returns 0. Returns an exit status if the program cannot be run.
int runCompilerCommand(int argc, char **argv);

} // namespace mica

#endif // TOOLS_MICA_COMMANDS_H
