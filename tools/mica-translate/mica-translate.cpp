//===- mica-translate.cpp - LLVM dialect to code, for tests ---------------===//

#include "lib/Compiler/Register.h"
#include "lib/Target/CPU/Emit.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

using namespace mica;

namespace {
/// The image, followed by nothing; its symbols go to `table`, one
/// `offset name` a line.
Expected<std::string> emitFlat(mlir::ModuleOp module, const CPUTarget &target,
                               std::ostream &table) {
  Expected<FlatImage> image = emitImage(module, target);
  if (!image)
    return image.takeError();
  for (auto &[name, offset] : image->symbols)
    table << offset << ' ' << name << '\n';
  return std::string(image->bytes.begin(), image->bytes.end());
}

Expected<std::string> translate(mlir::ModuleOp module, const std::string &cpu,
                                const std::string &kind, std::ostream &table) {
  Expected<CPUTarget> target =
      cpu.empty() ? getTarget(module) : resolveCPU(cpu);
  if (!target)
    return target.takeError();
  if (kind == "image")
    return emitFlat(module, *target, table);
  return emitCode(module, *target,
                  kind == "llvm"  ? EmitKind::LLVM
                  : kind == "asm" ? EmitKind::Asm
                                  : EmitKind::Object);
}
} // namespace

int main(int argc, char **argv) {
  std::string input = "-", output = "-", emit = "image", cpu;
  CLI::App app("LLVM dialect to code. Example:\n"
               "  mica-translate --emit=asm kernel.mlir -o kernel.s");
  app.add_option("input", input, "module in the LLVM dialect");
  app.add_option("-o", output, "result");
  app.add_option("--emit", emit, "kind of result")
      ->check(CLI::IsMember({"llvm", "asm", "obj", "image"}));
  app.add_option("--cpu", cpu, "the module's own if not given");
  CLI11_PARSE(app, argc, argv);

  mlir::MLIRContext context(registerCompiler());
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  if (!module)
    return 1;
  std::ostringstream table;
  Expected<std::string> bytes = translate(*module, cpu, emit, table);
  if (!bytes) {
    std::cerr << "mica-translate: " << input << ": " << bytes.error().message
              << '\n';
    return 1;
  }
  if (output == "-") {
    std::cout << *bytes;
    return 0;
  }
  std::ofstream(output, std::ios::binary) << *bytes;
  std::cout << table.str();
  return 0;
}
