/*===- artifact.h - Layout of a .mica file ---------------------------------===
 *
 * A .mica file is a header of one page, then sections, each at a multiple of
 * its alignment. All integers are little-endian. The compiler writes it
 * (`lib/Artifact/Writer.cpp`), the runtime maps it (`runtime/Artifact.cpp`).
 *
 * Part of Mica, under Apache-2.0 WITH LLVM-exception.
 *===----------------------------------------------------------------------===*/

#ifndef MICA_ARTIFACT_H
#define MICA_ARTIFACT_H

#include <stdint.h>

#define MICA_ARTIFACT_MAGIC "MICA-22\n"
#define MICA_ARTIFACT_VERSION 1
#define MICA_PAGE 4096
#define MICA_MAX_SECTIONS 64

enum mica_section_kind {
  MICA_SECTION_MANIFEST = 1,  /* JSON, UTF-8 (docs/architecture.md) */
  MICA_SECTION_CODE = 2,      /* a flat position-independent image; page aligned */
  MICA_SECTION_WEIGHTS = 3,   /* packed weights; page aligned; checked by `verify` */
  MICA_SECTION_TOKENIZER = 4, /* tables that the runtime maps (runtime/Tokenizer) */
};

typedef struct mica_section {
  uint32_t kind;     /* mica_section_kind */
  uint32_t index;    /* among sections of one kind: code images by target */
  uint64_t offset;   /* from the start of the file */
  uint64_t size;     /* bytes */
  uint64_t checksum; /* hash of the bytes (include/mica/Hash.h) */
} mica_section;

typedef struct mica_header {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t abi_hash;  /* MICA_ABI_HASH of the compiler that wrote the file */
  uint64_t file_size; /* a shorter file is truncated */
  uint64_t checksum;  /* of the section table that follows */
  mica_section section[MICA_MAX_SECTIONS];
} mica_header;

#endif /* MICA_ARTIFACT_H */
