//===- Lexer.cpp - A chat template's tokens -------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Lexer.h"
#include "runtime/Chat/Text.h"

#include <algorithm>

using namespace mica;
using namespace mica::chat;

std::string chat::atLine(uint32_t line) {
  return "line " + std::to_string(line) + ": ";
}

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         uint8_t(c) >= 0x80;
}
bool isName(char c) { return isNameStart(c) || isDigit(c); }

class Lexer {
public:
  explicit Lexer(std::string_view source);
  Expected<std::vector<Token>> run();

private:
  using Kind = Token::Kind;

  void add(Kind kind, std::string text = "");
  void advance(size_t size);
  bool fail(const std::string &what);
  void addText(std::string_view text, bool block, char sign);
  bool lexComment();
  bool lexRaw(size_t begin);
  bool lexTag(Kind end, std::string_view close);
  bool endTag(Kind end, std::string_view close);
  void afterTag(char sign, bool trim);
  bool lexExpressionToken();
  bool lexString();
  void lexNumber();
  bool lexOperator();
  void skipSpace();
  bool unescape(std::string_view text, std::string &out);
  size_t findTag(size_t from) const;

  bool starts(std::string_view text) const {
    return rest().substr(0, text.size()) == text;
  }
  std::string_view rest() const {
    return std::string_view(source).substr(place);
  }
  char at(size_t offset) const {
    return place + offset < source.size() ? source[place + offset] : '\0';
  }

  std::string
      source; // With "\n" as the end of every line, but none at the end.
  size_t place = 0;
  uint32_t line = 1;
  bool lineStart = true; // Whether the last tag's end was a line's.
  std::string open;      // Brackets of the tag.
  std::vector<Token> tokens;
  std::string error;
};

Lexer::Lexer(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
      ++i;
    source += text[i] == '\r' ? '\n' : text[i];
  }
  if (source.ends_with('\n'))
    source.pop_back();
}

void Lexer::add(Kind kind, std::string text) {
  tokens.push_back({kind, std::move(text), line});
}

void Lexer::advance(size_t size) {
  line +=
      std::count(source.begin() + place, source.begin() + place + size, '\n');
  place += size;
}

bool Lexer::fail(const std::string &what) {
  error = atLine(line) + what;
  return false;
}

/// The next place where a tag or a comment begins.
size_t Lexer::findTag(size_t from) const {
  for (size_t i = source.find('{', from); i != std::string::npos;
       i = source.find('{', i + 1))
    if (i + 1 < source.size() &&
        (source[i + 1] == '{' || source[i + 1] == '%' || source[i + 1] == '#'))
      return i;
  return std::string::npos;
}

/// Adds the text before a tag with `sign` behind its opening ('\0': none).
void Lexer::addText(std::string_view text, bool block, char sign) {
  if (sign == '-') {
    text = strip(text, false, true);
  } else if (sign != '+' && block) {
    size_t begin = text.rfind('\n') + 1; // 0 if there is none.
    if ((begin > 0 || lineStart) &&
        strip(text.substr(begin), true, false).empty())
      text = text.substr(0, begin);
  }
  if (!text.empty())
    add(Kind::Text, std::string(text));
}

/// Cuts white space behind a tag that ended with `sign`.
void Lexer::afterTag(char sign, bool trim) {
  size_t before = place;
  if (sign == '-')
    skipSpace();
  else if (sign != '+' && trim && at(0) == '\n')
    advance(1);
  lineStart = place > before && source[place - 1] == '\n';
}

void Lexer::skipSpace() {
  advance(rest().size() - strip(rest(), true, false).size());
}

bool Lexer::lexComment() {
  size_t end = source.find("#}", place + 2);
  if (end == std::string::npos)
    return fail("comment has no end, expected '#}'");
  char sign = end > place + 2 ? source[end - 1] : '\0';
  advance(end + 2 - place);
  afterTag(sign, true);
  return true;
}

/// After `{% raw %}`: everything up to `{% endraw %}` is text.
bool Lexer::lexRaw(size_t begin) {
  for (size_t i = source.find("{%", begin); i != std::string::npos;
       i = source.find("{%", i + 2)) {
    size_t word = i + 2;
    char sign = word < source.size() ? source[word] : '\0';
    word += sign == '-' || sign == '+';
    word = std::min(source.find_first_not_of(" \t\n", word), source.size());
    if (source.compare(word, 6, "endraw"))
      continue;
    size_t end =
        std::min(source.find_first_not_of(" \t\n", word + 6), source.size());
    char last = end < source.size() ? source[end] : '\0';
    bool isSigned = last == '-' || last == '+';
    if (source.compare(end + isSigned, 2, "%}"))
      continue;
    addText(std::string_view(source).substr(place, i - place), true, sign);
    advance(end + isSigned + 2 - place);
    afterTag(last, true);
    return true;
  }
  return fail("raw block has no end, expected '{% endraw %}'");
}

bool Lexer::endTag(Kind end, std::string_view close) {
  char sign =
      at(0) == '-' || (at(0) == '+' && end == Kind::BlockEnd) ? at(0) : '\0';
  if (rest().substr(sign ? 1 : 0, 2) != close)
    return false;
  add(end);
  advance(sign ? 3 : 2);
  afterTag(sign, end == Kind::BlockEnd);
  return true;
}

/// The tokens of a tag, behind its opening.
bool Lexer::lexTag(Kind end, std::string_view close) {
  open.clear();
  uint32_t begin = line;
  while (true) {
    skipSpace();
    if (place == source.size()) {
      line = begin;
      return fail("tag has no end, expected '" + std::string(close) + "'");
    }
    if (open.empty() && endTag(end, close))
      return true;
    if (!lexExpressionToken())
      return false;
  }
}

