/*===- artifact.h - Layout of a .mica file ---------------------------------===
 *
 * A .mica file is a header of one page, then sections, each at a multiple of
 * its alignment. All integers are little-endian. The compiler writes it
 * (`lib/Artifact/Writer.cpp`), the runtime maps it (`runtime/Artifact.cpp`).
 * A program or a library may carry the same bytes behind its own.
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
  uint64_t offset;   /* from the header */
  uint64_t size;     /* bytes */
  uint64_t checksum; /* hash of the bytes (include/mica/Hash.h) */
} mica_section;

typedef struct mica_header {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t abi_hash;  /* MICA_ABI_HASH of the compiler that wrote the file */
  uint64_t file_size; /* of the artifact; a shorter one is truncated */
  uint64_t checksum;  /* of the section table that follows */
  mica_section section[MICA_MAX_SECTIONS];
} mica_header;

/* The last bytes of a file that carries an artifact behind something else. The
 * artifact begins at a multiple of MICA_CARRIED_ALIGN, so that the page cache
 * keeps it in huge pages as it does a file of its own, and ends here. */
#define MICA_TRAILER_MAGIC "MICA-at\n"
#define MICA_CARRIED_ALIGN (2 << 20)

typedef struct mica_trailer {
  uint64_t offset; /* of the header, from the start of the file */
  uint64_t size;   /* of the artifact */
  char magic[8];
} mica_trailer;

#endif /* MICA_ARTIFACT_H */
