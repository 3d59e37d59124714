//===- ChatTemplates.h - The chat template of a checkpoint ------*- C++ -*-===//

#ifndef LIB_COMPILER_CHATTEMPLATES_H
#define LIB_COMPILER_CHATTEMPLATES_H

#include "lib/Import/Checkpoint.h"
#include "runtime/Chat/ChatSource.h"

namespace mica {

/// The template of `checkpoint` and the tokens that it names: of the GGUF file
/// itself, or of chat_template.jinja, additional_chat_templates/tool_use.jinja
/// and tokenizer_config.json in its directory, as far as they are there.
Expected<ChatSource> chatSource(const Checkpoint &checkpoint);

} // namespace mica

#endif // LIB_COMPILER_CHATTEMPLATES_H
