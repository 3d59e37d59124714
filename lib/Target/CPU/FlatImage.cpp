//===- FlatImage.cpp - Code as one block of bytes -------------------------===//

#include "lib/Target/CPU/FlatImage.h"
#include "lib/Target/CPU/Relocations.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mica;

namespace {
using Object = object::ELF64LEObjectFile;
using Section = object::ELFSectionRef;

/// Links one object.
class Linker {
public:
  explicit Linker(const Object &object) : object(object) {}

  mica::Expected<FlatImage> run() {
    if (Status s = layOut(); !s)
      return s.takeError();
    for (Section section : object.sections())
      if (Status s = relocate(section); !s)
        return s.takeError();
    if (Status s = collectSymbols(); !s)
      return s.takeError();
    return std::move(image);
  }

private:
  Status layOut();
  Status place(Section section);
  Status relocate(Section rules);
  Status apply(object::ELFRelocationRef relocation, uint64_t base);
  Status collectSymbols();
  mica::Expected<uint64_t> addressOf(object::ELFSymbolRef symbol);

  const Object &object;
  FlatImage image;
  /// Index of a section to its offset in the image.
  DenseMap<uint64_t, uint64_t> offsets;
};

/// The message of `error`.
mica::Error describe(llvm::Error error) {
  return mica::Error{"object: " + toString(std::move(error))};
}

std::string nameOf(Section section) {
  llvm::Expected<StringRef> name = section.getName();
  if (name)
    return name->str();
  consumeError(name.takeError());
  return "?";
}
} // namespace

/// Code first, so that the image begins with it.
Status Linker::layOut() {
  for (bool code : {true, false})
    for (Section section : object.sections()) {
      bool executable = section.getFlags() & ELF::SHF_EXECINSTR;
      if (!(section.getFlags() & ELF::SHF_ALLOC) || !section.getSize() ||
          executable != code || nameOf(section) == ".eh_frame")
        continue;
      if (Status s = place(section); !s)
        return s;
    }
  image.bytes.resize(alignTo(image.bytes.size(), 64));
  return Status();
}

Status Linker::place(Section section) {
  if (section.getFlags() & (ELF::SHF_WRITE | ELF::SHF_TLS))
    return mica::Error{"section '" + nameOf(section) +
                       "' is writable, expected code and constants only"};
  uint64_t begin =
      alignTo(image.bytes.size(),
              std::max<uint64_t>(64, section.getAlignment().value()));
  image.bytes.resize(begin);
  offsets[section.getIndex()] = begin;
  llvm::Expected<StringRef> contents = section.getContents();
  if (!contents)
    return describe(contents.takeError());
  image.bytes.insert(image.bytes.end(), contents->bytes_begin(),
                     contents->bytes_end());
  return Status();
}

mica::Expected<uint64_t> Linker::addressOf(object::ELFSymbolRef symbol) {
  llvm::Expected<StringRef> name = symbol.getName();
  if (!name)
    return describe(name.takeError());
  llvm::Expected<object::section_iterator> home = symbol.getSection();
  if (!home)
    return describe(home.takeError());
  if (*home == object.section_end())
    return mica::Error{"generated code needs symbol '" + name->str() +
                       "', expected none from outside"};
  auto placed = offsets.find((*home)->getIndex());
  if (placed == offsets.end())
    return mica::Error{"symbol '" + name->str() +
                       "' lies outside code and constants"};
  return placed->second + cantFail(symbol.getValue());
}

Status Linker::relocate(Section rules) {
  llvm::Expected<object::section_iterator> home = rules.getRelocatedSection();
  if (!home)
    return describe(home.takeError());
  if (*home == object.section_end())
    return Status();
  auto placed = offsets.find((*home)->getIndex());
  if (placed == offsets.end())
    return Status();
  for (object::ELFRelocationRef relocation : rules.relocations())
    if (Status s = apply(relocation, placed->second); !s)
      return s;
  return Status();
}

Status Linker::apply(object::ELFRelocationRef relocation, uint64_t base) {
  auto target = addressOf(*relocation.getSymbol());
  if (!target)
    return target.takeError();
  llvm::Expected<int64_t> addend = relocation.getAddend();
  if (!addend)
    return describe(addend.takeError());
  Relocation found{uint32_t(relocation.getType()),
                   base + relocation.getOffset(), int64_t(*target) + *addend};
  return object.getArch() == Triple::aarch64
             ? relocateAArch64(image.bytes, found)
             : relocateX86(image.bytes, found);
}

Status Linker::collectSymbols() {
  for (object::ELFSymbolRef symbol : object.symbols()) {
    if (symbol.getELFType() != ELF::STT_FUNC ||
        symbol.getBinding() == ELF::STB_LOCAL)
      continue;
    auto address = addressOf(symbol);
    if (!address)
      return address.takeError();
    image.symbols[cantFail(symbol.getName()).str()] = *address;
  }
  return Status();
}

mica::Expected<FlatImage> mica::linkImage(StringRef object) {
  auto parsed =
      object::ObjectFile::createELFObjectFile(MemoryBufferRef(object, "code"));
  if (!parsed)
    return describe(parsed.takeError());
  auto *elf = dyn_cast<Object>(parsed->get());
  if (!elf ||
      (elf->getArch() != Triple::x86_64 && elf->getArch() != Triple::aarch64))
    return mica::Error{"object: another kind, expected x86-64 or AArch64 ELF"};
  return Linker(*elf).run();
}