bool Lexer::lexExpressionToken() {
  char c = at(0);
  if (isDigit(c)) {
    lexNumber();
    return true;
  }
  if (c == '"' || c == '\'')
    return lexString();
  if (!isNameStart(c))
    return lexOperator();
  size_t size = 1;
  while (isName(at(size)))
    ++size;
  add(Kind::Name, std::string(rest().substr(0, size)));
  advance(size);
  return true;
}

void Lexer::lexNumber() {
  auto digits = [&](size_t i) {
    while (isDigit(at(i)) || (at(i) == '_' && isDigit(at(i + 1))))
      ++i;
    return i;
  };
  size_t size = digits(0);
  bool real = false;
  if (at(0) == '0' && size == 1 &&
      std::string_view("xXoObB").find(at(1)) != std::string_view::npos) {
    for (size = 2; isName(at(size)) && at(size) < 'g';)
      ++size;
  } else {
    if (at(size) == '.' && isDigit(at(size + 1)))
      real = true, size = digits(size + 1);
    size_t sign = at(size + 1) == '+' || at(size + 1) == '-';
    if ((at(size) == 'e' || at(size) == 'E') && isDigit(at(size + 1 + sign)))
      real = true, size = digits(size + 1 + sign);
  }
  std::string text(rest().substr(0, size));
  std::erase(text, '_');
  add(real ? Kind::Float : Kind::Integer, text);
  advance(size);
}

bool Lexer::lexString() {
  size_t end = 1;
  while (place + end < source.size() && at(end) != at(0))
    end += at(end) == '\\' ? 2 : 1;
  if (place + end >= source.size())
    return fail("string has no end");
  std::string text;
  if (!unescape(rest().substr(1, end - 1), text))
    return false;
  add(Kind::String, std::move(text));
  advance(end + 1);
  return true;
}

/// Python's escapes; one that it does not know stays as it is.
bool Lexer::unescape(std::string_view text, std::string &out) {
  static constexpr std::string_view letters = "abfnrtv\\'\"\n";
  static constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"";
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char c = text[++i];
    size_t known = letters.find(c);
    bool octal = c >= '0' && c <= '7';
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (known < meanings.size()) {
      out += meanings[known];
    } else if (octal || digits) {
      size_t size = 0, base = octal ? 8 : 16, first = i + !octal;
      std::string_view all = octal ? "01234567" : "0123456789abcdefABCDEF";
      while (first + size < text.size() && size < (octal ? 3 : digits) &&
             all.find(text[first + size]) != std::string_view::npos)
        ++size;
      if (!octal && size < digits)
        return fail("string has an escape of " + std::to_string(size) +
                    " digits, expected " + std::to_string(digits));
      appendCodePoint(out,
                      uint32_t(std::stoul(std::string(text.substr(first, size)),
                                          nullptr, int(base))));
      i = first + size - 1;
    } else if (known == std::string_view::npos) {
      (out += '\\') += c;
    }
  }
  return true;
}

bool Lexer::lexOperator() {
  static constexpr std::string_view operators[] = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  auto found =
      std::find_if(std::begin(operators), std::end(operators),
                   [&](std::string_view text) { return starts(text); });
  if (found == std::end(operators))
    return fail("unexpected character '" +
                std::string(characters(rest().substr(0, 4))[0]) + "'");
  char c = (*found)[0];
  if (c == '(' || c == '[' || c == '{')
    open += c == '(' ? ')' : c == '[' ? ']' : '}';
  if (c == ')' || c == ']' || c == '}') {
    if (!open.ends_with(c))
      return fail(std::string("unexpected '") + c + "'" +
                  (open.empty()
                       ? std::string()
                       : std::string(", expected '") + open.back() + "'"));
    open.pop_back();
  }
  add(Kind::Operator, std::string(*found));
  advance(found->size());
  return true;
}

Expected<std::vector<Token>> Lexer::run() {
  while (error.empty()) {
    size_t tag = findTag(place);
    bool last = tag == std::string::npos;
    std::string_view text = rest().substr(0, last ? tag : tag - place);
    if (last) {
      addText(text, false, '\0');
      advance(text.size());
      break;
    }
    char kind = source[tag + 1];
    char sign = tag + 2 < source.size() ? source[tag + 2] : '\0';
    bool isSigned = sign == '-' || (sign == '+' && kind != '{');
    size_t word = source.find_first_not_of(" \t\n", tag + 2 + isSigned);
    addText(text, kind != '{', isSigned ? sign : '\0');
    advance(tag - place);
    if (kind == '#') {
      lexComment();
      continue;
    }
    add(kind == '{' ? Kind::OutputBegin : Kind::BlockBegin);
    advance(isSigned ? 3 : 2);
    if (kind == '{') {
      lexTag(Kind::OutputEnd, "}}");
      continue;
    }
    size_t end = word == std::string::npos
                     ? word
                     : source.find_first_not_of(" \t\n", word + 3);
    bool raw = end != std::string::npos && !source.compare(word, 3, "raw");
    bool cut = raw && source[end] == '-';
    if (raw && !source.compare(end + cut, 2, "%}")) {
      tokens.pop_back();
      advance(end + cut + 2 - place);
      afterTag(cut ? '-' : '+', false);
      lexRaw(place);
      continue;
    }
    lexTag(Kind::BlockEnd, "%}");
  }
  if (!error.empty())
    return Error{error};
  add(Kind::End);
  return std::move(tokens);
}

} // namespace

Expected<std::vector<Token>> chat::lexTemplate(std::string_view source) {
  return Lexer(source).run();
}
