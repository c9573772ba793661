#include "io/text_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "chemistry/elements.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlanks = " \t";

}  // namespace

TextLines::TextLines(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

bool TextLines::next(std::string_view& line) {
  if (text_.empty()) return false;
  const auto end = std::min(text_.find_first_of("\r\n"), text_.size());
  line = text_.substr(0, end);
  text_.remove_prefix(end);
  if (text_.starts_with("\r\n")) text_.remove_prefix(1);
  if (!text_.empty()) text_.remove_prefix(1);
  ++number_;
  return true;
}

std::string TextLines::where() const {
  return fmt::format("{}:{}", origin_, number_);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (line = trimmed(line); !line.empty(); line = trimmed(line)) {
    const auto end = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

bool is_whole_number(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<double> number_in(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::string plain(text);
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return c == 'D' || c == 'd'; }, 'e');
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size()) return std::nullopt;
  return value;
}

double finite_number(std::string_view text, const std::string& where, const char* what) {
  const auto value = number_in(text);
  if (!value) throw DataError("{}: {}: expected a number, found '{}'", where, what, text);
  if (!std::isfinite(*value)) throw DataError("{}: {} is not finite", where, what);
  return *value;
}

int element_of(std::string_view symbol, const std::string& where) {
  if (const int number = atomic_number(symbol)) return number;
  constexpr std::array<std::string_view, 6> virtual_sites{"EP", "EPW", "LP", "M", "MW", "VS"};
  if (std::find(virtual_sites.begin(), virtual_sites.end(), symbol) != virtual_sites.end()) {
    throw DataError(
        "{}: '{}' is a virtual site, not an atom: only models whose particles are all atoms are supported",
        where, symbol);
  }
  throw DataError("{}: '{}' is not an element from H to Rn", where, symbol);
}

}  // namespace equibolt
