//===- Variants.cpp - A model's code with other schedules -----------------===//

#include "lib/Compiler/Variants.h"
#include "lib/Compiler/Options.h"
#include "lib/Compiler/Packing.h"
#include "lib/Compiler/Register.h"
#include "lib/Compiler/Source.h"
#include "lib/Compiler/Stages.h"
#include "lib/Target/CPU/Emit.h"
#include "lib/Target/CPU/HostImage.h"
#include "passes/CPU/Passes.h"
#include "passes/CPU/ScheduleRows.h"

using namespace mlir;
using namespace mica;

ModelVariants::ModelVariants(const CompileOptions &options)
    : input(options.input),
      mlirContext(registerCompiler(), MLIRContext::Threading::DISABLED),
      keeper(&mlirContext) {}

Error ModelVariants::failure(const char *what) const {
  return keeper.failure(input + ": " + what);
}

Status ModelVariants::build(const CompileOptions &options) {
  auto source = readSource(mlirContext, options, keeper);
  if (!source)
    return source.takeError();
  auto found = getTarget(*source->module);
  if (!found)
    return found.takeError();
  cpu = std::move(*found);
  module = std::move(source->module);
  PassManager pm(&mlirContext);
  for (const Stage &stage : allStages())
    if (stage.build && stage.name != "cpu")
      stage.build(pm);
  if (failed(pm.run(*module)))
    return failure("stage kernels failed");
  takePacking(*module);
  return {};
}

Expected<std::unique_ptr<ModelVariants>>
ModelVariants::create(const CompileOptions &options) {
  std::unique_ptr<ModelVariants> variants(new ModelVariants(options));
  if (Status status = variants->build(options); !status)
    return status.takeError();
  return variants;
}

Expected<std::vector<Product>> ModelVariants::products() {
  OwningOpRef<ModuleOp> assigned = module->clone();
  PassManager pm(&mlirContext);
  pm.addPass(createAssignSchedulesPass());
  if (failed(pm.run(*assigned)))
    return failure("schedules are missing");
  std::vector<Product> products;
  assigned->walk([&](tile::ContractOp op) {
    DictionaryAttr kernel = cpu::describeKernel(op);
    auto it = llvm::find_if(products, [&](const Product &product) {
      return product.kernel == kernel;
    });
    if (it == products.end())
      it = products.insert(it, {kernel, *op.getSchedule(), {}});
    it->phases.insert(op->getParentOfType<tile::PhaseOp>().getId());
  });
  return products;
}

Expected<LoadedCode> ModelVariants::compile(ArrayAttr rows) {
  OwningOpRef<ModuleOp> variant = module->clone();
  (*variant)->setAttr("tile.schedules", rows);
  PassManager pm(&mlirContext);
  allStages().back().build(pm);
  if (failed(pm.run(*variant)))
    return failure("stage cpu failed");
  auto bytes = (*variant)->getAttrOfType<IntegerAttr>("tile.worker_bytes");
  auto image = emitImage(*variant, *cpu);
  if (!image)
    return image.takeError();
  auto mapped = HostImage::map(*image);
  if (!mapped)
    return mapped.takeError();
  auto host = std::make_shared<HostImage>(std::move(*mapped));
  auto *entry = host->find<std::remove_pointer_t<mica_entry>>("mica_entry");
  if (!entry)
    return failure("module without 'mica_entry', expected the function");
  return LoadedCode{std::move(host), entry, uint64_t(bytes.getInt())};
}
