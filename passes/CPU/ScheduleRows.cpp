//===- ScheduleRows.cpp - Which row of a table a kernel takes -------------===//

#include "passes/CPU/ScheduleRows.h"

using namespace mlir;
using namespace mica;

/// The type of the elements of a memref.
static TypeAttr elementOf(Value memref) {
  return TypeAttr::get(cast<MemRefType>(memref.getType()).getElementType());
}

DictionaryAttr cpu::describeKernel(Operation *op) {
  NamedAttrList fields;
  Builder b(op->getContext());
  fields.set("op", b.getStringAttr(op->getName().getStringRef()));
  if (auto attend = dyn_cast<tile::AttendOp>(op)) {
    fields.set("weight", elementOf(attend.getKeys()));
    fields.set("input", elementOf(attend.getQuery()));
  }
  if (auto contract = dyn_cast<tile::ContractOp>(op)) {
    MemRefType weight = contract.getWeight().getType();
    fields.set("weight", elementOf(contract.getWeight()));
    fields.set("input", elementOf(contract.getInput()));
    fields.set("columns", contract.getColumnsAttr());
    int64_t padded = weight.getDimSize(1) * weight.getDimSize(3);
    fields.set("terms",
               b.getI64IntegerAttr(contract.getTerms().value_or(padded)));
    if (auto blocks = contract.getBlocksAttr())
      fields.set("blocks", blocks);
  }
  return fields.getDictionary(op->getContext());
}

DictionaryAttr cpu::findRow(ArrayAttr table, Operation *op) {
  DictionaryAttr kernel = describeKernel(op);
  auto agrees = [&](DictionaryAttr row, StringRef field) {
    Attribute wanted = row.get(field);
    return !wanted || wanted == kernel.get(field);
  };
  for (auto row : table.getAsRange<DictionaryAttr>())
    if (row.get("op") == kernel.get("op") &&
        llvm::all_of(ArrayRef<StringRef>{"weight", "input", "columns", "terms",
                                         "blocks"},
                     [&](StringRef field) { return agrees(row, field); }))
      return row;
  return {};
}
