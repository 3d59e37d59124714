//===- ChatTemplates.h - The chat template of a checkpoint ------*- C++ -*-===//

#ifndef LIB_IMPORT_CHATTEMPLATES_H
#define LIB_IMPORT_CHATTEMPLATES_H

#include "lib/Import/Checkpoint.h"
#include "runtime/Chat/ChatSource.h"

namespace mica {

/// The template of `checkpoint` and the tokens that it names: of the GGUF file
/// itself, or of its directory. There chat_template.jinja, with the tool_use of
/// additional_chat_templates, takes the place of what tokenizer_config.json
/// has.
Expected<ChatSource> chatSource(const Checkpoint &checkpoint);

/// What a GGUF file says, and what a tokenizer_config.json does.
Expected<ChatSource> chatSource(const GGUF &gguf);
Expected<ChatSource> chatSource(const MappedFile &tokenizerConfig);

} // namespace mica

#endif // LIB_IMPORT_CHATTEMPLATES_H
