/* Continues a prompt with the model that a library carries:
 *   mica compile MODEL -o model.so --emit=so
 *   cc -std=c99 -Iinclude examples/c/main.c ./model.so -o main && ./main PROMPT
 */
#include "mica-c/mica.h"

#include <stdio.h>
#include <string.h>

static int show(void *user, int32_t token, const char *text, size_t length) {
  (void)token;
  return fwrite(text, 1, length, (FILE *)user) != length;
}

static int fail(void) {
  fprintf(stderr, "main: %s\n", mica_last_error());
  return 1;
}

int main(int argc, char **argv) {
  const char *prompt = argc > 1 ? argv[1] : "import os\n";
  mica_model *model = NULL;
  mica_sequence *sequence = NULL;
  int32_t ids[512];
  size_t count;
  int failed =
      mica_model_load(NULL, NULL, &model) ||
      mica_encode(model, prompt, strlen(prompt),
                  MICA_ADD_SPECIAL | MICA_PARSE_SPECIAL, ids, 512, &count) ||
      mica_sequence_create(model, &sequence) ||
      mica_model_generate(model, sequence, ids, count, NULL, 32, show, stdout);
  int status = failed ? fail() : puts("") < 0;
  mica_sequence_free(sequence);
  mica_model_free(model);
  return status;
}
